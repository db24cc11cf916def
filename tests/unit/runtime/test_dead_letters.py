"""What broke a decision is counted over restarts and kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from seawall_runtime.dead_letters import MAX_ATTEMPTS, DeadLetters


class Log:
    def __init__(self) -> None:
        self.errors: list[str] = []

    def error(self, text: str, **_: object) -> None:
        self.errors.append(text)


def fail(letters: DeadLetters, key: str, *, final: bool = False) -> bool:
    return letters.note(key, ts_ns=1, subject="risk.approved.v.a", error="boom", data=b'{"a":1}', final=final)


def test_attempts_are_counted_over_restarts(tmp_path: Path) -> None:
    path = tmp_path / "risk" / "failures.jsonl"
    given_up = [fail(DeadLetters(path, Log()), "event") for _ in range(MAX_ATTEMPTS)]
    assert given_up == [False] * (MAX_ATTEMPTS - 1) + [True]
    assert DeadLetters(path, Log()).is_given_up("event")
    assert not DeadLetters(path, Log()).is_given_up("another")


def test_a_final_failure_is_given_up_at_once_with_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "failures.jsonl"
    assert fail(DeadLetters(path, Log()), "event", final=True)
    kept = json.loads(path.read_text())
    assert kept["data"] == '{"a":1}'
    assert kept["subject"] == "risk.approved.v.a"
    assert kept["given_up"] is True


def test_a_line_that_a_crash_cut_short_is_skipped(tmp_path: Path) -> None:
    path = tmp_path / "failures.jsonl"
    fail(DeadLetters(path, Log()), "event", final=True)
    with path.open("ab") as file:
        file.write(b'{"ts_ns":1,"key":"half')
    assert DeadLetters(path, Log()).is_given_up("event")


def test_a_line_after_one_cut_short_is_read(tmp_path: Path) -> None:
    path = tmp_path / "failures.jsonl"
    path.write_bytes(b'{"ts_ns":1,"key":"half')
    fail(DeadLetters(path, Log()), "event", final=True)
    assert DeadLetters(path, Log()).is_given_up("event")


def test_a_directory_that_cannot_be_written_is_told_and_the_event_is_in_the_log(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    log = Log()
    letters = DeadLetters(blocked / "failures.jsonl", log)
    assert fail(letters, "event", final=True)
    assert letters.is_given_up("event")
    assert any("cannot keep a failure" in line and '{"a":1}' in line for line in log.errors)


@pytest.mark.parametrize("data", [b"\xff\xfe\x00", b"x" * 300_000])
def test_any_bytes_can_be_kept(tmp_path: Path, data: bytes) -> None:
    letters = DeadLetters(tmp_path / "failures.jsonl", Log())
    letters.note("bytes", ts_ns=1, subject="s", error="e", data=data, final=True)
    assert DeadLetters(tmp_path / "failures.jsonl", Log()).is_given_up("bytes")
