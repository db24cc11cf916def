"""The journal on disk: torn lines, snapshots, a disk that refuses."""

from __future__ import annotations

import errno
import os
from decimal import Decimal
from pathlib import Path

import pytest

from seawall_paper_venue.faults import VenueFault
from seawall_paper_venue.journal import Journal, JournalError
from seawall_paper_venue.trading_desk import TradingDesk
from seawall_sim.engine import EngineEvent, Exchange, NewOrder
from seawall_sim.instruments import rules_for

NOW_NS = 1_700_000_000_000_000_000


class Desk:
    """A desk on a directory, and what it announced."""

    def __init__(self, directory: Path, lines_per_snapshot: int = 1_000, symbol: str = "BTCUSDT") -> None:
        self.exchange = Exchange(rules_for([symbol]))
        self.journal = Journal(directory, lines_per_snapshot)
        self.desk = TradingDesk(self.exchange, self.journal, lambda: NOW_NS)
        self.heard: list[EngineEvent] = []
        self.desk.on_events(self.heard.extend)
        self.desk.open(Decimal(10_000))
        self.desk.follow_market()

    def place(self, client_order_id: str = "") -> None:
        """Place a resting order."""
        request = NewOrder(
            symbol="BTCUSDT",
            side="BUY",
            kind="LIMIT",
            quantity=Decimal("0.01"),
            price=Decimal(59_000),
            client_order_id=client_order_id,
        )
        self.desk.act(lambda exchange, ts_ns: exchange.place(ts_ns, request))

    @property
    def open_orders(self) -> list[str]:
        """Client ids of open orders."""
        return [order.client_order_id for order in self.exchange.store.open_orders()]


def test_line_cut_short_by_a_crash_is_dropped_and_overwritten(tmp_path: Path):
    first = Desk(tmp_path)
    first.place("one")
    first.desk.close()
    with (tmp_path / "journal.jsonl").open("ab") as file:
        file.write(b'{"number":9,"delta":{"ord')
    second = Desk(tmp_path)
    second.place("two")
    second.desk.close()
    assert Desk(tmp_path).open_orders == ["one", "two"]


def test_snapshot_takes_the_journals_place(tmp_path: Path):
    first = Desk(tmp_path, lines_per_snapshot=5)
    for number in range(12):
        first.place(f"order-{number}")
        first.desk.on_second()
    assert (tmp_path / "snapshot.json").exists()
    assert len((tmp_path / "journal.jsonl").read_bytes().splitlines()) < 5
    first.desk.close()
    second = Desk(tmp_path)
    assert second.open_orders == first.open_orders
    assert second.exchange.everything() == first.exchange.everything()


def test_journal_left_beside_its_own_snapshot_is_not_applied_twice(tmp_path: Path):
    first = Desk(tmp_path)
    first.place("one")
    old = (tmp_path / "journal.jsonl").read_bytes()
    cancelled = first.exchange.store.open_orders()[0]
    first.desk.act(lambda exchange, ts_ns: exchange.cancel(ts_ns, cancelled))
    first.journal.snapshot(first.exchange.everything())
    first.desk.close()
    (tmp_path / "journal.jsonl").write_bytes(old)  # as if the crash came before the journal was emptied
    assert Desk(tmp_path).open_orders == []


def test_refusing_disk_confirms_nothing_and_forgets_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    desk = Desk(tmp_path)
    desk.place("before")
    desk.heard.clear()

    def full(*_arguments: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", full)
        with pytest.raises(VenueFault) as fault:
            desk.place("during")
        assert (fault.value.status, "Unknown error" in fault.value.message) == (503, True)
        with pytest.raises(VenueFault) as fault:
            desk.place("never")
        assert (fault.value.status, fault.value.message) == (503, "Service Unavailable.")
        desk.exchange.on_trade("BTCUSDT", NOW_NS, "58000.0", "1", True)
        desk.desk.on_clock()
        assert desk.heard == []
    desk.desk.on_clock()  # there is room again
    assert len(desk.heard) == 1
    assert desk.open_orders == ["before", "during"] or not desk.open_orders
    desk.desk.close()
    assert "during" in {o.client_order_id for o in Desk(tmp_path).exchange.store.orders.values()}


def test_account_is_not_served_without_the_symbols_it_holds(tmp_path: Path):
    desk = Desk(tmp_path)
    desk.place("one")
    desk.desk.close()
    with pytest.raises(JournalError, match="open positions or orders in BTCUSDT"):
        Desk(tmp_path, symbol="ETHUSDT")


def test_quiet_changes_are_written_without_anyone_being_told(tmp_path: Path):
    desk = Desk(tmp_path)
    desk.desk.on_mark("BTCUSDT", NOW_NS, Decimal(60_000), Decimal(60_000), Decimal("0.0001"))
    slot = desk.exchange.store.settings_of("BTCUSDT").funding_slot
    desk.desk.on_second()
    desk.desk.close()
    assert slot
    assert Desk(tmp_path).exchange.store.settings_of("BTCUSDT").funding_slot == slot


def test_directory_in_use_is_refused(tmp_path: Path):
    desk = Desk(tmp_path)
    with pytest.raises(JournalError, match="another process"):
        Desk(tmp_path)
    desk.desk.close()
