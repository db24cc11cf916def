"""``make bench``: one JSON line a path. Each is a ratio to a peer or a floor measured in the same run.

A bench is a module ``tests/bench/bench_<name>.py`` with ``NAME`` and ``run()``, which returns a line's
fields or yields those of several lines; ``BENCH=`` picks by name, by part of a name, or by a
comma-separated list of either.
"""

from __future__ import annotations

import json
import os
import platform
import sys
from importlib import import_module
from pathlib import Path


def main(arguments: list[str]) -> int:
    """Run the benches that were asked for, all by default."""
    wanted = [name for argument in arguments for name in argument.split(",") if name]
    modules = [import_module(f"tests.bench.{path.stem}") for path in sorted(Path(__file__).parent.glob("bench_*.py"))]
    chosen = [
        module
        for module in modules
        if not wanted or any(name in module.NAME or name in module.__name__ for name in wanted)
    ]
    if not chosen:
        print(f"no bench named {', '.join(wanted)}; there are {', '.join(m.NAME for m in modules)}", file=sys.stderr)
        return 2
    print(f"{platform.python_implementation()} {platform.python_version()}, {os.cpu_count()} cores", file=sys.stderr)
    for module in chosen:
        measured = module.run()
        for fields in [measured] if isinstance(measured, dict) else measured:
            print(json.dumps({"path": module.NAME, **fields}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
