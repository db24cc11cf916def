"""Write what each image installs: the pins and hashes of requirements.txt that its members need, and no more.

Run ``.venv/bin/python deploy/docker/pins.py`` after requirements.txt changed (`make lock`), and commit the result.
The image with the API keys thus carries nothing that it does not use.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy" / "docker" / "requirements"
BUILD = "build"

# Image to what is installed in it. ``bootstrap`` makes streams and tables; it alone carries the migration tools.
IMAGES: dict[str, tuple[str, ...]] = {
    "market-data": ("seawall-market-data",),
    "consolidator": ("seawall-consolidator",),
    "feature": ("seawall-feature",),
    "signal": ("seawall-signal",),
    "risk": ("seawall-risk",),
    "execution": ("seawall-execution",),
    "stop-guardian": ("seawall-stop-guardian",),
    "recorder": ("seawall-recorder",),
    "paper-venue": ("seawall-paper-venue",),
    "bootstrap": ("seawall-ledger[migrate]", "seawall-runtime"),
    BUILD: ("hatchling",),
}

# The images are Linux with CPython; the machine that writes the pins may be anything.
ENVIRONMENT = {
    "implementation_name": "cpython",
    "os_name": "posix",
    "platform_machine": "x86_64",
    "platform_python_implementation": "CPython",
    "platform_system": "Linux",
    "python_full_version": "3.11.14",
    "python_version": "3.11",
    "sys_platform": "linux",
}
HEADER = "# Written by deploy/docker/pins.py from requirements.txt; do not edit.\n"
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==\S+.*?(?:\\\n(?:    --hash=\S+(?: \\\n|\n?))+|\n)", re.MULTILINE)


def pins() -> dict[str, str]:
    """Return every pin of requirements.txt, hashes included, by canonical name."""
    text = (ROOT / "requirements.txt").read_text()
    return {canonicalize_name(match[1]): match[0].rstrip("\n") + "\n" for match in _PIN.finditer(text)}


def closure(targets: tuple[str, ...]) -> set[str]:
    """Return the canonical names of all that the targets need, themselves included."""
    found: set[tuple[str, str]] = set()
    waiting = [Requirement(target) for target in targets]
    while waiting:
        wanted = waiting.pop()
        for extra in ("", *wanted.extras):
            name = canonicalize_name(wanted.name)
            if (name, extra) not in found:
                found.add((name, extra))
                waiting += _needs(name, extra)
    return {name for name, _ in found}


def _needs(name: str, extra: str) -> Iterator[Requirement]:
    for line in _declared(name, extra):
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate({**ENVIRONMENT, "extra": extra}):
            yield requirement


def _declared(name: str, extra: str) -> list[str]:
    if name.startswith("seawall-"):  # from the checkout, so that a new dependency counts before it is installed
        short = name.removeprefix("seawall-")
        (path,) = [path for path in ROOT.glob("*/*/pyproject.toml") if path.parent.name == short] or [
            ROOT / short / "pyproject.toml"
        ]
        project = tomllib.loads(path.read_text())["project"]
        optional: list[str] = project.get("optional-dependencies", {}).get(extra, [])
        return [*project["dependencies"], *optional]
    try:
        return distribution(name).requires or []
    except PackageNotFoundError:
        return []  # not for this platform: it still has to have a pin


def text_of(image: str) -> str:
    """Return the requirements file of one image. Raises SystemExit where something needed has no pin."""
    known = pins()
    needed = {name for name in closure(IMAGES[image]) if not name.startswith("seawall-")}
    missing = sorted(needed - known.keys())
    if missing:
        raise SystemExit(f"{image}: requirements.txt has no pin for {', '.join(missing)}")
    return HEADER + "".join(known[name] for name in sorted(needed))


def main() -> None:
    """Write every file, and remove those of images that are no more."""
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.glob("*.txt"):
        if path.stem not in IMAGES:
            path.unlink()
    for image in IMAGES:
        (FOLDER / f"{image}.txt").write_text(text_of(image))
    print(f"{len(IMAGES)} files in {FOLDER.relative_to(ROOT)}", file=sys.stderr)


if __name__ == "__main__":
    main()
