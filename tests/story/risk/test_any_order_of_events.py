"""Whatever happens in whatever order, the account never risks more than its limits allow."""

from __future__ import annotations

from decimal import Decimal
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from seawall_proto import BookChanged, Direction, OrderApproved, OrderRefused, OrderState, RefusalReason
from seawall_runtime.config import RiskConfig
from tests.worlds.risk_world import BTC, ETH, VENUE, World

D = Decimal
EPSILON = D("1e-9")
SYMBOLS = ("A-USDT-PERP", "B-USDT-PERP", BTC, ETH, "C-USDT-PERP", "D-USDT-PERP", "E-USDT-PERP")
PRICE = {symbol: (0.37, 13.0, 60_000.0, 2_500.0, 100.0, 1_234.5, 7.77)[place] for place, symbol in enumerate(SYMBOLS)}
LIMITS = RiskConfig(max_position=0.15, max_exposure=0.4, max_orders_per_minute=1_000)

floats = st.floats(allow_nan=True, allow_infinity=True)
directions = st.sampled_from(["long", "short", "long", "short", "flat"])
seeds = st.integers(0, 2**32)
STEPS = 120
OUTCOMES = ("intend", "fill", "fill", "part", "unknown", "lose")


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

    def ask(self, symbol: str, direction: Direction, strength: float) -> None:
        """Raise a signal, and hold the answer to the limits."""
        answer = self.world.ask(symbol, direction, strength)
        if isinstance(answer, OrderRefused):
            assert answer.detail
            return
        self.working.append((answer, None))
        assert answer.quantity > 0
        assert answer.quantity % D("0.001") == 0
        if answer.reduce_only:
            assert answer.quantity <= abs(self.held[symbol])
            return
        account = self.world.portfolio.accounts[VENUE]
        equity = (account.cash or D(0)) + account.unrealised
        held = abs(self.held[symbol]) * self.mid(symbol) + answer.quantity * answer.reference_price
        assert held <= D("0.15") * equity + EPSILON
        assert self.gross() <= D("0.4") * equity + EPSILON

    def wait(self, seconds: float) -> None:
        """Let time pass; approvals that nobody answered are forgotten by the venue at their expiry."""
        self.world.wait(seconds)
        for symbol in SYMBOLS:
            self.world.tell(deep_book(self.world, symbol))
        now = self.world.now
        self.working = [(one, state) for one, state in self.working if state is not None or one.expires_at_ns > now]

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
        world.tell(world.quote(symbol, PRICE[symbol]), deep_book(world, symbol))
    return world


def deep_book(world: World, symbol: str) -> BookChanged:
    return world.book(symbol, quantity=1e6 / PRICE[symbol])


@settings(max_examples=40, deadline=None)
@given(seeds)
def test_gross_exposure_never_passes_its_limit_by_an_approval(seed: int) -> None:
    chance = Random(seed)
    world = open_world()
    account = Book(world)
    for _ in range(STEPS):
        symbol = chance.choice(SYMBOLS)
        match chance.choice(("ask", "ask", "ask", "execute", "execute", "move", "wait")):
            case "execute":
                account.execute(
                    chance.randrange(30), chance.choice(("intend", "fill", "fill", "part", "unknown", "lose"))
                )
            case "move":
                price = PRICE[symbol] * chance.uniform(0.97, 1.03)
                world.tell(world.quote(symbol, price), deep_book(world, symbol))
            case "wait":
                account.wait(chance.uniform(0.1, 10))
            case _:
                direction: Direction = chance.choice(("long", "short", "long", "short", "flat"))
                account.ask(symbol, direction, chance.choice((0.05, 0.5, 0.9, 1.0)))


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
