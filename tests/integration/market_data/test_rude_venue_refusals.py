"""Subscriptions that the venue refuses: asked for again where that can help, told of where not, nobody else's loss."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

import pytest

from seawall_market_data import feed_pace
from seawall_proto import BarClosed, BookChanged, QuoteTicked, TradePrinted
from tests.worlds.fake_venue import until
from tests.worlds.rude_binance import RudeBinance
from tests.worlds.rude_bybit import RudeBybit, accept
from tests.worlds.rude_market import NS_PER_MS
from tests.worlds.rude_world import BTC, ETH, at_once, feeding, hurry

STARTED = ["down", "syncing", "live"]
BUSY, UNKNOWN = "too many visits, try again later", "error:handler not found"
QUICK = {"messages_per_s": 200.0}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)


def refusing(topic: str, reason: str, *, only_alone: bool = False) -> Callable[[Sequence[str]], str]:
    """Refuse every request for this topic, or all but those that ask for others as well."""
    return lambda topics: reason if topic in topics and (len(topics) == 1 or not only_alone) else ""


def asked_for(venue: RudeBybit, topic: str) -> int:
    """Return how often this topic alone was subscribed to."""
    return sum(f'"subscribe","args":["{topic}"]' in text for socket in venue.every_socket for _, text in socket.heard)


async def test_a_subscription_refused_for_a_while_is_asked_for_until_it_is_accepted() -> None:
    topics = "orderbook.200.BTCUSDT", "orderbook.1.BTCUSDT", "publicTrade.BTCUSDT"
    await at_once({topic: refused_for_a_while(topic) for topic in topics})


async def refused_for_a_while(topic: str) -> None:
    """Tell what happens while one topic is refused, and afterwards."""
    async with RudeBybit("BTCUSDT", "ETHUSDT") as venue:
        venue.refuse = refusing(topic, BUSY)
        async with feeding(venue, rules=QUICK, wait=False) as world:
            await world.live(ETH)
            await until(lambda: asked_for(venue, topic) >= 5)
            assert asked_for(venue, topic) < 60
            if "200" in topic:
                assert world.fortunes(BTC)[-1] == "down"
                assert BUSY in world.reasons(BTC, "down")[-1]
            venue.refuse = accept
            await world.live()
            for kind in (BookChanged, QuoteTicked, TradePrinted):
                await world.more(kind, BTC)
            await world.barred()
            assert world.fortunes(ETH)[-1:] == ["live"]
            assert world.fortunes(ETH).count("live") == 1
            assert len(venue.every_socket) == 1


async def test_a_refused_renewal_of_one_symbol_is_nobody_elses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_pace, "SHORTEST_NS", 400 * NS_PER_MS)
    async with RudeBinance("BTCUSDT", "ETHUSDT") as venue, feeding(venue, rules=QUICK) as world:
        venue.renewal_error = (-1, BUSY)
        await until(lambda: all(state.pace.usual_ms for state in world.states.values()))
        venue.freeze("BTCUSDT")
        await until(lambda: world.fortunes(BTC)[-1] == "down")
        assert BUSY in world.reasons(BTC, "down")[-1]
        await until(lambda: sum("SUBSCRIBE" in text for _, text in venue.newest.heard) >= 20)
        venue.renewal_error = None
        await world.live()
        await world.barred()
        assert world.fortunes(ETH) == STARTED
        assert len(venue.every_socket) == 1


async def test_a_book_refused_for_ever_is_down_with_the_reason_and_the_others_go_on() -> None:
    topic = "orderbook.200.BTCUSDT"
    async with RudeBybit("BTCUSDT", "ETHUSDT") as venue:
        venue.refuse = refusing(topic, f"{UNKNOWN},topic:{topic}")
        async with feeding(venue, rules=QUICK, wait=False) as world:
            await world.live(ETH)
            await until(lambda: UNKNOWN in world.reasons(BTC, "down")[-1])
            await asyncio.sleep(0.1)
            asked, begun_s = asked_for(venue, topic), time.monotonic()
            await until(lambda: time.monotonic() > begun_s + 1.5)  # five times as long as between two tries
            assert asked_for(venue, topic) == asked
            assert world.fortunes(BTC)[-1] == "down"
            assert world.fortunes(ETH).count("live") == 1
            assert len(venue.every_socket) == 1
            await world.barred()
            venue.newest.cut()  # a new socket may find it listed by now
            venue.refuse = accept
            await world.live()


async def test_trades_refused_for_ever_are_polled_and_every_bar_holds_them() -> None:
    topic = "publicTrade.BTCUSDT"
    async with RudeBybit("BTCUSDT", "ETHUSDT") as venue:
        venue.refuse = refusing(topic, f"{UNKNOWN},topic:{topic}")
        async with feeding(venue, rules=QUICK, wait=False) as world:
            await world.live()
            await world.more(TradePrinted, BTC, 30)
            await world.more(BarClosed, BTC, 5)
            assert world.fortunes(BTC)[-1] == "live"
            assert world.fortunes(ETH).count("live") == 1
            assert len(venue.every_socket) == 1


async def test_a_whole_message_refused_is_asked_for_topic_by_topic() -> None:
    async with RudeBybit("BTCUSDT", "ETHUSDT") as venue:
        venue.refuse = lambda topics: BUSY if len(topics) > 1 else ""
        async with feeding(venue, rules=QUICK) as world:
            for symbol in (BTC, ETH):
                for kind in (BookChanged, QuoteTicked, TradePrinted):
                    await world.more(kind, symbol)
            assert len(venue.every_socket) == 1


async def test_a_message_refused_for_a_while_is_asked_for_until_it_is_accepted() -> None:
    async with RudeBybit("BTCUSDT", "ETHUSDT") as venue:
        venue.refuse = lambda topics: BUSY
        async with feeding(venue, rules=QUICK, wait=False) as world:
            await until(lambda: asked_for(venue, "orderbook.200.ETHUSDT") >= 4)
            assert not world.all(BookChanged) or all(book.polled for book in world.all(BookChanged))
            venue.refuse = accept
            await world.live()
            await world.barred()
            assert len(venue.every_socket) == 1


async def test_a_refusal_that_does_not_say_of_what_costs_the_socket_and_is_tried_ever_more_slowly() -> None:
    async with RudeBybit("BTCUSDT", "ETHUSDT") as venue:
        venue.refuse, venue.names_request = lambda topics: BUSY, False
        async with feeding(venue, rules=QUICK, wait=False) as world:
            await until(lambda: len(venue.every_socket) >= 4)
            times = venue.attempts[:4]
            assert times[3] - times[2] > times[1] - times[0]
            assert BUSY in world.reasons(BTC, "down")[-1]
            venue.refuse = accept
            await world.live()
            await world.barred()
