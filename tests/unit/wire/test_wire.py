"""Our parser and nats-py's own see the same messages, however the bytes are cut."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any

import nats.errors
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nats.protocol.parser import Parser

from seawall_runtime.wire import WireParser

Seen = list[tuple[Any, ...]]


class Recorder:
    """What a parser tells its client."""

    def __init__(self) -> None:
        self.seen: Seen = []

    async def _process_msg(self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes | None) -> None:
        self.seen.append(("message", sid, bytes(subject), bytes(reply), bytes(data), bytes(headers or b"")))

    async def _process_ping(self) -> None:
        self.seen.append(("ping",))

    async def _process_pong(self) -> None:
        self.seen.append(("pong",))

    async def _process_info(self, info: dict[str, Any]) -> None:
        self.seen.append(("info", info))

    async def _process_err(self, text: str) -> None:
        self.seen.append(("error", text))


def told(parser: Parser, pieces: list[bytes]) -> None:
    async def feed() -> None:
        for piece in pieces:
            await parser.parse(piece)

    asyncio.run(feed())


def message(sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes) -> bytes:
    between = b" " + reply if reply else b""
    if headers:
        sizes = b"%d %d" % (len(headers), len(headers) + len(data))
        return b"HMSG %s %d%s %s\r\n%s%s\r\n" % (subject, sid, between, sizes, headers, data)
    return b"MSG %s %d%s %d\r\n%s\r\n" % (subject, sid, between, len(data), data)


MESSAGES = st.builds(
    message,
    st.integers(1, 9),
    st.sampled_from([b"md.trade.v.S", b"a"]),
    st.sampled_from([b"", b"$JS.ACK.MARKET.recorder.1.2.3.4.5"]),
    st.one_of(st.binary(max_size=60), st.sampled_from([b"", b"\r\n", b"MSG a 1 3\r\nabc\r\n", b"PING\r\n"])),
    st.sampled_from([b"", b"NATS/1.0\r\nA: b\r\n\r\n", b"NATS/1.0 408 Request Timeout\r\n\r\n"]),
)
LINES = st.sampled_from(
    [b"PING\r\n", b"PONG\r\n", b"+OK\r\n", b'INFO {"server_id":"x"}\r\n', b"-ERR 'Permissions'\r\n"]
)


@settings(max_examples=200, deadline=None)
@given(parts=st.lists(st.one_of(MESSAGES, LINES), max_size=12), cuts=st.lists(st.integers(0, 600), max_size=12))
def test_whatever_the_cuts_the_client_is_told_the_same(parts: list[bytes], cuts: list[int]) -> None:
    whole = b"".join(parts)
    edges = sorted({0, len(whole), *(cut for cut in cuts if cut < len(whole))})
    pieces = [whole[start:end] for start, end in pairwise(edges)]
    theirs, ours = Recorder(), Recorder()
    told(Parser(theirs), [whole])
    told(WireParser(ours), pieces)
    assert ours.seen == theirs.seen


def test_a_raw_subscription_gets_its_bytes_and_the_client_does_not() -> None:
    client, raw = Recorder(), []
    parser = WireParser(client)
    parser.raw[7] = lambda *fields: raw.append(fields)
    told(parser, [message(7, b"a", b"r", b"data", b"NATS/1.0\r\n\r\n") + message(8, b"b", b"", b"x", b"")])
    assert raw == [(b"a", b"r", b"data", b"NATS/1.0\r\n\r\n")]
    assert client.seen == [("message", 8, b"b", b"", b"x", b"")]


def test_half_a_message_of_a_lost_connection_is_forgotten() -> None:
    client = Recorder()
    parser = WireParser(client)
    told(parser, [b"MSG a 1 10\r\nabc"])
    parser.reset()
    told(parser, [message(1, b"a", b"", b"whole", b"")])
    assert [seen[4] for seen in client.seen] == [b"whole"]


def test_a_reset_while_a_message_is_handled_drops_what_came_with_it() -> None:
    client = Recorder()
    parser = WireParser(client)
    handle = client._process_msg

    async def reconnect(*fields: Any) -> None:
        await handle(*fields)
        parser.reset()

    client._process_msg = reconnect  # type: ignore[assignment,method-assign]
    told(parser, [message(1, b"a", b"", b"1", b"") + message(1, b"a", b"", b"2", b"") + b"MSG a 1 5\r\nab"])
    assert [seen[4] for seen in client.seen] == [b"1"]
    told(parser, [message(1, b"a", b"", b"3", b"")])
    assert [seen[4] for seen in client.seen] == [b"1", b"3"]


@pytest.mark.parametrize("bytes_", [b"MSG a b c\r\n", b"MSG a\r\n", b"HMSG a 1 x 5\r\n", b"NOISE\r\n", b"x" * 5_000])
def test_what_is_no_nats_is_an_error_of_the_protocol(bytes_: bytes) -> None:
    with pytest.raises(nats.errors.ProtocolError):
        told(WireParser(Recorder()), [bytes_])
