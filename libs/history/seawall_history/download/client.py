"""One venue through ccxt: asked with patience, never faster than it allows, and not believed blindly."""

from __future__ import annotations

import asyncio
import difflib
import importlib
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

from seawall_history.errors import DownloadError
from seawall_history.intervals import NS_PER_MS

from .sources import VenueSource, unified_symbol

TIMEOUT_S = 20.0
MAX_TRIES = 8  # of one request: with the pauses below about two minutes
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0
MAX_WAITS = 20  # in a row, each as long as the venue says
UNSAID_WAIT_S = 30.0  # where the venue says 429 and not how long
LONGEST_WAIT_S = 3_600.0  # beyond it, tell the user instead
_REFUSED = frozenset({400, 401, 403, 404, 405, 451})
_ODD_ANSWER = (TypeError, ValueError, KeyError, IndexError, AttributeError)

Result = TypeVar("Result")


class Client:
    """A venue's public REST. Use as ``async with``; ``requests`` counts what was sent.

    ``note`` is told why it waits. Raises DownloadError where the venue refuses, or keeps failing.
    """

    def __init__(
        self,
        source: VenueSource,
        *,
        url: str = "",
        timeout_s: float = TIMEOUT_S,
        first_pause_s: float = FIRST_PAUSE_S,
        rate_limit: bool = True,
        note: Callable[[str], None] = lambda _text: None,
    ) -> None:
        self.source = source
        self.requests = 0
        self._ccxt: Any = importlib.import_module("ccxt.async_support")
        self._first_pause_s = first_pause_s
        self._note = note
        self._status = 0
        self._retry_after_s: float | None = None
        self._answer: Any = None
        self.exchange = self._make(url, timeout_s, rate_limit=rate_limit)

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.exchange.close()

    async def market(self, symbol: str) -> dict[str, Any]:
        """Return ccxt's market of one of our symbols. Raises DownloadError naming the nearest where it is none."""
        await self.ask("its list of instruments", self.exchange.load_markets)
        wanted = unified_symbol(symbol)
        found: dict[str, Any] | None = self.exchange.markets.get(wanted)
        if found is None:
            near = difflib.get_close_matches(wanted, self.exchange.markets, n=3)
            hint = f"; near it are {', '.join(near)}" if near else ""
            listed = len(self.exchange.markets)
            raise DownloadError(f"{symbol}: {self.source.name} lists no {wanted} among {listed} instruments{hint}")
        return found

    async def now_ns(self, local_ns: int) -> int:
        """Return the earlier of our time and the venue's: a candle that is open for either is open."""
        if self.exchange.has.get("fetchTime") is not True:
            return local_ns
        venue_ms: int = await self.ask("its time", self.exchange.fetch_time)
        return min(local_ns, venue_ms * NS_PER_MS)

    async def ask_rows(self, what: str, request: Callable[[], Awaitable[Result]]) -> Result:
        """Send a request for rows; an answer without a list of them is no answer. Raises DownloadError.

        ccxt makes no rows of what it does not understand, and "no rows" would be remembered as true.
        """

        async def checked() -> Result:
            result = await request()
            if not has_rows(self._answer):
                raise self._ccxt.BadResponse(f"an answer without a list of rows: {str(self._answer)[:60]}")
            return result

        return await self.ask(what, checked)

    async def ask(self, what: str, request: Callable[[], Awaitable[Result]]) -> Result:
        """Send a request until it is answered: pauses grow from failure to failure, told waits are kept.

        Public reads only: nothing here may be sent twice with an effect. Raises DownloadError.
        """
        failures = waits = 0
        while True:
            self.requests += 1
            self._status, self._retry_after_s = 0, None
            try:
                return await request()
            except (self._ccxt.BaseError, *_ODD_ANSWER) as error:
                reason = _words(error)
                if self._is_told_to_wait(error):
                    waits += 1
                    pause_s = self._told_wait_s(what, waits)
                else:
                    failures += 1
                    self._check_worth_it(what, error, reason, failures)
                    pause_s = min(self._first_pause_s * 2 ** (failures - 1), LONGEST_PAUSE_S)
            self._note(f"{what}: {reason}; again in {pause_s:g} s")
            await asyncio.sleep(pause_s)

    def _is_told_to_wait(self, error: Exception) -> bool:
        too_fast = (self._ccxt.DDoSProtection, self._ccxt.RateLimitExceeded)
        return self._status in {418, 429} or isinstance(error, too_fast)

    def _told_wait_s(self, what: str, waits: int) -> float:
        wait_s = UNSAID_WAIT_S if self._retry_after_s is None else self._retry_after_s
        if wait_s > LONGEST_WAIT_S or waits > MAX_WAITS:
            raise DownloadError(
                f"{self.source.name} limits our rate ({self._status}) and asks to wait {wait_s:g} s, for the"
                f" {waits}. time: run the same command again later, it goes on where it stopped"
            )
        return max(wait_s, self._first_pause_s)

    def _check_worth_it(self, what: str, error: Exception, reason: str, failures: int) -> None:
        passing = isinstance(error, (self._ccxt.OperationFailed, self._ccxt.BadResponse, *_ODD_ANSWER))
        # ccxt calls a connection that breaks in the middle of an answer an ExchangeError
        broken = type(error) is self._ccxt.ExchangeError and error.__cause__ is not None
        if self._status in _REFUSED or not (passing or broken):
            raise DownloadError(f"{self.source.name} refuses {what}: {reason}") from error
        if failures >= MAX_TRIES:
            raise DownloadError(
                f"{self.source.name} gave no answer to {what} in {failures} tries, the last: {reason};"
                " run the same command again, it goes on where it stopped"
            ) from error

    def _make(self, url: str, timeout_s: float, *, rate_limit: bool) -> Any:
        client, source, bad_response = self, self.source, self._ccxt.BadResponse
        base: type[Any] = getattr(self._ccxt, source.ccxt_id)

        class Watched(base):  # type: ignore[misc]
            def handle_errors(
                self,
                code: int,
                reason: str,
                address: str,
                method: str,
                headers: Any,
                body: str,
                answer: Any,
                *rest: Any,
            ) -> Any:
                client._observe(code, headers)
                client._answer = answer
                if 200 <= code < 300 and answer is None:
                    # ccxt would hand on the text, and its parsers make rows of letters
                    raise bad_response(f"an answer that is no JSON: {body[:60]!r}")
                return super().handle_errors(code, reason, address, method, headers, body, answer, *rest)

            def parse_ohlcv(self, ohlcv: Any, market: Any = None) -> list[Any]:
                extras = [None if place is None else self.safe_number(ohlcv, place) for place in source.extras]
                return [*super().parse_ohlcv(ohlcv, market), *extras]

        exchange = Watched(
            {
                "enableRateLimit": rate_limit,
                "timeout": int(timeout_s * 1_000),
                "options": dict(source.options),
                "aiohttp_trust_env": not url,
            }
        )
        exchange.has["fetchCurrencies"] = False  # names of coins, mostly behind a key; prices need none
        if url:
            exchange.urls["api"] = _moved(exchange.urls["api"], url)
        return exchange

    def _observe(self, status: int, headers: Any) -> None:
        self._status = status
        told = next((value for name, value in (headers or {}).items() if name.lower() == "retry-after"), None)
        try:
            self._retry_after_s = None if told is None else max(float(told), 0.0)
        except ValueError:  # a date, which no venue here sends
            self._retry_after_s = None


def has_rows(answer: Any, depth: int = 2) -> bool:
    """Return whether an answer is a list or holds one, be it empty: in ``data``, ``result.list`` and the like."""
    if isinstance(answer, list):
        return True
    if not isinstance(answer, dict) or depth == 0:
        return False
    # Kraken sends an empty list of errors with everything
    return any(has_rows(value, depth - 1) for name, value in answer.items() if name not in {"error", "errors"})


def _moved(addresses: Any, url: str) -> Any:
    """Return ccxt's addresses at another host, their paths kept."""
    if isinstance(addresses, dict):
        return {name: _moved(address, url) for name, address in addresses.items()}
    if not isinstance(addresses, str):
        return addresses
    there = urlsplit(url)
    return urlunsplit((there.scheme, there.netloc, there.path.rstrip("/") + urlsplit(addresses).path, "", ""))


def _words(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return f"{type(error).__name__}: {text[:200]}"
