"""Which event is recorded where, and that nothing of it is lost on the way."""

from __future__ import annotations

import msgspec
import pytest

from seawall_ledger import SCHEMA_VERSION
from seawall_ledger.history import BARS, BOOKS, EVENTS, HISTORY_TABLES, event_of_row, row_makers
from seawall_ledger.migrate import newest_revision, render_upgrade
from seawall_ledger.tables import TABLE_OF
from seawall_ledger.timescale import HYPERTABLES
from seawall_proto import KIND_OF, ROUTES, AssetQuoted, BookChanged, Delivery, Event, Route, VenueQuote, decode
from tests.tools.samples import sample


def test_the_schema_version_is_the_newest_migrations() -> None:
    assert newest_revision() == SCHEMA_VERSION


def test_there_is_nothing_to_run_from_the_newest_version_on() -> None:
    assert "CREATE TABLE" not in render_upgrade(SCHEMA_VERSION)


def test_percent_signs_and_casts_reach_the_database_as_written() -> None:
    text = render_upgrade(None)
    assert "RAISE EXCEPTION 'order % was filled % and cannot become filled %'" in text
    assert "::bigint" in text


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.kind.__name__)
def test_every_event_that_travels_has_a_table_and_a_row_that_fits_it(route: Route) -> None:
    event = sample(route.kind, full=True)
    makers = row_makers(type(event))
    assert makers
    for table, make in makers:
        missing_at_the_end = 1 if table is EVENTS else 0  # the time its stream stored it, which the recorder adds
        assert len(make(event)) == len(table.columns) - missing_at_the_end


@pytest.mark.parametrize("kind", KIND_OF.values(), ids=lambda kind: kind.__name__)
def test_an_event_can_be_made_again_from_its_row(kind: type[Event]) -> None:
    event = sample(kind, full=True)
    table, make = row_makers(kind)[0]
    row = dict(zip(table.columns, make(event), strict=False))
    if table is EVENTS:
        assert decode(row["payload"].encode()) == event
        return
    again = event_of_row(table, row)
    if table is BOOKS:
        assert isinstance(event, BookChanged)
        assert isinstance(again, BookChanged)
        assert (again.bids, again.asks, again.update_id) == (event.bids[:1], event.asks[:1], event.update_id)
    else:
        fields = row.keys() - {"venues_counted"}
        assert {name: getattr(again, name) for name in fields} == {name: getattr(event, name) for name in fields}


def test_a_repaired_bar_takes_the_place_of_the_first_and_nothing_else_is_ever_replaced() -> None:
    assert "DO UPDATE" in BARS.merge_clause
    assert "WHERE excluded.repaired AND NOT bars.repaired" in BARS.merge_clause
    assert {table.name for table in HISTORY_TABLES if "DO UPDATE" in table.merge_clause} == {"bars"}


def test_the_view_of_an_asset_is_recorded_with_how_many_venues_counted() -> None:
    quote = VenueQuote(
        venue="binance-spot",
        symbol="BTC-USDT",
        currency="USDT",
        bid_price=60_000.0,
        ask_price=60_001.0,
        bid_price_usd=59_990.0,
        ask_price_usd=59_991.0,
        bid_depth_usd=1e6,
        ask_depth_usd=2e6,
        ts_venue_ns=1,
        age_ns=2,
        feed="live",
        counted=True,
    )
    silent = msgspec.structs.replace(quote, counted=False)
    event = msgspec.structs.replace(sample(AssetQuoted, full=True), venues=(quote, silent, quote))
    ((table, make),) = row_makers(AssetQuoted)
    row = dict(zip(table.columns, make(event), strict=True))
    assert row["venues_counted"] == 2
    assert event_of_row(table, row) == msgspec.structs.replace(event, venues=(), causes=())


def test_the_key_of_every_history_table_holds_the_time_it_is_cut_by() -> None:
    keys = {table.name: table.key for table in HISTORY_TABLES}
    assert {table.name for table in HYPERTABLES} == keys.keys()
    for table in HYPERTABLES:
        assert table.time_column in keys[table.name]


def test_every_event_with_a_money_table_is_of_the_ledger_class() -> None:
    deliveries = {route.kind: route.delivery for route in ROUTES}
    assert {deliveries[kind] for kind in TABLE_OF} == {Delivery.LEDGER}
