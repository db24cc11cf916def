"""Our own seeded market, spoken in the venue's dialect."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from random import Random

from seawall_paper_venue.market_frames import (
    BookSnapshot,
    BookTicker,
    DepthUpdate,
    MarketMessage,
    MarkPriceUpdate,
    Trade,
)
from seawall_sim.instruments import InstrumentRules
from seawall_sim.market import MarketOptions, SyntheticMarket
from seawall_sim.market_messages import BookMoved, BookStarted, MarkMoved, QuoteMoved, SyntheticMessage, TradeMade

from .base import Pacer, Sink

DEFAULT_SEED = 1


class SyntheticSource:
    """Plays ``SyntheticMarket``: the same seed and symbols give the same frames, but for their times."""

    def __init__(
        self, rules: Iterable[InstrumentRules], seed: int = DEFAULT_SEED, options: MarketOptions | None = None
    ) -> None:
        self._rules = list(rules)
        self._seed = seed
        self._options = options

    async def run(self, sink: Sink, speed: float) -> None:
        """Play for ever at ``speed`` times the market's own pace."""
        await Pacer(speed).play(self.timed(), sink)

    def timed(self) -> Iterator[tuple[int, MarketMessage]]:
        """Yield (nanoseconds since the market began, message)."""
        market = SyntheticMarket(self._rules, Random(self._seed), self._options)  # noqa: S311 - a game, not a secret
        for message in market.messages():
            yield message.ts_ns, to_dialect(message)


def to_dialect(message: SyntheticMessage) -> MarketMessage:
    """Write a neutral market message as the venue's frame."""
    ms = message.ts_ns // 1_000_000
    match message:
        case QuoteMoved():
            return BookTicker(
                update_id=message.update_id,
                symbol=message.symbol,
                bid_price=message.bid_price,
                bid_quantity=message.bid_quantity,
                ask_price=message.ask_price,
                ask_quantity=message.ask_quantity,
                transaction_ms=ms,
                event_ms=ms,
            )
        case TradeMade():
            return Trade(
                event_ms=ms,
                transaction_ms=ms,
                symbol=message.symbol,
                trade_id=message.trade_id,
                price=message.price,
                quantity=message.quantity,
                buyer_is_maker=message.buyer_is_maker,
            )
        case BookMoved():
            return DepthUpdate(
                event_ms=ms,
                transaction_ms=ms,
                symbol=message.symbol,
                first_update_id=message.first_update_id,
                last_update_id=message.last_update_id,
                previous_update_id=message.previous_update_id,
                bids=message.bids,
                asks=message.asks,
            )
        case BookStarted():
            return BookSnapshot(
                last_update_id=message.update_id,
                event_ms=ms,
                transaction_ms=ms,
                bids=message.bids,
                asks=message.asks,
                symbol=message.symbol,
            )
        case MarkMoved():
            return MarkPriceUpdate(
                event_ms=ms,
                symbol=message.symbol,
                mark_price=f"{message.mark_price:.8f}",
                index_price=f"{message.index_price:.8f}",
                settle_price=f"{message.index_price:.8f}",
                funding_rate=f"{message.funding_rate:.8f}",
                next_funding_ms=0,
            )
