"""What is said on a venue's market sockets and asked of its public REST, without any I/O.

A ``Wire`` is one connection's conversation: it says what to send, and what each frame is. Whoever owns
the socket, a replay of a recording or a test feeds it. A new socket gets a new wire.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from .feed import Channel, Dialect
from .port import Instrument


class Route(NamedTuple):
    """Whom a frame concerns; ``symbol`` is ours."""

    symbol: str
    channel: Channel


@dataclass(frozen=True, slots=True)
class Stray:
    """A frame about an instrument that the plan does not name. Ignored live; a replay learns of it so."""

    venue_symbol: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The venue did not accept a subscription; ``routes`` is empty where it does not say which.

    ``is_final`` where asking again cannot help: the instrument or channel does not exist.
    """

    routes: tuple[Route, ...]
    code: str
    reason: str
    is_final: bool


@dataclass(frozen=True, slots=True)
class Broken:
    """Something was lost, or cannot be read, that may have been anything this connection carries."""

    reason: str


@dataclass(frozen=True, slots=True)
class Leaving:
    """The venue says that it will close this connection soon."""

    reason: str


Notice = Stray | Refused | Broken | Leaving
Routes = tuple[Route, ...]
QUIET: Routes = ()
"""What ``take`` returns for frames that tell nothing of a market: acknowledgements, pongs, heartbeats."""


class Plan(NamedTuple):
    """One connection to open: where, and which channels of which instruments it shall carry.

    A plan without channels carries whatever comes: that of a replay.
    """

    url: str
    instruments: tuple[Instrument, ...]
    channels: tuple[Channel, ...]


@dataclass(frozen=True, slots=True)
class FeedOptions:
    """What a user may choose about streams. ``depth_every_ms`` is the pace of depth, 0 the fastest."""

    depth_every_ms: int = 100
    candle_interval_ms: int = 60_000


class Wire(Protocol):
    """One connection's conversation in the venue's words."""

    def opening(self) -> Sequence[str]:
        """Return the messages that subscribe to the whole plan, each within the venue's size limits."""

    def renewing(self, route: Route) -> Sequence[str]:
        """Return the messages that end one subscription and begin it anew, so that a snapshot comes."""

    def add(self, instrument: Instrument) -> None:
        """Route this instrument's frames too, from now on."""

    def take(self, frame: bytes) -> Routes | Notice:
        """Return whom a frame concerns, QUIET, or a notice. Never raises, whatever the bytes are.

        On the tick path: look for the topic in the bytes, and decode only what is out of the ordinary.
        """


class Keepalive(NamedTuple):
    """What a venue wants to hear on an idle or on every connection, and how often. Its answer is QUIET."""

    text: str
    every_s: float


@dataclass(frozen=True, slots=True)
class SocketRules:
    """A venue's own limits on its sockets, all from its documentation.

    ``messages_per_s`` is how many messages we may send; ``idle_s`` how long a good connection may be
    silent; ``lifetime_s`` when we replace it, before the venue cuts it. ``keepalive`` is beside the
    protocol's own pings, which are always answered and sent.
    """

    messages_per_s: float
    idle_s: float = 10.0
    lifetime_s: float = 23 * 3_600.0
    keepalive: Keepalive | None = None


class RestRequest(NamedTuple):
    """One public GET. ``cost`` is in the unit of the venue's budget."""

    path: str
    params: Mapping[str, str] = {}
    cost: int = 1


class RestBudget(Protocol):
    """A venue's limit on public reads. Times are ns."""

    def take(self, cost: int, now_ns: int) -> str:
        """Spend and return "", or return why not."""

    def observe(self, headers: Mapping[str, str], now_ns: int) -> None:
        """Correct the count from an answer's headers."""

    def learn(self, listing: bytes) -> None:
        """Take the limits from a listing where it states them; ignore it where not."""

    def deny(self, status: int, code: str, retry_after_s: int, now_ns: int) -> None:
        """Hold back after a refusal: as long as the venue says, longer where it is a ban."""


def no_next_page(request: RestRequest, body: bytes) -> RestRequest | None:
    """Return None: the whole list comes at once."""
    return None


@dataclass(frozen=True, slots=True)
class FeedSpec:
    """One venue's feed: what it says (``dialect``) and how it is reached.

    ``speaks`` tells whether a recorded socket address is this venue's, ``is_listing`` whether a recorded
    or requested URL is one of its lists of instruments. ``parse_instruments`` takes the bodies of all
    of ``listing`` and raises VenueError. ``refusal`` returns the raw error code that an answer carries,
    HTTP 200 or not, or "" where the body is what was asked for. ``bars_request`` is for candles that
    open in ``[from, to)``, the newest ones where there are more than the venue gives at once.
    ``next_page`` returns what to ask for the rest of a list, given a request of it and its answer.
    """

    dialect: Dialect
    rules: SocketRules
    speaks: Callable[[str], bool]
    is_listing: Callable[[str], bool]
    listing: tuple[RestRequest, ...]
    parse_instruments: Callable[[Sequence[bytes]], tuple[Instrument, ...]]
    plans: Callable[[str, Sequence[Instrument], FeedOptions], tuple[Plan, ...]]
    wire: Callable[[Plan, FeedOptions], Wire]
    new_budget: Callable[[], RestBudget]
    refusal: Callable[[int, bytes], str]
    snapshot_request: Callable[[Instrument], RestRequest]
    trades_request: Callable[[Instrument], RestRequest]
    bars_request: Callable[[Instrument, int, int, int], RestRequest]
    next_page: Callable[[RestRequest, bytes], RestRequest | None] = no_next_page

    @property
    def venue(self) -> str:
        """The name by which the venue is configured and published."""
        return self.dialect.venue
