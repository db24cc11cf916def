"""Where the engine meets the world: every change is on the disk before anyone hears of it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from decimal import Decimal
from typing import TypeVar

from seawall_sim.engine import BookView, EngineEvent, Exchange

from .faults import NOT_SERVED, OUTCOME_UNKNOWN, VenueFault
from .journal import Journal, JournalError

Result = TypeVar("Result")
Announce = Callable[[list[EngineEvent]], None]

log = logging.getLogger("seawall.paper_venue")


class TradingDesk:
    """Drives the engine by requests, by the market and by time, journals, then announces.

    It is the ``MarketListener`` of the market half. While the journal cannot be written, what happened is
    neither confirmed nor announced, and requests that would change anything are turned away.
    """

    def __init__(self, exchange: Exchange, journal: Journal, clock_ns: Callable[[], int]) -> None:
        self.exchange = exchange
        self.clock_ns = clock_ns
        self._journal = journal
        self._announce: list[Announce] = []
        self._follows = False
        self._unannounced: list[EngineEvent] = []

    def open(self, funds: Decimal) -> None:
        """Take up what the journal kept; a new account is paid its funds. Raises JournalError."""
        deltas = self._journal.open()
        for delta in deltas:
            self.exchange.restore(delta)
        unlisted = self.exchange.store.symbols_in_use() - self.exchange.rules.keys()
        if unlisted:
            names = ", ".join(sorted(unlisted))
            raise JournalError(f"{self._journal.directory}: has open positions or orders in {names}; list them too")
        if not deltas:
            self._commit(self.exchange.deposit(self.clock_ns(), funds))

    def close(self) -> None:
        """Write what is left and close the journal."""
        self._keep_quiet_changes()
        self._journal.close()

    def on_events(self, announce: Announce) -> None:
        """Call back with what happened, in order, once it is on the disk."""
        self._announce.append(announce)

    # --- requests ------------------------------------------------------------------------------------------------

    def act(self, change: Callable[[Exchange, int], tuple[Result, list[EngineEvent]]]) -> Result:
        """Carry out one request. Raises Refused, and VenueFault 503 where the disk does not take it."""
        if self._journal.behind and not self._try_flush():
            raise VenueFault(-1000, NOT_SERVED, status=503)
        result, events = change(self.exchange, self.clock_ns())
        try:
            self._commit(events)
        except JournalError as error:
            log.error("a change is not on the disk, its outcome is not confirmed: %s", error)
            raise VenueFault(-1000, OUTCOME_UNKNOWN, status=503) from error
        return result

    # --- the market ----------------------------------------------------------------------------------------------

    def follow_market(self) -> None:
        """From now on the market moves the account; what the market did before, it did while nobody traded."""
        self._follows = True

    def on_book(self, symbol: str, ts_ns: int, book: BookView) -> None:
        """The replayed book changed."""
        if self._follows:
            self._happened(self.exchange.on_book_view(symbol, ts_ns, book))

    def on_trade(self, symbol: str, ts_ns: int, price: Decimal, quantity: Decimal, buyer_is_maker: bool) -> None:
        """A trade of the replayed market printed."""
        if self._follows:
            self._happened(self.exchange.on_trade(symbol, ts_ns, price, quantity, buyer_is_maker))

    def on_mark(self, symbol: str, ts_ns: int, mark: Decimal, index: Decimal, funding_rate: Decimal) -> None:
        """Mark and index price and the funding rate."""
        if self._follows:
            self._happened(self.exchange.on_mark(symbol, ts_ns, mark, index, funding_rate))

    def on_clock(self) -> None:
        """Let time pass; to be called several times a second."""
        self._happened(self.exchange.on_clock(self.clock_ns()))
        if self._journal.behind:
            self._try_flush()

    def on_second(self) -> None:
        """Write changes nobody was told of, such as a trailing stop's best price, and fold the journal."""
        self._keep_quiet_changes()
        if self._journal.wants_snapshot:
            try:
                self._journal.snapshot(self.exchange.everything())
            except JournalError as error:
                log.error("no snapshot could be written, the journal goes on growing: %s", error)

    # --- inside --------------------------------------------------------------------------------------------------

    def _happened(self, events: list[EngineEvent]) -> None:
        if not events:
            return
        try:
            self._commit(events)
        except JournalError as error:
            log.error("a change is not on the disk and not announced yet: %s", error)

    def _commit(self, events: list[EngineEvent]) -> None:
        delta = self.exchange.take_changes()
        self._unannounced.extend(events)
        if delta is not None:
            self._journal.append(delta)
        elif self._journal.behind:
            self._journal.flush()
        self._tell()

    def _tell(self) -> None:
        events, self._unannounced = self._unannounced, []
        if events:
            for announce in self._announce:
                announce(events)

    def _try_flush(self) -> bool:
        try:
            self._journal.flush()
        except JournalError:
            return False
        self._tell()
        return True

    def _keep_quiet_changes(self) -> None:
        delta = self.exchange.take_changes()
        if delta is None:
            return
        try:
            self._journal.append(delta)
        except JournalError as error:
            log.error("quiet changes are not on the disk yet: %s", error)
