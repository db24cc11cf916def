"""What risk tells the others about an account, once a second and only where it changed."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from seawall_proto import ExposureChanged

from .exposure import equity_of, gross_of
from .limits import decimal_limit
from .state import Account, Portfolio

CENT_OF_A_CENT = Decimal("0.0001")
BPS = 10_000


def exposure_changed(state: Portfolio, account: Account) -> ExposureChanged | None:
    """Return the account's figures where any differs from what was said last, None before it was reconciled."""
    equity, gross = equity_of(account), gross_of(account)
    if equity is None or gross is None or account.peak is None or account.day_start is None:
        return None
    fallen = account.peak - equity
    said = ExposureChanged(
        venue=account.venue,
        account=account.name,
        equity=_money(equity),
        peak_equity=_money(account.peak),
        gross_exposure=_money(gross),
        exposure_limit=_money(max(decimal_limit(state.limits.max_exposure) * equity, Decimal(0))),
        daily_pnl=_money(equity - account.day_start),
        drawdown_bps=int(fallen / account.peak * BPS) if account.peak > 0 else 0,
    )
    if said == account.said:
        return None
    account.said = msgspec.structs.replace(said)  # the one that leaves gets an id, this one stays comparable
    return said


def _money(value: Decimal) -> Decimal:
    return value.quantize(CENT_OF_A_CENT)
