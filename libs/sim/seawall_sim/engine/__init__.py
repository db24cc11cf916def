"""A pure matching engine: replayed books and trades in, what happened to one account out."""

from .errors import Refusal, Refused
from .events import (
    AccountChanged,
    AlgoChanged,
    EngineEvent,
    LeverageChanged,
    MarginCalled,
    OrderChanged,
    PositionView,
)
from .exchange import FUNDING_INTERVAL_NS, Exchange, Settings
from .margin import AccountMargin, PositionMargin
from .market import BookView, Levels, SymbolMarket
from .model import AlgoOrder, Fill, Income, NewAlgo, NewOrder, Order, Position, SymbolSettings
from .store import Counters, Delta
