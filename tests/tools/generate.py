"""Write what is generated from the tables: schemas, AsyncAPI, the flow picture, golden bytes for new events."""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec
import yaml

from seawall_proto import ROUTE_OF, ROUTES, Event, event_type
from seawall_runtime.service import Service
from tests.tools.samples import add_missing_golden

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("market-data", "consolidator", "feature", "signal", "risk", "execution", "stop-guardian", "recorder")
FLOW_BEGIN, FLOW_END = "<!-- flow: generated -->", "<!-- flow: end -->"


def service_tables() -> list[Service]:
    """Return the SERVICE table of every service that listens to or speaks on the bus."""
    return [import_module(f"seawall_{name.replace('-', '_')}.service").SERVICE for name in SERVICES]


def schema_of(kind: type[Event]) -> str:
    """Return the JSON Schema of one event as text."""
    schema = msgspec.json.schema(kind)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["$id"] = f"{event_type(kind)}.json"
    return json.dumps(schema, indent=2) + "\n"


def asyncapi() -> str:
    """Return AsyncAPI 3.0: one channel a subject, operations from the SERVICE tables."""
    tables = service_tables()
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    for route in ROUTES:
        name = route.kind.__name__
        parameters = [part[1:-1] for part in route.template.split(".") if part.startswith("{")]
        channels[name] = {
            "address": route.template,
            "description": f"{route.delivery.value} delivery, stream {route.stream}",
            "messages": {name: {"payload": {"$ref": f"./schemas/{event_type(route.kind)}.json"}}},
            **({"parameters": {parameter: {} for parameter in parameters}} if parameters else {}),
        }
        for table in tables:
            for action, kinds in (("send", table.sends), ("receive", tuple(table.on))):
                if route.kind in kinds:
                    operations[f"{table.name}.{action}.{name}"] = {
                        "action": action,
                        "channel": {"$ref": f"#/channels/{name}"},
                    }
    document = {
        "asyncapi": "3.0.0",
        "info": {"title": "Seawall events", "version": "1.0.0"},
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
    }
    return yaml.safe_dump(document, sort_keys=False, width=110)


def edges() -> list[tuple[str, str, tuple[str, ...]]]:
    """Return ``(from, to, events)`` for every pair of services that a declared event joins."""
    tables = [table for table in service_tables() if table.name != "recorder"]
    found = []
    for sender in tables:
        for receiver in tables:
            joined = tuple(
                kind.__name__
                for kind in sender.sends
                if kind in receiver.on and kind in ROUTE_OF and sender is not receiver
            )
            if joined:
                found.append((sender.name, receiver.name, joined))
    return found


def flow_picture() -> str:
    """Return the flow of decisions as a Mermaid graph; the recorder hears everything and is left out."""
    lines = ["```mermaid", "flowchart LR", "  venue([exchange]) --> market-data"]
    lines += [f'  {sender} -- "{"<br>".join(events)}" --> {receiver}' for sender, receiver, events in edges()]
    lines += ["  execution <--> venue", "  stop-guardian <--> venue", "```"]
    return "\n".join(lines)


def outputs() -> dict[Path, str]:
    """Return every generated file with its text."""
    texts = {ROOT / "proto" / "schemas" / f"{event_type(route.kind)}.json": schema_of(route.kind) for route in ROUTES}
    texts[ROOT / "proto" / "asyncapi.yaml"] = asyncapi()
    readme = ROOT / "README.md"
    before, _, rest = readme.read_text().partition(FLOW_BEGIN)
    _, _, after = rest.partition(FLOW_END)
    texts[readme] = f"{before}{FLOW_BEGIN}\n{flow_picture()}\n{FLOW_END}{after}"
    return texts


def main() -> int:
    """Write everything; say what changed."""
    for path in add_missing_golden():
        print(f"new   {path.relative_to(ROOT)}")
    for path, text in outputs().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
            print(f"wrote {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
