"""The example in the README runs and prints what it says."""

from __future__ import annotations

import os
import re
import subprocess
import sys

from tests.paths import REPOSITORY


def test_the_example_prints_what_its_comments_say(postgres_url: str) -> None:
    text = (REPOSITORY / "libs" / "ledger" / "README.md").read_text()
    found = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert found is not None
    done = subprocess.run(
        [sys.executable, "-c", found.group(1)],
        env={**os.environ, "DATABASE_URL": postgres_url},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.stdout.split("\n") == ["0002", "True", "False", "[Decimal('0.010')]", ""], done.stderr
