"""Bybit: what an answer or an acknowledgement says against us.

| where | how a refusal looks |
|---|---|
| REST | a ``retCode`` that is not 0, most often with HTTP 200; or another HTTP status with any body |
| socket | ``"success":false`` with a sentence in ``ret_msg``, and no code |
"""

from __future__ import annotations

import msgspec

from seawall_venues import outcomes, parsing

# "error:handler not found,topic:kline.1.NOSUCH" on contracts, "Invalid symbol :[orderbook.50.NOSUCH]" on
# spot: the channel or the instrument does not exist. Others, such as "already subscribed", may pass.
_FINAL = ("handler not found", "invalid symbol", "not support", "invalid topic")


class _Answer(msgspec.Struct, frozen=True):
    code: int = msgspec.field(name="retCode")


_answer = msgspec.json.Decoder(_Answer)


def refusal(status: int, body: bytes) -> str:
    """Return the error code of a REST answer; an empty text where the body is what was asked for."""
    try:
        code = _answer.decode(body).code
    except parsing.UNREADABLE:
        return outcomes.UNREADABLE if status == 200 else str(status)
    if code:
        return str(code)
    return "" if status == 200 else str(status)


def is_final(reason: str) -> bool:
    """True where a refused subscription will be refused again, however often it is asked for."""
    lowered = reason.lower()
    return any(words in lowered for words in _FINAL)
