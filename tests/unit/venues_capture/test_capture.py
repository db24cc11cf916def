"""What is recorded is read again byte by byte, whatever happened to the recorder in between."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
import zstandard

from seawall_venues.capture.errors import CaptureError
from seawall_venues.capture.line import Line
from seawall_venues.capture.read import read_capture
from seawall_venues.capture.write import CaptureWriter

T0 = 1_790_000_000_000_000_000
SECOND = 1_000_000_000
URL = "ws://venue/stream"


def writer(folder: Path, *, max_bytes: int = 1 << 30, max_age_ns: int = 1 << 60) -> tuple[CaptureWriter, list[int]]:
    rotations: list[int] = []
    made = CaptureWriter(
        folder,
        "okx",
        is_listing=lambda url: "instruments" in url,
        max_bytes=max_bytes,
        max_age_ns=max_age_ns,
        on_rotation=lambda: rotations.append(1),
    )
    return made, rotations


def lines_in(folder: Path) -> list[Line]:
    return [line for path in sorted(folder.iterdir()) for line in lines_of(path)]


def lines_of(path: Path) -> list[Line]:
    head, *lines = read_capture(path)
    assert (head.kind, head.data) == ("header", b"okx")
    return lines


def test_every_kind_of_line_is_read_as_it_was_written_also_bytes_that_are_no_text(tmp_path: Path) -> None:
    capture, _ = writer(tmp_path)
    capture.fetched("http://venue/instruments", b'[{"a": 1.50}]', T0)
    capture.opened("okx.1.1", URL, T0 + 1)
    capture.sent("okx.1.1", URL, '{"op":"subscribe"}', T0 + 2)
    capture.received("okx.1.1", URL, b"\xff\x00{", T0 + 3)
    capture.received("okx.1.1", URL, '{"price":"1.10","word":"\u20ac"}'.encode(), T0 + 4)
    capture.ended("okx.1.1", URL, "gone", T0 + 5)
    capture.close()
    assert lines_in(tmp_path) == [
        Line("http", "", T0, "http://venue/instruments", b'[{"a": 1.50}]'),
        Line("connect", "okx.1.1", T0 + 1, URL, b""),
        Line("send", "okx.1.1", T0 + 2, URL, b'{"op":"subscribe"}'),
        Line("recv", "okx.1.1", T0 + 3, URL, b"\xff\x00{"),
        Line("recv", "okx.1.1", T0 + 4, URL, '{"price":"1.10","word":"\u20ac"}'.encode()),
        Line("end", "okx.1.1", T0 + 5, URL, b"gone"),
    ]


def test_a_recorder_that_is_killed_loses_a_second_at_most(tmp_path: Path) -> None:
    capture, _ = writer(tmp_path)
    for number in range(100):
        capture.received("c", URL, b'{"n":%d}' % number, T0 + number * SECOND // 10)
    read = [line.data for line in lines_in(tmp_path)]  # nothing was closed
    assert read == [b'{"n":%d}' % number for number in range(len(read))]
    assert len(read) >= 90, len(lines_in(tmp_path))


@pytest.mark.parametrize("cut", [1, 7, 40])
def test_a_file_that_ends_in_the_middle_of_a_line_is_read_up_to_it(tmp_path: Path, cut: int) -> None:
    capture, _ = writer(tmp_path)
    capture.received("c", URL, b'{"n":1}', T0)
    capture.received("c", URL, b'{"n":2}', T0 + 1)
    capture.close()
    (path,) = tmp_path.iterdir()
    plain = zstandard.ZstdDecompressor().stream_reader(path.read_bytes()).read()
    cut_file = tmp_path / "cut.jsonl"
    cut_file.write_bytes(plain[:-cut])
    assert [line.data for line in lines_of(cut_file)][:1] == [b'{"n":1}']


def test_files_rotate_by_size_and_age_and_each_stands_alone(tmp_path: Path) -> None:
    capture, rotations = writer(tmp_path, max_bytes=2_000, max_age_ns=30 * SECOND)
    capture.fetched("http://venue/instruments", b"[1]", T0)
    capture.opened("okx.1.1", URL, T0)
    for number in range(60):
        capture.received("okx.1.1", URL, b'{"n":%d}' % number, T0 + number)
    capture.received("okx.1.1", URL, b'{"n":60}', T0 + 31 * SECOND)
    capture.close()
    files = sorted(tmp_path.iterdir())
    assert len(files) == len(rotations) + 1 >= 4
    for path in files:
        kinds = [line.kind for line in lines_of(path)]
        assert kinds[0] == "http"
        assert "connect" in kinds
    frames = [line.data for line in lines_in(tmp_path) if line.kind == "recv"]
    assert frames == [b'{"n":%d}' % number for number in range(61)]


def test_a_second_recording_never_writes_over_the_first(tmp_path: Path) -> None:
    first, _ = writer(tmp_path)
    first.received("c", URL, b"{}", T0)
    second, _ = writer(tmp_path)
    with pytest.raises(FileExistsError):
        second.received("c", URL, b"{}", T0)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("empty", b"", "is empty"),
        ("words", b"hello there\n", "not a recording"),
        ("broken.gz", gzip.compress(b"1 {}\n" * 999, mtime=0)[:-30], "cannot be read"),
        ("times", b"17 {}\nx {}\n", "line 2: expected '<ns> <frame>'"),
        ("lines", b'{"t":"header"}\n{"t":"recv","ts":1,"data":"{}"}\n{"t":\n', "line 3"),
    ],
    ids=["empty", "words", "broken", "times", "lines"],
)
def test_what_is_no_recording_is_named_with_its_place(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(CaptureError, match=said):
        list(read_capture(path))


def test_other_recorders_formats_are_read(tmp_path: Path) -> None:
    timed = tmp_path / "btcusdt_1.gz"
    timed.write_bytes(gzip.compress(b'17 {"stream":"a"}\n18 {"lastUpdateId":1}\n'))
    assert [(line.kind, line.connection, line.ts_ns) for line in read_capture(timed)] == [
        ("recv", "btcusdt", 17),
        ("http", "btcusdt", 18),
    ]
    seconds = tmp_path / "seconds.jsonl"
    seconds.write_bytes(
        b'{"t":"header"}\n{"t":"connect","conn":"a","ts":1.5,"addr":"ws://x"}\n'
        b'{"t":"note","ts":1.6}\n{"t":"recv","conn":"a","ts":1.500001,"data":"{}"}\n'
    )
    assert list(read_capture(seconds))[1:] == [
        Line("connect", "a", 1_500_000_000, "ws://x", b""),
        Line("recv", "a", 1_500_001_000, "ws://x", b"{}"),
    ]
    bare = tmp_path / "bare.jsonl"
    bare.write_bytes(b'{"a":1}\n\n{"a":2}\n')
    assert [line.data for line in read_capture(bare)] == [b'{"a":1}', b'{"a":2}']
    nested = tmp_path / "nested.json"
    nested.write_bytes(b'{\n "init": {"a": 4.0},\n "updates": [{"b": 1.10}, {"b": 2}]\n}')
    assert [line.data for line in read_capture(nested)] == [b'{"a": 4.0}', b'{"b": 1.10}', b'{"b": 2}']
