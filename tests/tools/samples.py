"""A sample of every event, built from its declaration; and the golden files made from them."""

from __future__ import annotations

import enum
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
from msgspec import inspect

from seawall_proto import ROUTES, Event, encode, event_type

GOLDEN = Path(__file__).resolve().parents[2] / "proto" / "golden"

NAMED: dict[str, Any] = {
    "id": "0f1e2d3c4b5a69788796a5b4c3d2e1f0",
    "venue": "binance-usdm",
    "account": "paper",
    "symbol": "BTC-USDT-PERP",
    "strategy": "momentum",
    "service": "risk",
    "model": "momentum",
    "scope": "global",
    "ts_received_ns": 1_723_161_256_322_000_000,
    "ts_venue_ns": 1_723_161_256_298_000_000,
}


def sample(kind: type[msgspec.Struct], *, full: bool) -> Any:
    """Return one instance; ``full`` fills optional fields, else defaults and ``None`` are kept."""
    values: dict[str, Any] = {}
    for field in msgspec.structs.fields(kind):
        has_default = field.default is not msgspec.NODEFAULT or field.default_factory is not msgspec.NODEFAULT
        if field.name in NAMED:
            values[field.name] = NAMED[field.name]
        elif full or not has_default:
            values[field.name] = _value(inspect.type_info(field.type), field.name, full=full)
    return kind(**values)


def _value(kind: inspect.Type, name: str, *, full: bool) -> Any:
    simple: dict[type, Any] = {
        inspect.StrType: name.replace("_", "-"),
        inspect.IntType: 1_723_161_257_000_000_000 if name.endswith("_ns") else 7,
        inspect.FloatType: 61_800.25,
        inspect.BoolType: True,
        inspect.DecimalType: Decimal("0.014"),
        inspect.NoneType: None,
    }
    if type(kind) in simple:
        return simple[type(kind)]
    match kind:
        case inspect.UnionType():
            present = [part for part in kind.types if not isinstance(part, inspect.NoneType)]
            return _value(present[0], name, full=full) if full else None
        case inspect.LiteralType():
            return kind.values[0]
        case inspect.EnumType():
            return next(iter(kind.cls)) if issubclass(kind.cls, enum.Enum) else None
        case inspect.StructType():
            return sample(kind.cls, full=full)
        case inspect.VarTupleType() | inspect.ListType():
            return (_value(kind.item_type, name, full=full),) if full else ()
        case inspect.TupleType():
            return tuple(_value(part, name, full=full) for part in kind.item_types)
        case inspect.DictType():
            return {"returns": _value(kind.value_type, name, full=full)} if full else {}
    raise TypeError(f"no sample for {name}: {kind}")


def samples() -> list[Event]:
    """Two samples of every routed event: bare and full."""
    return [sample(route.kind, full=full) for route in ROUTES for full in (False, True)]


def add_missing_golden() -> list[Path]:
    """Write golden bytes for events that have none yet; never touch what is there."""
    added = []
    GOLDEN.mkdir(exist_ok=True)
    for route in ROUTES:
        path = GOLDEN / f"{event_type(route.kind)}.jsonl"
        if not path.exists():
            lines = [encode(sample(route.kind, full=full)) for full in (False, True)]
            path.write_bytes(b"\n".join(lines) + b"\n")
            added.append(path)
    return added
