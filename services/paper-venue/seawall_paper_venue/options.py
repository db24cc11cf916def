"""The command line."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path

import msgspec

from .usage import UsageLimits

DEFAULT_SYMBOLS = "BTCUSDT,ETHUSDT"
DEFAULT_STATE = Path(".data/paper-venue")


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for. Times in milliseconds, fees in basis points, funds in USDT."""

    host: str
    port: int
    source: str
    speed: float
    symbols: tuple[str, ...]
    latency_ms: float
    jitter_ms: float
    seed: int
    state: Path
    keys: Path | None
    funds: Decimal
    maker_fee_bps: Decimal
    taker_fee_bps: Decimal
    self_url: str
    limits: UsageLimits
    countdown_cancels_conditionals: bool = False


def parse_options(arguments: Sequence[str] | None = None) -> Options:
    """Read the command line; a wrong one ends the process with what was expected."""
    given = _parser().parse_args(arguments)
    return Options(
        host=given.host,
        port=given.port,
        source=given.source,
        speed=given.speed,
        symbols=tuple(name for name in given.symbols.split(",") if name),
        latency_ms=given.latency_ms,
        jitter_ms=given.jitter_ms,
        seed=given.seed,
        state=given.state,
        keys=given.keys,
        funds=given.funds,
        maker_fee_bps=given.maker_fee_bps,
        taker_fee_bps=given.taker_fee_bps,
        self_url=given.self_url,
        limits=UsageLimits(
            weight_1m=given.weight_limit, orders_10s=given.orders_limit_10s, orders_1m=given.orders_limit_1m
        ),
        countdown_cancels_conditionals=given.countdown_cancels_conditionals,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="seawall-paper-venue",
        description="A simulated exchange that speaks Binance USD-M: REST, market and user-data streams on one port.",
    )
    limits = UsageLimits()
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (default %(default)s)")
    add("--port", type=int, default=8900, help="port to listen on (default %(default)s)")
    add("--source", default="synthetic", help="synthetic[:seed], recording:<path> or live[:<rest url>,<ws url>]")
    add("--speed", type=_positive, default=1.0, help="pace of a recorded or synthetic market (default %(default)s)")
    add("--symbols", default=DEFAULT_SYMBOLS, help="venue symbols, comma-separated (default %(default)s)")
    add("--latency-ms", type=_not_negative, default=0.0, help="delay each way of requests and user events")
    add("--jitter-ms", type=_not_negative, default=0.0, help="spread of that delay, plus or minus")
    add("--seed", type=int, default=1, help="seed of the jitter (default %(default)s)")
    add("--state", type=Path, default=DEFAULT_STATE, help="directory of the account's journal (default %(default)s)")
    add("--keys", "--key-file", type=Path, help="JSON or TOML file of API keys; without one, <state>/keys.json is made")
    add("--funds", type=_amount, default=Decimal(10_000), help="USDT paid in on the first start (default %(default)s)")
    add("--maker-fee-bps", type=_amount, default=Decimal(2), help="maker fee (default %(default)s)")
    add("--taker-fee-bps", type=_amount, default=Decimal(5), help="taker fee (default %(default)s)")
    add(
        "--self-url", default="", help="URL to tell at the start, where clients do not reach the venue by host and port"
    )
    add("--weight-limit", type=int, default=limits.weight_1m, help="request weight per minute and address")
    add("--orders-limit-10s", type=int, default=limits.orders_10s, help="orders per ten seconds")
    add("--orders-limit-1m", type=int, default=limits.orders_1m, help="orders per minute")
    add(
        "--countdown-cancels-conditionals",
        action="store_true",
        help="countdownCancelAll also cancels conditional orders (the venue's documents do not say)",
    )
    return parser


def _positive(text: str) -> float:
    number = float(text)
    if not 0 < number < 1e6:
        raise argparse.ArgumentTypeError(f"{text} is not above zero")
    return number


def _not_negative(text: str) -> float:
    number = float(text)
    if not 0 <= number < 60_000:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 60000")
    return number


def _amount(text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation as error:
        raise argparse.ArgumentTypeError(f"{text} is no number") from error
    if not number.is_finite() or not 0 <= number <= 10**12:
        raise argparse.ArgumentTypeError(f"{text} is not between zero and 10^12")
    return number
