"""From an order back to the tick, and forward to its stop."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import asyncpg
import pytest

from seawall_ledger import Chain, Ledger
from seawall_ledger.history import EVENTS, row_makers
from seawall_proto import (
    BarClosed,
    BookChanged,
    Event,
    FeaturesComputed,
    FundingPosted,
    OrderApproved,
    OrderState,
    PositionFlattened,
    ProtectionChanged,
    QuoteTicked,
    SignalRaised,
    TradePrinted,
)
from tests.worlds.ledger_samples import BTC, SYMBOL, VENUE, fill, order, position, stop

NOW_NS = 1_790_000_000_000_000_000
SECOND_NS = 1_000_000_000
MARKET: dict[str, Any] = {"venue": VENUE, "symbol": SYMBOL, "ts_received_ns": NOW_NS}

TICK = TradePrinted(
    **MARKET,
    id=f"{VENUE}.{SYMBOL}.trade.77",
    ts_venue_ns=NOW_NS - 5,
    trade_id="77",
    price=1.0,
    quantity=2.0,
    aggressor="buy",
)
BAR = BarClosed(
    **MARKET,
    id=f"{VENUE}.{SYMBOL}.bar.1",
    causes=(TICK.id,),
    ts_venue_ns=NOW_NS - 5,
    interval_ns=SECOND_NS,
    ts_open_ns=NOW_NS - 2 * SECOND_NS,
    ts_close_ns=NOW_NS - SECOND_NS,
    open=1.0,
    high=2.0,
    low=0.5,
    close=1.5,
    volume=3.0,
    quote_volume=4.0,
    buy_volume=1.0,
    trade_count=2,
)
FEATURES = FeaturesComputed(
    **MARKET,
    id="features-1",
    causes=(BAR.id,),
    ts_venue_ns=NOW_NS,
    interval_ns=SECOND_NS,
    ts_bar_close_ns=NOW_NS,
    close=1.5,
    values={"rsi_14": 55.5, "warming": None},
    version="1",
)
SIGNAL = SignalRaised(
    **MARKET,
    id="signal-1",
    causes=(FEATURES.id,),
    ts_venue_ns=NOW_NS,
    strategy="momentum",
    direction="long",
    strength=0.5,
    price=1.5,
    horizon_ns=1,
    expires_at_ns=2,
)
APPROVED = OrderApproved(
    **BTC,
    id="intent-1",
    causes=(SIGNAL.id,),
    ts_received_ns=NOW_NS,
    side="buy",
    order_type="market",
    quantity=Decimal("0.010"),
    limit_price=None,
    worst_price=Decimal(2),
    reference_price=Decimal("1.5"),
    reduce_only=False,
    strategy="momentum",
    signal_id="signal-1",
    stop_distance_bps=300,
    epoch=1,
    expires_at_ns=2,
)
INTENDED = order(causes=("intent-1",), ts_received_ns=NOW_NS)
FILLED = order(
    sequence=2, state=OrderState.FILLED, filled_quantity=Decimal("0.010"), venue_order_id="9", causes=("intent-1",)
)
STORY: tuple[Event, ...] = (
    INTENDED,
    FILLED,
    fill(causes=("order-1-2",)),
    position("0.010", 1, causes=("fill-1",)),
    stop(),
    stop(step=2, state="resting", verified=True),
    ProtectionChanged(
        **BTC,
        id="protected",
        state="protected",
        position_quantity=Decimal("0.010"),
        stop_quantity=Decimal("0.010"),
        unprotected_ms=120,
    ),
)


async def recorded(url: str, events: Sequence[Event], ts_stored_ns: int = NOW_NS) -> None:
    """Write as the recorder does."""
    connection = await asyncpg.connect(url)
    for event in events:
        for table, make in row_makers(type(event)):
            row = make(event) + ((ts_stored_ns,) if table is EVENTS else ())
            await connection.copy_records_to_table(table.name, records=[row], columns=table.columns)
    await connection.close()


async def tell(ledger: Ledger, *events: Event) -> None:
    for event in events:
        async with ledger.transaction() as tx:
            await tx.record(event)


def ids(links: Sequence[Any]) -> list[str]:
    return [link.event.id for link in links]


@pytest.fixture
async def story(ledger: Ledger, ledger_url: str) -> Ledger:
    await recorded(ledger_url, [TICK, BAR, FEATURES, SIGNAL, APPROVED])
    await tell(ledger, *STORY)
    return ledger


async def chain(ledger: Ledger, name: str) -> Chain:
    found = await ledger.chain(name)
    assert found is not None
    return found


async def test_an_order_leads_back_to_the_tick(story: Ledger) -> None:
    found = await chain(story, "client-1")
    assert found.asked.event == FILLED
    assert [link.event for link in found.causes] == [TICK, BAR, FEATURES, SIGNAL, APPROVED]
    assert found.missing == ()


async def test_an_order_leads_on_to_its_verified_stop(story: Ledger) -> None:
    found = await chain(story, "client-1")
    assert ids(found.consequences) == [event.id for event in STORY]
    times = [link.ts_ns for link in found.consequences]
    assert times == sorted(times)
    assert times[0] > NOW_NS // 2, "a time, not a number of rows"


@pytest.mark.parametrize("name", ["order-1-1", "fill-1", "intent-1"])
async def test_any_event_of_the_order_tells_the_same_story(story: Ledger, name: str) -> None:
    found = await chain(story, name)
    assert ids(found.causes)[:4] == [TICK.id, BAR.id, "features-1", "signal-1"]
    assert set(ids(found.consequences)) >= {event.id for event in STORY}


async def test_a_stop_is_found_by_its_client_id(story: Ledger) -> None:
    found = await chain(story, "stop-1")
    assert found.asked.event == stop(step=2, state="resting", verified=True)
    assert ids(found.consequences)[0] == "stop-1-1"


async def test_an_unknown_name_is_no_chain(story: Ledger) -> None:
    assert await story.chain("nobody") is None
    assert await story.event("nobody") is None


async def test_a_cause_that_is_not_recorded_is_named(ledger: Ledger, ledger_url: str) -> None:
    await recorded(ledger_url, [FEATURES, SIGNAL, APPROVED])
    await tell(ledger, INTENDED)
    found = await chain(ledger, "client-1")
    assert ids(found.causes) == ["features-1", "signal-1", "intent-1"]
    assert found.missing == (BAR.id,)


async def test_the_story_ends_where_the_position_is_flat(story: Ledger) -> None:
    flat = position("0", 2)
    await tell(story, flat, stop(step=3, state="canceled"))
    await story.rows("UPDATE outbox SET ts_recorded_ns = ts_recorded_ns - 3600000000000 RETURNING 1")
    await tell(story, position("0.5", 3), stop(2))
    found = ids((await chain(story, "client-1")).consequences)
    assert found[-2:] == ["position-2", "stop-1-3"]


async def test_another_instruments_stops_are_not_part_of_it(story: Ledger) -> None:
    other = PositionFlattened(**{**BTC, "symbol": "ETH-USDT-PERP"}, id="eth", quantity=Decimal(1), reason="test")
    await tell(story, other, stop(2, symbol="ETH-USDT-PERP"))
    assert not {"eth", "stop-2-1"} & set(ids((await chain(story, "client-1")).consequences))


async def test_a_circle_of_causes_ends(ledger: Ledger, ledger_url: str) -> None:
    first = FeaturesComputed(**{**values_of(FEATURES), "id": "one", "causes": ("two",)})
    second = FeaturesComputed(**{**values_of(FEATURES), "id": "two", "causes": ("one",)})
    await recorded(ledger_url, [first, second])
    assert ids((await chain(ledger, "one")).causes) == ["two"]


def values_of(event: Event) -> dict[str, Any]:
    return {name: getattr(event, name) for name in event.__struct_fields__}


@pytest.mark.parametrize(
    "event",
    [
        TICK,
        BAR,
        QuoteTicked(
            **MARKET,
            id=f"{VENUE}.{SYMBOL}.quote.5",
            ts_venue_ns=NOW_NS,
            update_id=5,
            bid_price=1.0,
            bid_quantity=2.0,
            ask_price=3.0,
            ask_quantity=4.0,
        ),
        BookChanged(
            **MARKET,
            id=f"{VENUE}.{SYMBOL}.book.5",
            ts_venue_ns=NOW_NS,
            update_id=5,
            bids=((1.0, 2.0),),
            asks=((3.0, 4.0),),
        ),
        BookChanged(**MARKET, id=f"{VENUE}.{SYMBOL}.book.6", ts_venue_ns=NOW_NS, update_id=6, bids=(), asks=()),
        FundingPosted(
            **MARKET,
            id=f"{VENUE}.{SYMBOL}.funding.5",
            ts_venue_ns=NOW_NS,
            mark_price=1.0,
            index_price=1.0,
            funding_rate=0.0001,
            ts_next_funding_ns=9,
        ),
        FEATURES,
        APPROVED,
    ],
    ids=lambda event: f"{type(event).__name__} {event.id}",
)
async def test_every_kind_of_event_is_found_by_its_id(ledger: Ledger, ledger_url: str, event: Event) -> None:
    await recorded(ledger_url, [event])
    found = await ledger.event(event.id)
    assert found is not None
    assert found.event == event
    assert found.ts_ns == NOW_NS
