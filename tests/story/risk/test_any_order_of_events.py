"""Whatever happens in whatever order, the account never risks more than its limits allow."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seawall_proto import OrderApproved, OrderRefused, OrderState, RefusalReason
from seawall_runtime.config import RiskConfig
from tests.risk_world import BTC, ETH, VENUE, World

D = Decimal
SYMBOLS = ("A-USDT-PERP", "B-USDT-PERP", BTC, ETH, "C-USDT-PERP", "D-USDT-PERP", "E-USDT-PERP")
PRICE = {symbol: (0.37, 13.0, 60_000.0, 2_500.0, 100.0, 1_234.5, 7.77)[place] for place, symbol in enumerate(SYMBOLS)}
LIMITS = RiskConfig(max_position=0.15, max_exposure=0.4, max_orders_per_minute=1_000)

floats = st.floats(allow_nan=True, allow_infinity=True)
directions = st.sampled_from(["long", "short", "flat"])
asks = st.tuples(st.just("ask"), st.sampled_from(SYMBOLS), directions, st.floats(0, 1))
progress = st.tuples(
    st.just("execute"), st.integers(0, 30), st.sampled_from(["intend", "fill", "part", "unknown", "lose"]), st.none()
)
moves = st.tuples(st.just("move"), st.sampled_from(SYMBOLS), st.floats(0.97, 1.03), st.none())
waits = st.tuples(st.just("wait"), st.floats(0.1, 10), st.none(), st.none())
histories = st.lists(st.one_of(asks, asks, progress, moves, waits), max_size=40)


class Book:
    """What an honest account would count itself: quantity held and quantity that may still fill, by symbol."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.held = {symbol: D(0) for symbol in SYMBOLS}
        self.working: list[tuple[OrderApproved, OrderState | None]] = []

    def gross(self) -> Decimal:
        """Positions at the mid, unfinished entries at the worst price they were approved for."""
        total = sum((abs(held) * self.mid(symbol) for symbol, held in self.held.items()), D(0))
        for approved, _ in self.working:
            if not approved.reduce_only:
                total += approved.quantity * max(approved.worst_price, self.mid(approved.symbol))
        return total

    def mid(self, symbol: str) -> Decimal:
        market = self.world.portfolio.accounts[VENUE].markets[symbol]
        return (D(repr(market.bid)) + D(repr(market.ask))) / 2

    def execute(self, place: int, what: str) -> None:
        """Let the venue do something to one of the unfinished orders."""
        if not self.working:
            return
        number = place % len(self.working)
        approved, state = self.working[number]
        world = self.world
        world.now += 1_000_000
        if what in ("fill", "part"):
            filled = approved.quantity if what == "fill" else D(0)
            signed = filled if approved.side == "buy" else -filled
            final = OrderState.FILLED if what == "fill" else OrderState.CANCELED
            self.held[approved.symbol] += signed
            world.tell(world.order(approved, final))
            world.tell(world.position(approved.symbol, self.held[approved.symbol], float(approved.reference_price)))
            del self.working[number]
        elif what == "lose":
            world.tell(world.order(approved, OrderState.NOT_PLACED))
            del self.working[number]
        else:
            unproven = state is OrderState.UNKNOWN or what == "unknown"
            state = OrderState.UNKNOWN if unproven else OrderState.INTENDED
            world.tell(world.order(approved, state))
            self.working[number] = (approved, state)


def open_world() -> World:
    world = World(LIMITS, symbols=SYMBOLS).open()
    for symbol in SYMBOLS:
        steps: dict[str, Any] = {"tick_size": D("0.0001"), "lot_size": D("0.001"), "min_notional": D(5)}
        world.tell(world.listed(symbol, **steps, max_quantity=D(0), market_max_quantity=D(0)))
        world.tell(world.quote(symbol, PRICE[symbol]), world.book(symbol, PRICE[symbol], quantity=1e6 / PRICE[symbol]))
    return world


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(histories)
def test_gross_exposure_never_passes_its_limit_by_an_approval(history: list[tuple[str, Any, Any, Any]]) -> None:
    world = open_world()
    account = Book(world)
    for kind, first, second, third in history:
        if kind == "execute":
            account.execute(first, second)
        elif kind == "move":
            world.tell(world.quote(first, PRICE[first] * second), world.book(first, quantity=1e6 / PRICE[first]))
        elif kind == "wait":
            expired = [approved for approved, state in account.working if state is None]
            world.wait(first)
            lapsed = {one.id for one in expired if world.now > one.expires_at_ns + 5_000_000_000}
            account.working = [(one, state) for one, state in account.working if one.id not in lapsed]
        else:
            answer = world.ask(first, second, third)
            if isinstance(answer, OrderRefused):
                assert answer.detail
                continue
            account.working.append((answer, None))
            assert answer.quantity % D("0.001") == 0
            assert answer.quantity > 0
            if answer.reduce_only:
                assert answer.quantity <= abs(account.held[first])
                continue
            equity = world.portfolio.accounts[VENUE]
            worth = (equity.cash or D(0)) + equity.unrealised
            assert account.gross() <= D("0.4") * worth + D("1e-9")
            held = abs(account.held[first]) * account.mid(first) + answer.quantity * answer.reference_price
            assert held <= D("0.15") * worth + D("1e-9")


@settings(max_examples=150, deadline=None)
@given(strength=floats, price=floats, mid=floats, quantity=floats, equity=st.decimals(-1_000, 1_000, places=2))
def test_no_figure_whatever_breaks_risk_or_slips_through(
    strength: float, price: float, mid: float, quantity: float, equity: Decimal
) -> None:
    world = World().open(str(equity))
    if abs(mid) < 1e15:
        world.tell(world.quote(BTC, mid), world.book(BTC, mid, quantity=quantity))
    answer = world.ask(BTC, "long", strength, price=price)
    world.wait()
    if isinstance(answer, OrderApproved):
        assert answer.quantity % D("0.001") == 0
        assert answer.quantity * answer.reference_price <= D("0.1") * equity
    else:
        assert isinstance(answer.reason, RefusalReason)
        assert answer.detail
