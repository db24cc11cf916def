"""What can be wrong with a recording.

CaptureError   a file that is no recording, or a line of it that cannot be read; names file and line
"""

from __future__ import annotations


class CaptureError(Exception):
    """A recording cannot be read; says where, what was found and what was expected."""
