"""``seawall explain``: from an order back to the tick that set it off, and on to what came of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.text import Text

from seawall_cli.describe import describe, time_of_day
from seawall_cli.errors import CliError, UsageError
from seawall_cli.wire import ledger_of
from seawall_ledger import Chain, Ledger, LedgerError, Link
from seawall_proto import encode
from seawall_runtime.config import Config

WIDTH = 160  # lines are cut by the terminal, not folded in the middle of a number


async def explain(config: Config, name: str) -> Chain:
    """Return the chain of an order, a stop or an event; the start of an order id is enough.

    Raises CliError where nothing bears the name, UsageError where it is the start of several.
    """
    async with ledger_of(config) as ledger:
        try:
            chain = await ledger.chain(await _whole(ledger, name))
        except LedgerError as error:
            raise CliError(str(error)) from error
    if chain is None:
        raise CliError(f"nothing is recorded under {name!r}: expected a client order id, a stop id or an event id")
    return chain


async def _whole(ledger: Ledger, name: str) -> str:
    rows = await ledger.rows(
        "SELECT client_order_id FROM orders WHERE starts_with(client_order_id, $1) ORDER BY recorded DESC LIMIT 6", name
    )
    found = [row["client_order_id"] for row in rows]
    if len(found) > 1 and name not in found:
        raise UsageError(f"{name!r} is the start of several orders: {', '.join(found[:5])}")
    return found[0] if len(found) == 1 else name


def chain_as_json(chain: Chain) -> str:
    """Return the chain as one JSON object: causes from the order down to the tick, consequences in order of time."""
    return json.dumps(
        {
            "asked": _as_object(chain.asked),
            "causes": [_as_object(link) for link in reversed(chain.causes)],
            "consequences": [_as_object(link) for link in chain.consequences],
            "missing": list(chain.missing),
        }
    )


def _as_object(link: Link) -> dict[str, Any]:
    return {"kind": type(link.event).__name__, "ts_ns": link.ts_ns, "event": json.loads(encode(link.event))}


def show_chain(chain: Chain) -> str:
    """Return the story as lines: what led to it, the oldest first, and what came of it."""
    console = Console(width=WIDTH, no_color=True, highlight=False)
    with console.capture() as capture:
        for line in _lines(chain):
            console.print(line, overflow="ellipsis", no_wrap=True)
    return capture.get().rstrip()


def _lines(chain: Chain) -> Iterator[Text]:
    links = [*chain.causes, *chain.consequences] or [chain.asked]
    begin_ns = links[0].ts_ns
    yield Text("what led to it")
    for depth, link in enumerate(chain.causes):
        yield _line(link, begin_ns, "  " + "  " * depth)
    for cause in chain.missing:
        yield Text(f"  (cause {cause} is not recorded)")
    yield Text("what came of it")
    for link in chain.consequences:
        yield _line(link, begin_ns, "  ")


def _line(link: Link, begin_ns: int, indent: str) -> Text:
    after_ms = (link.ts_ns - begin_ns) / 1e6
    name = type(link.event).__name__
    return Text(f"{time_of_day(link.ts_ns)} {after_ms:+10.1f} ms {indent}{name}: {describe(link.event)}")
