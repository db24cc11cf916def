"""A real exchange's ids never go back, so neither may ours when a market begins anew on the same state."""

from __future__ import annotations

from seawall_paper_venue.market_frames import (
    AggregateTrade,
    BookSnapshot,
    BookTicker,
    DepthUpdate,
    MarketMessage,
    Trade,
)

from .base import Sink

# far more than one life of a market can use up: a day of BTC is about 5 * 10^9 book versions and 10^7 trades
UPDATE_IDS_A_LIFE = 10**11
TRADE_IDS_A_LIFE = 10**9
# keeps ids within the 53 bits that every JSON reader takes exactly
MOST_LIVES = 10_000


class ShiftedSink:
    """Adds what makes the ids of this life higher than all of the lives before; nothing in the first."""

    def __init__(self, sink: Sink, life: int) -> None:
        self._sink = sink
        self._updates = life * UPDATE_IDS_A_LIFE
        self._trades = life * TRADE_IDS_A_LIFE

    def accept(self, ts_ns: int, message: MarketMessage) -> None:
        """Hand on one message with its ids moved."""
        if self._updates:
            self._move(message)
        self._sink.accept(ts_ns, message)

    def flush(self) -> None:
        """Hand on the request to write out what is owed."""
        self._sink.flush()

    def _move(self, message: MarketMessage) -> None:
        match message:
            case BookTicker():
                message.update_id += self._updates
            case Trade():
                message.trade_id += self._trades
            case DepthUpdate():
                message.first_update_id += self._updates
                message.last_update_id += self._updates
                message.previous_update_id += self._updates
            case BookSnapshot():
                message.last_update_id += self._updates
            case AggregateTrade():
                message.aggregate_id += self._trades
                message.first_trade_id += self._trades
                message.last_trade_id += self._trades
            case _:
                pass  # a mark price has no id
