"""Finding an instrument by its name, and saying what may have been meant where there is none."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from .port import Instrument, UnknownInstrumentError

NEAR_MATCHES = 3


def find_instrument(listed: Sequence[Instrument], symbol: str) -> Instrument:
    """Return the instrument of this name. Raises UnknownInstrumentError naming near matches."""
    names = {instrument.symbol: instrument for instrument in listed}
    if symbol in names:
        return names[symbol]
    venue = listed[0].venue if listed else "the venue"
    # the venue's own name is the likeliest mistake, so it is among what is compared
    ours = {instrument.venue_symbol: instrument.symbol for instrument in listed}
    near = get_close_matches(symbol.upper(), [*names, *ours], n=NEAR_MATCHES * 2, cutoff=0.5)
    meant = list(dict.fromkeys(ours.get(name, name) for name in near))[:NEAR_MATCHES]
    hint = f"did you mean {', '.join(meant)}?" if meant else f"it lists {len(listed)} instruments, none alike"
    raise UnknownInstrumentError(f"symbol {symbol} is not listed at {venue}: {hint}")
