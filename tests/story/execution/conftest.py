"""A small language for stories about one account."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from seawall_execution import facts
from seawall_execution.service import SERVICE
from seawall_execution.state import initial
from seawall_proto import (
    Balance,
    Event,
    OrderApproved,
    OrderFilled,
    OrderState,
    OrderStateChanged,
    PositionChanged,
    PositionSnapshot,
)
from seawall_runtime.config import check_config
from seawall_runtime.service import step
from seawall_venues.port import Outcome, Result, VenueFill, VenueOrder

SECOND_NS = 1_000_000_000
BTC, ETH = "BTC-USDT-PERP", "ETH-USDT-PERP"
WHO = {"venue": "binance-usdm", "account": "paper"}
CONFIG = {
    "venues": [
        {
            "name": "binance-usdm",
            "account": "paper",
            "rest_url": "http://127.0.0.1:1",
            "websocket_url": "ws://127.0.0.1:1",
            "symbols": [BTC, ETH],
            "trade_key": {"key_file": "key", "secret_file": "secret"},
        }
    ],
    "execution": {"quarantine_s": 60},
}


def number(text: str | int | Decimal) -> Decimal:
    return Decimal(str(text))


@dataclass
class Story:
    """Plays events through the real table; time moves only when told to."""

    now_ns: int = 1_000 * SECOND_NS
    states: dict[Any, Any] = field(default_factory=dict)
    told: list[msgspec.Struct] = field(default_factory=list)
    serial: int = 0
    make: Any = field(default_factory=lambda: initial(check_config(CONFIG, "story")))

    def when(self, event: Event) -> list[msgspec.Struct]:
        """Decide on one event; return what was said."""
        self.serial += 1
        blank = {"id": f"event-{self.serial}"} if not event.id else {}
        event = msgspec.structs.replace(event, **blank, ts_received_ns=event.ts_received_ns or self.now_ns)
        said = step(SERVICE, self.states, self.make, event)
        for item in said:
            assert not isinstance(item, Event) or type(item) in SERVICE.sends
        self.told += said
        return said

    def later(self, seconds: float) -> Story:
        self.now_ns += int(seconds * SECOND_NS)
        return self

    def ready(self, **positions: str) -> Story:
        """Start from an empty ledger, a connected stream and one reading."""
        self.when(facts.LedgerRead(**WHO, open_orders=(), positions=(), fills=(), last_reconciled=None))
        self.when(facts.UserStreamChanged(**WHO, connected=True, reason="connected"))
        held = {name.replace("_", "-"): quantity for name, quantity in positions.items()}
        while not self.read(positions=held):
            pass
        self.told.clear()
        return self

    def read(
        self,
        orders: tuple[VenueOrder, ...] = (),
        fills: tuple[VenueFill, ...] = (),
        positions: dict[str, str] | None = None,
        history: tuple[VenueOrder, ...] = (),
        started_ns: int | None = None,
        symbols: frozenset[str] | None = None,
    ) -> list[msgspec.Struct]:
        """Read the account; return what was said by the reading that settled, empty where it asks for another."""
        said = self.when(
            facts.AccountRead(
                **WHO,
                ts_started_ns=self.now_ns if started_ns is None else started_ns,
                symbols=symbols,
                orders=orders,
                history=history,
                stops=(),
                fills=fills,
                positions=tuple(self.snapshot(name, held) for name, held in (positions or {}).items()),
                balances=(Balance(asset="USDT", wallet=Decimal(10_000), available=Decimal(9_000)),),
            )
        )
        return said if any(type(item).__name__ == "AccountReconciled" for item in said) else []

    def snapshot(self, symbol: str, quantity: str) -> PositionSnapshot:
        return PositionSnapshot(
            symbol=symbol,
            quantity=Decimal(quantity),
            entry_price=Decimal(60_000),
            mark_price=Decimal(60_100),
            unrealised_pnl=Decimal(1),
        )

    def approval(self, name: str = "intent-1", **changes: Any) -> OrderApproved:
        fields: dict[str, Any] = {
            "id": name,
            **WHO,
            "ts_received_ns": self.now_ns - 5_000_000,
            "symbol": BTC,
            "side": "buy",
            "order_type": "market",
            "quantity": Decimal("0.010"),
            "limit_price": None,
            "worst_price": Decimal(60_300),
            "reference_price": Decimal(60_000),
            "reduce_only": False,
            "strategy": "momentum",
            "signal_id": "signal-1",
            "stop_distance_bps": 150,
            "epoch": 1,
            "expires_at_ns": self.now_ns + 2 * SECOND_NS,
        }
        return OrderApproved(**(fields | changes))

    def approve(self, name: str = "intent-1", **changes: Any) -> str:
        """Approve one order; return its client order id."""
        said = self.when(self.approval(name, **changes))
        (change,) = [item for item in said if isinstance(item, OrderStateChanged)]
        return change.client_order_id

    def order(self, client_order_id: str, state: OrderState = OrderState.OPEN, **changes: Any) -> VenueOrder:
        fields: dict[str, Any] = {
            "client_order_id": client_order_id,
            "venue_order_id": f"v-{client_order_id[:6]}",
            "symbol": BTC,
            "side": "buy",
            "order_type": "limit",
            "quantity": Decimal("0.010"),
            "filled_quantity": Decimal(0),
            "average_price": None,
            "limit_price": Decimal(60_300),
            "reduce_only": False,
            "state": state,
            "ts_venue_ns": self.now_ns,
        }
        return VenueOrder(**(fields | {k: number(v) if "quantity" in k else v for k, v in changes.items()}))

    def fill(self, fill_id: str, client_order_id: str, quantity: str, **changes: Any) -> VenueFill:
        fields: dict[str, Any] = {
            "fill_id": fill_id,
            "client_order_id": client_order_id,
            "venue_order_id": f"v-{client_order_id[:6]}",
            "symbol": BTC,
            "side": "buy",
            "price": Decimal(60_000),
            "quantity": Decimal(quantity),
            "fee": Decimal("0.024"),
            "fee_asset": "USDT",
            "maker": False,
            "realised_pnl": Decimal(0),
            "ts_venue_ns": self.now_ns,
        }
        return VenueFill(**(fields | changes))

    def answered(self, client_order_id: str, outcome: Outcome, order: VenueOrder | None = None, code: str = "") -> Any:
        result = Result(outcome=outcome, code=code, order=order, ts_sent_ns=self.now_ns)
        return self.when(facts.OrderAnswered(**WHO, client_order_id=client_order_id, result=result))

    def reported(self, order: VenueOrder, fill: VenueFill | None = None, ts_sent_ns: int = 0) -> list[msgspec.Struct]:
        return self.when(facts.OrderReported(**WHO, order=order, fill=fill, ts_sent_ns=ts_sent_ns))

    def searched(
        self,
        client_order_id: str,
        found: VenueOrder | None = None,
        *,
        complete: bool = True,
        fills: tuple[VenueFill, ...] = (),
        history: tuple[VenueOrder, ...] = (),
        position: str = "0",
    ) -> list[msgspec.Struct]:
        return self.when(
            facts.OrderSearched(
                **WHO,
                client_order_id=client_order_id,
                symbol=BTC,
                found=found,
                complete=complete,
                history=history,
                fills=fills,
                position=self.snapshot(BTC, position) if number(position) else None,
            )
        )

    def all_of(self, kind: type) -> list[Any]:
        return [item for item in self.told if isinstance(item, kind)]

    def states_of(self, client_order_id: str) -> list[str]:
        changes = [one for one in self.all_of(OrderStateChanged) if one.client_order_id == client_order_id]
        assert [one.sequence for one in changes] == sorted({one.sequence for one in changes})
        return [one.state.value for one in changes]

    def position(self, symbol: str = BTC) -> PositionChanged:
        found: PositionChanged = [one for one in self.all_of(PositionChanged) if one.symbol == symbol][-1]
        return found

    def fills(self) -> list[OrderFilled]:
        return self.all_of(OrderFilled)


@pytest.fixture
def story() -> Story:
    return Story()
