"""The contract: every event, its subject and its bytes."""

from .base import AccountEvent, Event, EventId, MarketEvent, derive_id, event_type
from .codec import MAX_EVENT_BYTES, decode, encode
from .consolidated import AssetQuoted, CurrencyRated, VenueQuote
from .control import FlattenRequested, HaltRequested, TradingHalted, TradingResumed
from .errors import DecodeError, OversizeError, ProtoError, SubjectError
from .features import FeaturesComputed
from .market import (
    ActivityBarClosed,
    ActivityKind,
    BarClosed,
    BookChanged,
    FeedChanged,
    FeedState,
    FundingPosted,
    InstrumentListed,
    Level,
    QuoteTicked,
    Side,
    TradePrinted,
)
from .ops import AlertRaised, ServiceBeat
from .orders import (
    TERMINAL_STATES,
    AccountReconciled,
    Balance,
    OrderFilled,
    OrderState,
    OrderStateChanged,
    PositionChanged,
    PositionSnapshot,
)
from .risk import ExposureChanged, OrderApproved, OrderRefused, OrderType, RefusalReason
from .signals import Direction, ModelDrifted, ModelPublished, QuotesProposed, SignalRaised
from .stops import PositionFlattened, ProtectionChanged, StopChanged, StopState
from .subjects import KIND_OF, ROUTE_OF, ROUTES, STREAMS, Delivery, Route, StreamSpec, subject_of
from .symbols import ContractKind, SymbolParts, parse_symbol
