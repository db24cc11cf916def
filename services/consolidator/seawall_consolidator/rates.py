"""What currencies are worth in US dollars, from live spot markets between them.

The first of these that is at hand: the median of the markets against the dollar; of markets against a
currency that those tell; of markets against a currency whose rate is assumed; par, where the
configuration assumes it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import NamedTuple

from seawall_proto import CurrencyRated
from seawall_runtime.config import ConsolidatorConfig

from .entry import Entry

USD = "USD"
MAX_SPREAD = 0.01  # of the mid: a market as wide as this says nothing about a currency
MAX_DOUBT = 0.01  # a stablecoin last seen further from par than this is not assumed to be there
SAY_EVERY_NS = 1_000_000_000  # rates move slowly, and conversions here use the newest anyway
REPEAT_NS = 10_000_000_000  # as often as market-data repeats what a newcomer must know
SMALLEST, LARGEST = 1e-9, 1e9  # dollars a unit: beyond is no currency, and products stay finite
MILLISECOND_NS = 1_000_000


class Rate(NamedTuple):
    """Dollars a unit, whether that rests on an assumption, and the markets it was read from."""

    usd: float
    assumed: bool = False
    sources: tuple[Entry, ...] = ()


class RateTable:
    """The rates of the configured currencies. A dollar is a dollar; other currencies are not known."""

    def __init__(self, config: ConsolidatorConfig) -> None:
        self._names = frozenset((*config.stablecoins, *config.currencies))
        self._pegged = frozenset(config.stablecoins)
        self._assumable = config.assume_parity
        self._max_age_ns = config.rate_max_age_ms * MILLISECOND_NS
        self._legs: list[Entry] = []
        self._heard: list[str] = []
        self._rates: dict[str, Rate] = {USD: Rate(1.0)}
        self._measured: dict[str, float] = {}
        self._said: dict[str, tuple[int, Rate | None]] = {}

    def usd(self, currency: str) -> float | None:
        """Return what a unit is worth in dollars, None where nobody can tell."""
        rate = self._rates.get(currency)
        return None if rate is None else rate.usd

    def note(self, entry: Entry, now_ns: int) -> None:
        """Take up a market heard of for the first time, and what currencies it is about."""
        pair = (entry.asset, entry.currency)
        new = [name for name in pair if name in self._names and name not in self._heard]
        if entry.kind == "spot" and entry.asset != entry.currency and all(n in self._names or n == USD for n in pair):
            entry.is_leg = True
            self._legs.append(entry)
        if new:
            self._heard += new
            self.renew(now_ns)

    def recall(self, event: CurrencyRated, now_ns: int) -> None:
        """Take over what was measured before a restart: a coin that left its peg is not assumed to be back."""
        if event.rate_usd is not None and not event.assumed and event.currency not in self._measured:
            self._measured[event.currency] = event.rate_usd
            self.renew(now_ns)

    def renew(self, now_ns: int) -> None:
        """Work every rate out again: after a market between currencies changed, and as time passes."""
        legs = [entry for entry in self._legs if self._tells(entry, now_ns)]
        rates = {USD: Rate(1.0)}
        rates |= self._read(legs, rates)
        rates |= self._read(legs, rates)
        self._measured |= {name: rate.usd for name, rate in rates.items()}
        for name in self._assumable:
            if name in self._heard and name not in rates:
                rate = _rate_of(name, legs, rates) or self._par(name)
                rates |= {name: rate} if rate else {}
        self._rates = rates | self._read(legs, rates)

    def say(self, now_ns: int, cause: str) -> list[CurrencyRated]:
        """Return what is to be told: a rate that changed, within a second, and each one every ten."""
        said = []
        for name in self._heard:
            rate = self._rates.get(name)
            before_ns, before = self._said.get(name, (0, None))
            if now_ns - before_ns >= (SAY_EVERY_NS if rate != before else REPEAT_NS):
                self._said[name] = (now_ns, rate)
                said.append(self._event(name, rate, now_ns, cause))
        return said

    def _tells(self, entry: Entry, now_ns: int) -> bool:
        return entry.is_fresh(now_ns, self._max_age_ns) and entry.ask - entry.bid <= entry.bid * MAX_SPREAD

    def _read(self, legs: Sequence[Entry], known: Mapping[str, Rate]) -> dict[str, Rate]:
        found = {name: _rate_of(name, legs, known) for name in self._heard if name not in known}
        return {name: rate for name, rate in found.items() if rate is not None}

    def _par(self, name: str) -> Rate | None:
        doubt = abs(self._measured.get(name, 1.0) - 1.0)
        return Rate(1.0, assumed=True) if doubt <= MAX_DOUBT else None

    def _event(self, name: str, rate: Rate | None, now_ns: int, cause: str) -> CurrencyRated:
        sources = rate.sources if rate else ()
        return CurrencyRated(
            causes=(*dict.fromkeys((*(entry.cause for entry in sources), cause)),),
            ts_received_ns=now_ns,
            currency=name,
            rate_usd=rate.usd if rate else None,
            assumed=rate.assumed if rate else False,
            pegged=name in self._pegged,
            sources=tuple(f"{entry.venue}.{entry.symbol}" for entry in sources),
        )


def _rate_of(name: str, legs: Sequence[Entry], known: Mapping[str, Rate]) -> Rate | None:
    """Return the median of what the markets between ``name`` and known currencies tell."""
    found: list[float] = []
    sources: list[Entry] = []
    assumed = False
    for entry in legs:
        mid = (entry.bid + entry.ask) / 2
        if entry.asset == name and (other := known.get(entry.currency)) is not None:
            found.append(mid * other.usd)
        elif entry.currency == name and (other := known.get(entry.asset)) is not None:
            found.append(other.usd / mid)
        else:
            continue
        sources.append(entry)
        assumed = assumed or other.assumed
    usd = median(found) if found else 0.0
    return Rate(usd, assumed, tuple(sources)) if SMALLEST < usd < LARGEST else None
