"""The ``seawall`` command."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any, TypeVar

import structlog
import typer

from seawall_runtime.config import Config, ConfigError, load_config

from .commands.data import data_app
from .commands.feed import RecordOptions, feed_app
from .errors import CliError, UnhealthyError, UsageError
from .stack.plan import SYMBOLS, StackOptions
from .stack.record import find_running

app = typer.Typer(
    help="Seawall: an AI crypto trading system built to survive first and profit second.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

app.add_typer(data_app, name="data")
app.add_typer(feed_app, name="feed")

Result = TypeVar("Result")

DEFAULT_SYMBOLS = ",".join(SYMBOLS)

DataDir = Annotated[Path | None, typer.Option(help="Where the running system keeps its data.")]
ConfigFile = Annotated[Path | None, typer.Option("--config", help="A configuration file, instead of a running system.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Source = Annotated[str, typer.Option(help="synthetic[:seed], recording:<path>, or live[:<rest url>,<websocket url>].")]
Speed = Annotated[float, typer.Option(min=0.01, max=1000, help="How much faster than recorded.")]
Symbols = Annotated[str, typer.Option(help="Symbols, separated by commas.")]
NatsUrl = Annotated[str, typer.Option(help="Use this NATS instead of starting one.")]
DatabaseUrl = Annotated[str, typer.Option(help="Use this PostgreSQL or TimescaleDB instead of starting one.")]
Scope = Annotated[str, typer.Option(help="global, venue:…, account:…/…, symbol:… or strategy:….")]
Otlp = Annotated[str, typer.Option(help="Send traces to this OTLP endpoint, for example http://127.0.0.1:4318.")]


def _config(data_dir: Path | None, config: Path | None) -> Config:
    return load_config(config if config else Path(find_running(data_dir).config))


def _options(directory: Path, source: str, speed: float, symbols: str, **more: Any) -> StackOptions:
    names = tuple(name.strip() for name in symbols.split(",") if name.strip())
    if not names:
        raise UsageError("--symbols is empty: expected names such as BTC-USDT-PERP")
    return StackOptions(directory=directory.resolve(), source=source, speed=speed, symbols=names, **more)


@app.command()
def demo(
    duration: Annotated[float, typer.Option(min=1, max=86_400, help="Seconds to run.")] = 60,
    source: Source = "synthetic",
    speed: Speed = 1.0,
    kill: Annotated[bool, typer.Option("--kill", help="Kill -9 every service, NATS and PostgreSQL once.")] = False,
    seed: Annotated[int | None, typer.Option(help="Repeat the kill plan of this seed.")] = None,
    symbols: Symbols = DEFAULT_SYMBOLS,
    data_dir: Annotated[Path, typer.Option(help="Emptied at the start.")] = Path(".data/demo"),
    otlp_endpoint: Otlp = "",
) -> None:
    """Run the whole system for a while, show it live, and account for it in one line of JSON."""
    from .demo.run import run_demo

    options = _options(data_dir, source, speed, symbols, otlp_endpoint=otlp_endpoint)
    _run(run_demo(options, duration, kill=kill, seed=seed))


@app.command()
def up(
    source: Source = "synthetic",
    speed: Speed = 1.0,
    symbols: Symbols = DEFAULT_SYMBOLS,
    bar_seconds: Annotated[float, typer.Option(min=0.1, help="Length of a bar.")] = 1.0,
    data_dir: Annotated[Path, typer.Option(help="Kept from run to run.")] = Path(".data/up"),
    nats_url: NatsUrl = "",
    database_url: DatabaseUrl = "",
    otlp_endpoint: Otlp = "",
) -> None:
    """Run the whole system until Ctrl-C."""
    from .commands.up import run_up

    more = {"bar_seconds": bar_seconds, "nats_url": nats_url, "database_url": database_url}
    _run(run_up(_options(data_dir, source, speed, symbols, otlp_endpoint=otlp_endpoint, **more)))


@app.command()
def status(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Show what runs, what it holds, and what protects it. Exits with 5 where something is not ready."""
    from .commands.status import read_status, show_status

    record = find_running(data_dir)
    found = _run(read_status(load_config(Path(record.config)), record.http_ports))
    print(json.dumps(found) if as_json else show_status(found))
    if not found["ready"]:
        raise typer.Exit(UnhealthyError.exit_code)


@app.command()
def tail(
    subject: Annotated[str, typer.Argument(help="A NATS subject, wildcards allowed: 'order.>', 'md.bar.*.*'.")] = ">",
    count: Annotated[int | None, typer.Option("--count", "-n", min=1, help="Stop after this many events.")] = None,
    data_dir: DataDir = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Show events as they happen."""
    from .commands.tail import tail as follow

    _run(follow(_config(data_dir, config), subject, as_json=as_json, count=count))


@app.command()
def explain(
    order_id: Annotated[str, typer.Argument(help="A client order id, or the start of one; or an event id.")],
    data_dir: DataDir = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Show why an order exists: the chain of causes down to the tick, and what came of it."""
    from .commands.explain import chain_as_json, show_chain
    from .commands.explain import explain as find

    chain = _run(find(_config(data_dir, config), order_id))
    print(chain_as_json(chain) if as_json else show_chain(chain))


@app.command()
def halt(
    reason: Annotated[str, typer.Option(help="For the record.")] = "asked for",
    scope: Scope = "global",
    data_dir: DataDir = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Take no new risk. Stops stay, positions stay; it lasts until 'seawall resume'."""
    from .commands.control import check_scope
    from .commands.control import halt as say

    said = _run(say(_config(data_dir, config), check_scope(scope), reason))
    _print_said("halted", scope, said.copies, as_json=as_json)


@app.command()
def resume(
    reason: Annotated[str, typer.Option(help="For the record.")] = "asked for",
    scope: Scope = "global",
    data_dir: DataDir = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Allow new risk again in a halted scope."""
    from .commands.control import check_scope
    from .commands.control import resume as say

    said = _run(say(_config(data_dir, config), check_scope(scope), reason))
    _print_said("resumed", scope, said.copies, as_json=as_json)


@app.command()
def flatten(
    reason: Annotated[str, typer.Option(help="For the record.")] = "asked for",
    scope: Scope = "global",
    within: Annotated[float, typer.Option(min=1, help="Seconds to wait until nothing is open.")] = 15,
    data_dir: DataDir = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Cancel entries and close every position in a scope. Halt first, or strategies may enter again."""
    from .commands.control import check_scope
    from .commands.control import flatten as ask

    left = _run(ask(_config(data_dir, config), check_scope(scope), reason, within_s=within))
    open_now = [f"{position.symbol} {position.quantity}" for position in left]
    if as_json:
        print(json.dumps({"flat": not open_now, "scope": scope, "open": open_now}))
    else:
        print(f"still open after {within:g} s: {', '.join(open_now)}" if open_now else f"{scope} is flat")
    if open_now:
        raise typer.Exit(UnhealthyError.exit_code)


@app.command()
def record(
    venue: Annotated[str, typer.Option(help="Such as binance-usdm, bybit-linear, okx, kraken, coinbase.")],
    symbols: Symbols = DEFAULT_SYMBOLS,
    folder: Annotated[Path, typer.Option(help="Where the files go.")] = Path(".data/recordings"),
    duration: Annotated[float, typer.Option(min=0, help="Seconds; 0 is until Ctrl-C.")] = 0,
    rest_url: Annotated[str, typer.Option(help="Instead of the venue's own.")] = "",
    websocket_url: Annotated[str, typer.Option(help="Instead of the venue's own.")] = "",
    max_mib: Annotated[int, typer.Option(min=1, help="A file ends after this much, before compression.")] = 1_024,
    max_minutes: Annotated[float, typer.Option(min=0.1, help="A file ends after this long.")] = 60,
    depth_every_ms: Annotated[int, typer.Option(min=0, help="Pace of the depth stream; 0 is the fastest.")] = 100,
) -> None:
    """Record every frame of some instruments of one venue, to be verified and replayed."""
    from .commands.feed import record as run_record

    names = tuple(name.strip() for name in symbols.split(",") if name.strip())
    options = RecordOptions(
        venue=venue,
        symbols=names,
        folder=folder,
        duration_s=duration,
        rest_url=rest_url,
        websocket_url=websocket_url,
        max_mib=max_mib,
        max_minutes=max_minutes,
        depth_every_ms=depth_every_ms,
    )
    print(json.dumps(_run(run_record(options))))


@app.command()
def doctor(data_dir: DataDir = None, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Check this machine, and the running system if there is one. Exits with 5 where something is wrong."""
    from .commands.doctor import run_doctor, show_findings

    findings = _run(run_doctor(data_dir, config))
    rows = [{"check": finding.check, "ok": finding.ok, "found": finding.found} for finding in findings]
    print(json.dumps(rows) if as_json else show_findings(findings))
    if not all(finding.ok for finding in findings):
        raise typer.Exit(UnhealthyError.exit_code)


def _print_said(verb: str, scope: str, copies: dict[str, str], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({verb: scope, "copies": copies}))
    else:
        print(f"{verb} {scope}: " + ", ".join(f"{where} {result}" for where, result in copies.items()))


def _run(work: Coroutine[Any, Any, Result]) -> Result:
    return asyncio.run(work)


def main() -> None:
    """Run the command; a known error is one line on stderr and a stable exit code."""
    # stdout belongs to what was asked for
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    try:
        app()
    except ConfigError as error:
        print(f"seawall: {error}", file=sys.stderr)
        sys.exit(UsageError.exit_code)
    except CliError as error:
        print(f"seawall: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
