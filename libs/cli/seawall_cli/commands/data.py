"""``seawall data``: history downloaded, imported, listed, verified, and loaded into the database."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seawall_cli.errors import CliError, ServerError, UnhealthyError, UsageError
from seawall_cli.stack.record import find_running
from seawall_runtime.clock import elapsed_s, now_ns
from seawall_runtime.config import DatabaseConfig, load_config

if TYPE_CHECKING:
    from seawall_history.download.run import Downloaded, Progress
    from seawall_history.importing import Imported
    from seawall_history.loading import Loaded
    from seawall_history.names import Dataset
    from seawall_history.schema import Kind
    from seawall_history.store import Store
    from seawall_history.verify.defects import Report

data_app = typer.Typer(
    help="Candles, funding and trades of the past: downloaded, checked, kept in Parquet, loaded into the database.",
    no_args_is_help=True,
)

PLAIN_EVERY_S = 5.0  # a line of progress where there is no terminal

Folder = Annotated[Path, typer.Option(help="Where the history is kept.")]
Venue = Annotated[str, typer.Option(help="binance-usdm, binance-spot, bybit-linear, okx, kraken, coinbase, …")]
Symbols = Annotated[str, typer.Option("--symbol", help="BTC-USDT-PERP, BTC-USDT, …; several with commas.")]
KindName = Annotated[str, typer.Option("--kind", help="candles, funding or trades.")]
Interval = Annotated[str, typer.Option(help="1m, 5m, 1h, 1d, …: of candles.")]
Begin = Annotated[str, typer.Option("--from", help="The first moment, UTC: 2025-05-04 or 2025-05-04T15:30.")]
End = Annotated[str, typer.Option("--to", help="The moment after the last, UTC; now where it is not said.")]
Replace = Annotated[bool, typer.Option("--replace", help="Where rows differ, store the new ones.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

DEFAULT_FOLDER = Path(".data/history")


@data_app.command()
def download(
    venue: Venue,
    symbol: Symbols,
    begin: Begin,
    kind: KindName = "candles",
    interval: Interval = "1m",
    end: End = "",
    folder: Folder = DEFAULT_FOLDER,
    url: Annotated[str, typer.Option(help="Ask this server instead of the venue's own.")] = "",
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds to wait for an answer.")] = 20,
    replace: Replace = False,
    as_json: AsJson = False,
) -> None:
    """Download what is not here yet from a venue's public REST. Goes on where it stopped, however it stopped."""
    with _told():
        from seawall_history.intervals import parse_time
        from seawall_history.names import Dataset, check_symbol
        from seawall_history.telling import downloaded_json, show_downloaded

        of_kind = _kind(kind)
        datasets = [
            Dataset(venue, check_symbol(name), of_kind, _interval_ns(of_kind, interval)) for name in _names(symbol)
        ]
        wanted = (parse_time(begin), parse_time(end) if end else None)
        work = _download(datasets, wanted, folder, url=url, timeout_s=timeout, replace=replace)
        results, failed = asyncio.run(work)
    if as_json:
        print(json.dumps({"histories": [downloaded_json(each) for each in results], "failed": failed}))
    else:
        for each in results:
            print(show_downloaded(each))
    if failed:
        raise CliError("; ".join(failed))


async def _download(
    datasets: list[Dataset], wanted: tuple[int, int | None], folder: Path, *, url: str, timeout_s: float, replace: bool
) -> tuple[list[Downloaded], list[str]]:
    from seawall_history.download.client import Client
    from seawall_history.download.run import Manner
    from seawall_history.download.run import download as fetch
    from seawall_history.download.sources import source_of
    from seawall_history.errors import DownloadError
    from seawall_history.store import Store

    sources = {source_of(dataset).name: source_of(dataset) for dataset in datasets}
    results: list[Downloaded] = []
    failed: list[str] = []
    with _progress() as (report, note):
        async with Client(next(iter(sources.values())), url=url, timeout_s=timeout_s, note=note) as client:
            for dataset in datasets:
                await client.market(dataset.symbol)  # a wrong name is told before an hour of the others
            for dataset in datasets:
                try:
                    manner = Manner(replace_held=replace)
                    done = await fetch(
                        Store(folder), client, dataset, wanted, now_ns=now_ns, report=report, manner=manner
                    )
                    results.append(done)
                except DownloadError as error:
                    failed.append(f"{dataset}: {error}")
    return results, failed


@data_app.command(name="import")
def import_(
    path: Annotated[Path, typer.Argument(help="A file or a folder: Feather, CSV (also .gz) or Parquet.")],
    venue: Venue = "",
    symbol: Annotated[str, typer.Option(help="Where the file's name does not tell it.")] = "",
    kind: KindName = "",
    interval: Interval = "",
    folder: Folder = DEFAULT_FOLDER,
    replace: Replace = False,
    drop_bad: Annotated[bool, typer.Option("--drop-bad", help="Leave out rows that cannot be true.")] = False,
    as_json: AsJson = False,
) -> None:
    """Import files. Exits with 5 where a row differs from one that is stored, which then stays."""
    with _told():
        from seawall_history.importing import Said, import_files
        from seawall_history.intervals import interval_ns_of
        from seawall_history.store import Store
        from seawall_history.telling import imported_json, show_imported

        said = Said(venue, symbol, _kind(kind) if kind else None, interval_ns_of(interval) if interval else 0)
        results: list[Imported] = []
        for each in import_files(Store(folder), path, said, now_ns=now_ns, replace_held=replace, drop_bad=drop_bad):
            results.append(each)
            if not as_json:
                print(show_imported(each), flush=True)
    if as_json:
        print(json.dumps([imported_json(each) for each in results]))
    failed = [each for each in results if each.error]
    if failed:
        raise CliError(f"{len(failed)} of {len(results)} files were not imported")
    if any(each.merged.differing for each in results) and not replace:
        raise typer.Exit(UnhealthyError.exit_code)


@data_app.command(name="list")
def list_(
    venue: Venue = "",
    symbol: Symbols = "",
    kind: KindName = "",
    interval: Interval = "",
    folder: Folder = DEFAULT_FOLDER,
    as_json: AsJson = False,
) -> None:
    """Show what is here: venue, symbol, kind, interval, rows, from, to, holes, bytes."""
    with _told():
        from seawall_history.overview import summarise
        from seawall_history.store import Store
        from seawall_history.telling import show_list, summary_json

        store = Store(folder)
        rows = [summarise(store, dataset) for dataset in _selected(store, venue, symbol, kind, interval)]
    print(json.dumps([summary_json(row) for row in rows]) if as_json else show_list(rows, folder))


@data_app.command()
def verify(
    path: Annotated[Path | None, typer.Argument(help="A file or folder to check before an import.")] = None,
    venue: Venue = "",
    symbol: Symbols = "",
    kind: KindName = "",
    interval: Interval = "",
    folder: Folder = DEFAULT_FOLDER,
    ignore: Annotated[str, typer.Option(help="Kinds of defects to overlook, with commas: missing,zero_volume.")] = "",
    as_json: AsJson = False,
) -> None:
    """Name every defect with its row and the reason. Exits with 5 where there is one."""
    with _told():
        from seawall_history.store import Store
        from seawall_history.telling import report_json, show_report
        from seawall_history.verify.defects import DEFECTS

        overlooked = frozenset(_names(ignore)) if ignore else frozenset()
        if unknown := overlooked - set(DEFECTS):
            raise UsageError(f"--ignore {', '.join(sorted(unknown))}: expected some of {', '.join(DEFECTS)}")
        if path is not None and any(path.glob("venue=*")):
            folder = path  # a store's folder: its files are checked against their manifests
            path = None
        checks = (
            _check_files(path, kind, interval) if path else _check_store(Store(folder), venue, symbol, kind, interval)
        )
        reports: list[Report] = []
        for each in checks:
            reports.append(each.without(overlooked))
            if not as_json:
                print(show_report(reports[-1]), flush=True)
    clean = all(each.clean for each in reports)
    if as_json:
        print(json.dumps({"clean": clean, "checked": [report_json(each) for each in reports]}))
    if not clean:
        raise typer.Exit(UnhealthyError.exit_code)


def _check_files(path: Path, kind: str, interval: str) -> Iterator[Report]:
    from seawall_history.intervals import interval_ns_of
    from seawall_history.verify.check import check_file, data_files

    files = data_files(path) if path.exists() else []
    if not files:
        raise UsageError(f"{path}: {'no file of data in it' if path.exists() else 'there is nothing'}")
    interval_ns = interval_ns_of(interval) if interval else 0
    for file in files:
        yield check_file(file, now_ns=now_ns(), kind=_kind(kind) if kind else None, interval_ns=interval_ns)


def _check_store(store: Store, venue: str, symbol: str, kind: str, interval: str) -> Iterator[Report]:
    from seawall_history.verify.check import check_store

    datasets = _selected(store, venue, symbol, kind, interval)
    if not datasets:
        raise UsageError(f"{store.folder}: no such history; 'seawall data list' shows what is there")
    yield from check_store(store, datasets, now_ns=now_ns())


@data_app.command()
def load(
    venue: Venue = "",
    symbol: Symbols = "",
    kind: KindName = "",
    interval: Interval = "",
    begin: Begin = "",
    end: End = "",
    folder: Folder = DEFAULT_FOLDER,
    database_url: Annotated[str, typer.Option(help="This PostgreSQL, instead of a running system's.")] = "",
    data_dir: Annotated[Path | None, typer.Option(help="Where the running system keeps its data.")] = None,
    config: Annotated[Path | None, typer.Option(help="A configuration file, instead of a running system.")] = None,
    as_json: AsJson = False,
) -> None:
    """Load history into the database's tables bars, funding and trades. A second run adds nothing."""
    with _told():
        from seawall_history.intervals import parse_time
        from seawall_history.loading import load as put
        from seawall_history.store import Store
        from seawall_history.telling import loaded_json, show_loaded

        settings = _database(database_url, data_dir, config)
        store = Store(folder)
        datasets = _selected(store, venue, symbol, kind, interval)
        if not datasets:
            raise UsageError(f"{folder}: no such history; 'seawall data list' shows what is there")
        bounds = {"ts_from_ns": parse_time(begin) if begin else None, "ts_to_ns": parse_time(end) if end else None}
        results = asyncio.run(put(store, datasets, settings, report=_load_lines(), **bounds))
    print(json.dumps([loaded_json(each) for each in results]) if as_json else "\n".join(map(show_loaded, results)))


def _database(url: str, data_dir: Path | None, config: Path | None) -> DatabaseConfig:
    if url:
        return DatabaseConfig(url=url)
    return load_config(config if config else Path(find_running(data_dir).config)).database


def _load_lines() -> Callable[[Loaded], None]:
    said_s = elapsed_s()

    def say(loaded: Loaded) -> None:
        nonlocal said_s
        if elapsed_s() - said_s >= PLAIN_EVERY_S:
            said_s = elapsed_s()
            print(f"{loaded.dataset}: {loaded.rows} rows read, {loaded.added} new", file=sys.stderr, flush=True)

    return say


@contextmanager
def _told() -> Iterator[None]:
    """Tell errors of the history as the command line's: 2 for a wrong argument or file, 3 for the database."""
    from seawall_history.errors import BadInputError, HistoryError, LoadError

    try:
        yield
    except BadInputError as error:
        raise UsageError(str(error)) from error
    except LoadError as error:
        raise ServerError(str(error)) from error
    except HistoryError as error:
        raise CliError(str(error)) from error


def _names(text: str) -> list[str]:
    names = list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if not names:
        raise UsageError("an empty list of names: expected some, with commas between them")
    return names


def _kind(name: str) -> Kind:
    from seawall_history.schema import SCHEMAS

    for kind in SCHEMAS:
        if kind == name:
            return kind
    raise UsageError(f"--kind {name}: expected one of {', '.join(SCHEMAS)}")


def _interval_ns(kind: Kind, interval: str) -> int:
    from seawall_history.intervals import interval_ns_of

    return interval_ns_of(interval) if kind == "candles" else 0


def _selected(store: Store, venue: str, symbol: str, kind: str, interval: str) -> list[Dataset]:
    from seawall_history.intervals import interval_ns_of
    from seawall_history.overview import selected

    return selected(
        store,
        venue=venue,
        symbols=_names(symbol) if symbol else (),
        kind=_kind(kind) if kind else None,
        interval_ns=interval_ns_of(interval) if interval else 0,
    )


@contextmanager
def _progress() -> Iterator[tuple[Callable[[Progress], None], Callable[[str], None]]]:
    """Yield what shows progress and what says why it waits: a bar on a terminal, lines elsewhere, on stderr."""
    if not sys.stderr.isatty():
        yield _plain_progress(), lambda text: print(text, file=sys.stderr, flush=True)
        return
    from rich.console import Console
    from rich.progress import BarColumn, TaskID, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:.0f} %"),
        TimeRemainingColumn(),
    )
    with Bars(*columns, TextColumn("{task.fields[rows]} rows"), console=Console(stderr=True)) as bars:
        tasks: dict[Dataset, TaskID] = {}

        def show(progress: Progress) -> None:
            task = tasks.get(progress.dataset)
            if task is None:
                task = tasks[progress.dataset] = bars.add_task(str(progress.dataset), rows=0)
            bars.update(task, total=progress.wanted_ns or 1, completed=progress.done_ns, rows=progress.rows)

        yield show, bars.console.print


def _plain_progress() -> Callable[[Progress], None]:
    said_s: dict[Dataset, float] = {}

    def show(progress: Progress) -> None:
        at_s = elapsed_s()
        done = progress.done_ns >= progress.wanted_ns
        if done or at_s - said_s.get(progress.dataset, -PLAIN_EVERY_S) >= PLAIN_EVERY_S:
            said_s[progress.dataset] = at_s
            share = 1.0 if done else progress.done_ns / progress.wanted_ns
            print(f"{progress.dataset}: {share:.0%}, {progress.rows} rows", file=sys.stderr, flush=True)

    return show
