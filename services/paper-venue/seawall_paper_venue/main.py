"""Start the paper venue: options in, one port open, SIGTERM ends it."""

from __future__ import annotations

import logging
import sys
from typing import NoReturn

from seawall_sim.instruments import UnlistedSymbolError

from .app import PaperVenue
from .journal import JournalError
from .keys import KeyFileError
from .options import parse_options
from .serving import serve
from .sources.errors import SourceError


def main() -> None:
    """Run until SIGTERM or SIGINT; exit status 2 says that what was asked for cannot be, 1 that its market ended."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    options = parse_options()
    try:
        venue = PaperVenue(options)
        serve(venue.application(), options.host, options.port)
    except (JournalError, KeyFileError, SourceError, UnlistedSymbolError) as error:
        refuse(str(error))
    except OSError as error:
        refuse(f"cannot listen on {options.host}:{options.port}: {error.strerror}")
    sys.exit(1 if venue.failure else 0)


def refuse(reason: str) -> NoReturn:
    """Say why it cannot start, in one line, and leave."""
    print(f"seawall-paper-venue: {reason}", file=sys.stderr)
    sys.exit(2)


if __name__ == "__main__":
    main()
