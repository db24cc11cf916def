"""Binance USD-M: raw error code to outcome.

Only a code on KNOWN_REJECTED, or one of two 503 sentences that the venue documents as failures,
proves that an order was not accepted. Every other answer proves nothing.
"""

from __future__ import annotations

import msgspec

from seawall_venues.outcomes import VenueDenied, rejected, unknown
from seawall_venues.parsing import UNREADABLE
from seawall_venues.port import Outcome, Result

NO_SUCH_ORDER = "-2013"
CANCEL_REJECTED = "-2011"
TIMESTAMP_OUTSIDE_WINDOW = "-1021"
DUPLICATE_CLIENT_ID = frozenset({"-4116", "-20132"})  # look the order up: it may be working or filled

# Codes of the derivatives error list that are given before the matching engine takes an order.
# -1000, -1001, -1006 and -1007 are absent on purpose: the venue itself calls those outcomes unknown.
_GENERAL = (1002, 1003, 1008, 1011, 1013, 1014, 1015, 1020, 1021, 1022, 1023, 1099)
_REQUEST = (1100, 1101, 1102, 1103, 1104, 1105, 1106, 1108, 1109, 1110, 1111, 1112, 1113, 1114, 1115, 1116, 1117)
_REQUEST_MORE = (1118, 1119, 1120, 1121, 1122, 1125, 1126, 1127, 1128, 1130, 1136)
_PROCESSING = (2007, 2010, 2011, 2012, 2013, 2014, 2015, 2016, 2017, 2018, 2019, 2020, 2021, 2022, 2023, 2024, 2025)
_PROCESSING_MORE = (2026, 2027, 2028)
_FILTERS = (4001, 4002, 4003, 4004, 4005, 4006, 4007, 4013, 4014, 4015, 4016, 4023, 4024, 4025, 4026, 4029, 4030)
_RULES = (4028, 4043, 4044, 4045, 4055, 4060, 4061, 4062, 4087, 4088, 4109, 4118, 4120, 4130, 4131, 4135, 4137)
_RULES_MORE = (4138, 4139, 4140, 4141, 4142, 4144, 4161, 4164, 4183, 4184, 4192, 4400, 4401, 4402, 4403, 4509)
_EXECUTION = (5021, 5022, 5024, 5025, 5027, 5028, 5037, 5038, 5039, 5040, 5041)

KNOWN_REJECTED = frozenset(
    f"-{code}"
    for family in (
        _GENERAL,
        _REQUEST,
        _REQUEST_MORE,
        _PROCESSING,
        _PROCESSING_MORE,
        _FILTERS,
        _RULES,
        _RULES_MORE,
        _EXECUTION,
    )
    for code in family
)

# HTTP 503 with one of these sentences is documented as a failure; with any other it is unknown.
_FAILED_503 = ("Service Unavailable", "Internal error; unable to process your request")


def outcome_of(status: int, code: str, message: str) -> Outcome:
    """Return what an error answer proves: REJECTED or, in doubt, UNKNOWN."""
    if status == 503:
        return Outcome.REJECTED if message.startswith(_FAILED_503) or code == "-1008" else Outcome.UNKNOWN
    if status >= 500 or code in DUPLICATE_CLIENT_ID:
        return Outcome.UNKNOWN
    return Outcome.REJECTED if code in KNOWN_REJECTED else Outcome.UNKNOWN


class _ErrorBody(msgspec.Struct, frozen=True):
    code: int | str = ""


def refusal(status: int, body: bytes) -> str:
    """Return the raw code of an answer to a public read that is not what was asked for, else "".

    Where a refusal carries no code of the venue's, its HTTP status stands for it.
    """
    if status == 200 and not body.startswith(b'{"code"'):
        return ""
    try:
        code = str(msgspec.json.decode(body, type=_ErrorBody).code)
    except UNREADABLE:
        code = ""
    return code or f"http-{status}"


def result_of(denial: VenueDenied) -> Result:
    """Return the result of a write that the venue answered with an error."""
    code = denial.code or f"http-{denial.status}"
    make = rejected if outcome_of(denial.status, denial.code, denial.message) is Outcome.REJECTED else unknown
    return make(code, denial.message, denial.ts_sent_ns)
