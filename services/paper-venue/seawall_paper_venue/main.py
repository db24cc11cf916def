"""Start the paper venue: options in, one port open, SIGTERM ends it."""

from __future__ import annotations

import logging
import sys

from aiohttp import web

from seawall_sim.instruments import UnlistedSymbolError

from .app import PaperVenue
from .journal import JournalError
from .keys import KeyFileError
from .loops import new_loop
from .options import parse_options
from .sources.errors import SourceError


def main() -> None:
    """Run until SIGTERM or SIGINT; exit status 2 says that it could not start, 1 that its market ended."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    options = parse_options()
    try:
        venue = PaperVenue(options)
        app = venue.application()
        web.run_app(app, host=options.host, port=options.port, access_log=None, print=None, loop=new_loop())
    except (JournalError, KeyFileError, SourceError, UnlistedSymbolError) as error:
        sys.exit(f"seawall-paper-venue: {error}")
    except OSError as error:
        sys.exit(f"seawall-paper-venue: cannot listen on {options.host}:{options.port}: {error.strerror}")
    sys.exit(1 if venue.failure else 0)


if __name__ == "__main__":
    main()
