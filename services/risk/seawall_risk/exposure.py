"""What the portfolio is worth and what it risks: positions, unfinished orders and unanswered approvals.

Gross exposure of a market = (|position| + fills not yet in the position + everything that may still
fill, reduce-only aside) x price. Orders of opposite sides do not offset each other: either may fill first.
"""

from __future__ import annotations

from decimal import Decimal

from seawall_proto import AccountReconciled, OrderFilled, OrderState, OrderStateChanged, PositionChanged

from .state import APPROVAL_GRACE_NS, SETTLE_NS, ZERO, Account, Commitment, Market, Portfolio, remember

TWO = Decimal(2)


def decimal_of(value: float) -> Decimal:
    """Return the shortest decimal that reads back as ``value``."""
    return Decimal(repr(value))


def mid_of(market: Market) -> Decimal | None:
    """Return the middle of the last good best bid and ask, however old; None where there never was one."""
    return (decimal_of(market.bid) + decimal_of(market.ask)) / TWO if market.bid else None


def equity_of(account: Account) -> Decimal | None:
    """Return cash plus unrealised profit at the latest prices; None until the account was reconciled."""
    revalue(account)
    return None if account.cash is None else account.cash + account.unrealised


def gross_of(account: Account) -> Decimal | None:
    """Return gross exposure in quote currency; None where something held has no price."""
    revalue(account)
    return None if account.unvalued else account.exposure


def revalue(account: Account) -> None:
    """Bring the running totals up to date with every market that changed."""
    while account.touched:
        _revalue_market(account, account.touched.pop())


def _revalue_market(account: Account, market: Market) -> None:
    account.exposure -= market.exposure
    account.unrealised -= market.unrealised
    account.unvalued -= not market.valued
    price = mid_of(market) or market.mark or market.entry_price or None
    market.exposure, market.valued = ZERO, True
    held = abs(market.position) + market.settling
    if held:
        _count(market, held, price)
    for commitment in market.commitments.values():
        if not commitment.reduce_only:
            known = [worst for worst in (price, commitment.price) if worst]
            _count(market, commitment.quantity, max(known, default=None))
    market.unrealised = market.position * (price - market.entry_price) if price else ZERO
    account.exposure += market.exposure
    account.unrealised += market.unrealised
    account.unvalued += not market.valued


def _count(market: Market, quantity: Decimal, price: Decimal | None) -> None:
    if price:
        market.exposure += quantity * price
    else:
        market.valued = False


def book_position(account: Account, event: PositionChanged) -> None:
    """Take over the absolute position; a late copy is recognised by its sequence."""
    market = account.market(event.symbol)
    if event.sequence <= market.position_sequence:
        return
    arrived = max(abs(event.quantity) - abs(market.position), ZERO)
    market.position = event.quantity
    market.entry_price = event.entry_price
    market.position_sequence = event.sequence
    market.position_ns = max(market.position_ns, event.ts_received_ns)
    _settled(account, market, max(market.settling - arrived, ZERO))


def book_order(state: Portfolio, account: Account, event: OrderStateChanged) -> None:
    """Keep what the order may still fill; what it has filled counts until the position shows it."""
    market = account.market(event.symbol)
    name = event.client_order_id
    known = market.commitments.get(name)
    if event.sequence <= (known.sequence if known else state.finished.get(name, -1)):
        return
    approval = market.commitments.pop(event.intent_id, None)
    source = known or approval
    grown = event.filled_quantity - (known.filled_quantity if known else ZERO)
    if grown > 0 and not event.reduce_only and event.ts_received_ns > market.position_ns:
        market.settling += grown
        market.settling_until_ns = state.now_ns + SETTLE_NS
    account.unknown.discard(name)
    account.touched.add(market)
    if event.state.is_terminal:
        market.commitments.pop(name, None)
        remember(state.finished, name, event.sequence)
        return
    unknown = event.state is OrderState.UNKNOWN
    if unknown:
        account.unknown.add(name)
    market.commitments[name] = Commitment(
        quantity=event.quantity if unknown else event.quantity - event.filled_quantity,
        price=event.limit_price or (source.price if source else None),
        reduce_only=event.reduce_only,
        state=event.state,
        filled_quantity=event.filled_quantity,
        sequence=event.sequence,
    )


def book_fill(state: Portfolio, account: Account, event: OrderFilled) -> None:
    """Add realised profit less fee to cash once, together with the position that it comes from."""
    name = f"{event.symbol}/{event.fill_id}"
    if name in state.fills:
        return
    remember(state.fills, name, None)
    if account.cash is None or event.ts_received_ns < account.reconciled_ns:
        return  # the reconciled equity has it already
    market = account.market(event.symbol)
    quote = event.symbol.split("-")[1:2]
    change = event.realised_pnl - (event.fee if event.fee_asset in quote else ZERO)  # the rest shows at reconciliation
    if event.ts_received_ns <= market.position_ns:
        account.cash += change
    else:
        market.settling_cash += change
        market.settling_until_ns = state.now_ns + SETTLE_NS


def book_reconciliation(account: Account, event: AccountReconciled) -> None:
    """Take over the venue's equity; an older report is ignored."""
    if event.ts_received_ns < account.reconciled_ns:
        return
    account.reconciled_ns = event.ts_received_ns
    account.cash = event.equity - sum((held.unrealised_pnl for held in event.positions), ZERO)
    account.differences = event.differences
    for market in account.markets.values():
        market.settling_cash = ZERO
    for held in event.positions:
        market = account.market(held.symbol)
        market.mark = held.mark_price
        account.touched.add(market)


def forget_overdue(state: Portfolio, account: Account, market: Market) -> None:
    """Drop approvals that nobody can use any more, and stop waiting for positions that came before their fills."""
    for name, commitment in list(market.commitments.items()):
        if commitment.state is None and state.now_ns > commitment.expires_at_ns + APPROVAL_GRACE_NS:
            del market.commitments[name]
            account.touched.add(market)
    if market.settling_until_ns and state.now_ns > market.settling_until_ns:
        _settled(account, market)


def _settled(account: Account, market: Market, left: Decimal = ZERO) -> None:
    """The position shows its fills, all but ``left``: their money is in the account with it."""
    if account.cash is not None:
        account.cash += market.settling_cash
    market.settling, market.settling_cash = left, ZERO
    if not left:
        market.settling_until_ns = 0
    account.touched.add(market)
