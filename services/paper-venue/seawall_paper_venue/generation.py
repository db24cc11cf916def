"""A real exchange's ids never go back, so neither may ours when the venue is started again on the same state."""

from __future__ import annotations

from pathlib import Path

from .market_frames import AggregateTrade, BookSnapshot, BookTicker, DepthUpdate, MarketMessage, Trade

# far more than one life of the venue can use up: a day of BTC is about 5 * 10^9 book versions and 10^7 trades
UPDATE_IDS_A_LIFE = 10**11
TRADE_IDS_A_LIFE = 10**9
# keeps ids within the 53 bits that every JSON reader takes exactly
_MOST_LIVES = 10_000
_FILE = "market-lives"


def next_generation(state: Path) -> int:
    """Count one more life of the venue on this state folder; return how many there were before.

    Raises OSError where the folder cannot be written. A file that is no number counts from zero.
    """
    path = state / _FILE
    text = path.read_text(encoding="ascii", errors="replace") if path.exists() else ""
    generation = int(text) % _MOST_LIVES if text.strip().isdecimal() else 0
    state.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_text(str(generation + 1), encoding="ascii")
    fresh.replace(path)
    return generation


class IdShift:
    """Adds what makes the ids of this life higher than all of the lives before; nothing in the first."""

    def __init__(self, generation: int) -> None:
        self._updates = generation * UPDATE_IDS_A_LIFE
        self._trades = generation * TRADE_IDS_A_LIFE

    def apply(self, message: MarketMessage) -> None:
        """Move the ids of one message of the source."""
        if not self._updates:
            return
        match message:
            case BookTicker():
                message.update_id += self._updates
            case Trade():
                message.trade_id += self._trades
            case DepthUpdate():
                message.first_update_id += self._updates
                message.last_update_id += self._updates
                message.previous_update_id += self._updates
            case BookSnapshot():
                message.last_update_id += self._updates
            case AggregateTrade():
                message.aggregate_id += self._trades
                message.first_trade_id += self._trades
                message.last_trade_id += self._trades
            case _:
                pass
