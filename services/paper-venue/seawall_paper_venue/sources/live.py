"""Relays the public market of a real exchange (or of another paper venue), with a book of its own."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from random import Random

import aiohttp
import msgspec

from seawall_paper_venue.clock import wall_ns
from seawall_paper_venue.market_frames import (
    BookSnapshot,
    BookTicker,
    DepthUpdate,
    MarketFrame,
    MarketMessage,
    MarkPriceUpdate,
    Trade,
)
from seawall_paper_venue.tasks import first_of

from .base import Sink
from .errors import UpstreamError
from .live_book import BookFollower, RisingIds

DEFAULT_REST_URL = "https://fapi.binance.com"
DEFAULT_WEBSOCKET_URL = "wss://fstream.binance.com"
_log = logging.getLogger("seawall.paper_venue.live")

_FIRST_RETRY_S = 0.5
_LONGEST_RETRY_S = 30.0
# a connection that was good for this long starts over with short retries
_PROVEN_AFTER_S = 60.0
# BTC trades and quotes many times a second: silence this long is a dead connection
_LONGEST_SILENCE_S = 15.0
# the venue's weight for a full snapshot allows two a second; one bad book must not use that up
_SNAPSHOT_EVERY_S = 1.0
_REQUEST_TIMEOUT_S = 10.0
_MAX_FRAME_BYTES = 8 * 1024 * 1024


class _Envelope(msgspec.Struct):
    stream: str
    data: DepthUpdate | Trade | BookTicker | MarkPriceUpdate


class _Refusal(msgspec.Struct):
    code: int
    msg: str


_decode = msgspec.json.Decoder(_Envelope).decode
_decode_snapshot = msgspec.json.Decoder(BookSnapshot).decode
_decode_refusal = msgspec.json.Decoder(_Refusal).decode


class UpstreamLost(Exception):
    """The connection upstream ended; it is made again."""


class LiveSource:
    """Connects upstream, keeps each book in step with it, and relays; reconnects for ever.

    Raises UpstreamError only where trying again cannot help, as for a symbol that upstream does not list.
    """

    def __init__(
        self,
        symbols: Iterable[str],
        rest_url: str = DEFAULT_REST_URL,
        websocket_url: str = DEFAULT_WEBSOCKET_URL,
        rng: Random | None = None,
    ) -> None:
        self._symbols = tuple(symbols)
        self._rest_url = rest_url.rstrip("/")
        self._websocket_url = websocket_url.rstrip("/")
        self._rng = rng or Random()  # noqa: S311 - spreads reconnects of several venues, keeps no secret
        self._ids = {symbol: RisingIds() for symbol in self._symbols}
        self._books = {symbol: BookFollower() for symbol in self._symbols}
        self._wake = asyncio.Event()
        self.connections = 0

    @property
    def gaps(self) -> int:
        """How often a change of a book was lost and a new snapshot taken."""
        return sum(book.gaps for book in self._books.values())

    async def run(self, sink: Sink, speed: float) -> None:
        """Relay until cancelled; a live market has one speed, so ``speed`` is not used."""
        retry_s = _FIRST_RETRY_S
        loop = asyncio.get_running_loop()
        while True:
            started = loop.time()
            try:
                await self._follow(sink)
            except (UpstreamLost, aiohttp.ClientError, OSError, TimeoutError) as error:
                _log.warning("upstream %s lost: %s", self._websocket_url, error or type(error).__name__)
            for book in self._books.values():
                book.lose()
            if loop.time() - started > _PROVEN_AFTER_S:
                retry_s = _FIRST_RETRY_S
            await asyncio.sleep(retry_s * self._rng.uniform(0.5, 1.0))
            retry_s = min(_LONGEST_RETRY_S, retry_s * 2)

    async def _follow(self, sink: Sink) -> None:
        """Hold one connection to each of the venue's two endpoints until either ends."""
        timeout = aiohttp.ClientTimeout(total=_REQUEST_TIMEOUT_S)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            self.connections += 1
            self._wake.set()
            await first_of(
                self._listen(session, "/public", ("depth@100ms", "bookTicker", "trade"), sink),
                self._listen(session, "/market", ("markPrice@1s",), sink),
                self._keep_books(session, sink),
            )

    async def _listen(self, session: aiohttp.ClientSession, route: str, kinds: tuple[str, ...], sink: Sink) -> None:
        names = "/".join(f"{symbol.lower()}@{kind}" for symbol in self._symbols for kind in kinds)
        url = f"{self._websocket_url}{route}/stream?streams={names}"
        async with session.ws_connect(url, max_msg_size=_MAX_FRAME_BYTES, compress=0) as socket:
            while True:
                message = await socket.receive(timeout=_LONGEST_SILENCE_S)
                if message.type not in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                    raise UpstreamLost(f"{url.partition('?')[0]} closed: {message.type.name} {message.data or ''}")
                self._relay(message.data, sink)

    def _relay(self, text: str | bytes, sink: Sink) -> None:
        try:
            frame: MarketFrame = _decode(text).data
        except msgspec.DecodeError as error:
            raise UpstreamLost(f"a frame that is none of the venue's: {error}") from error
        ids = self._ids.get(frame.symbol)
        if ids is None:
            return
        match frame:
            case DepthUpdate():
                book = self._books[frame.symbol]
                self._accept(book.take(frame), sink)
                if book.needs_snapshot:
                    self._wake.set()
                return
            case Trade():
                trade_id = ids.moved_trade_id(frame.trade_id)
                if trade_id is None:
                    return
                frame.trade_id = trade_id
            case BookTicker():
                if self._books[frame.symbol].needs_snapshot:
                    return
                frame.update_id = ids.moved_quote_id(frame.update_id)
            case MarkPriceUpdate():
                pass
        sink.accept(wall_ns(), frame)
        sink.flush()

    def _accept(self, messages: list[MarketMessage], sink: Sink) -> None:
        now_ns = wall_ns()
        for message in messages:
            if isinstance(message, DepthUpdate):
                self._ids[message.symbol].move_update(message)
            elif isinstance(message, BookSnapshot) and self._ids[message.symbol].restarted_by(message):
                _log.warning("upstream counts %s book updates anew; relayed ids go on rising", message.symbol)
            sink.accept(now_ns, message)
        sink.flush()

    async def _keep_books(self, session: aiohttp.ClientSession, sink: Sink) -> None:
        """Take a snapshot for every book that needs one, at most one round a second."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            await asyncio.sleep(_SNAPSHOT_EVERY_S / 2)  # so that changes are at hand to join the snapshot to
            for symbol, book in self._books.items():
                if not book.needs_snapshot:
                    continue
                snapshot = await self._fetch_snapshot(session, symbol)
                snapshot.symbol = symbol
                self._accept(book.start(snapshot), sink)
                if book.needs_snapshot:
                    self._wake.set()
            await asyncio.sleep(_SNAPSHOT_EVERY_S / 2)

    async def _fetch_snapshot(self, session: aiohttp.ClientSession, symbol: str) -> BookSnapshot:
        url = f"{self._rest_url}/fapi/v1/depth?symbol={symbol}&limit=1000"
        async with session.get(url) as response:
            body = await response.read()
        if response.status == 400:
            raise UpstreamError(f"{url}: refused: {_refusal_text(body)}; expected a symbol that upstream lists")
        if response.status != 200:
            raise UpstreamLost(f"{url}: HTTP {response.status}")
        try:
            return _decode_snapshot(body)
        except msgspec.DecodeError as error:
            raise UpstreamLost(f"{url}: {error}; expected a depth snapshot") from error


def _refusal_text(body: bytes) -> str:
    try:
        refusal = _decode_refusal(body)
    except msgspec.DecodeError:
        return body[:200].decode(errors="replace")
    return f"{refusal.msg} ({refusal.code})"
