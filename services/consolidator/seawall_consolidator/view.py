"""A view as it is said: the best bid and ask in US dollars, the depth, and what each venue adds."""

from __future__ import annotations

from seawall_proto import AssetQuoted, VenueQuote

from .entry import Entry
from .state import Consolidation, View


def look(state: Consolidation, view: View, cause: str) -> AssetQuoted:
    """Return the view as of now, and remember whose prices are its best."""
    quotes: list[VenueQuote] = []
    bid_holder: Entry | None = None
    ask_holder: Entry | None = None
    bid = ask = bid_depth = ask_depth = 0.0
    for entry in view.entries:
        if not entry.is_followed(state.now_ns):
            continue
        quote = _venue_quote(state, entry)
        quotes.append(quote)
        if not quote.counted or quote.bid_price_usd is None or quote.ask_price_usd is None:
            continue
        bid_depth += quote.bid_depth_usd
        ask_depth += quote.ask_depth_usd
        if bid_holder is None or quote.bid_price_usd > bid:
            bid, bid_holder = quote.bid_price_usd, entry
        if ask_holder is None or quote.ask_price_usd < ask:
            ask, ask_holder = quote.ask_price_usd, entry
    view.best = (bid_holder, ask_holder)
    causes = [entry.cause for entry in view.best if entry is not None]
    return AssetQuoted(
        causes=(*dict.fromkeys((*causes, cause)),),
        ts_received_ns=state.now_ns,
        asset=view.asset,
        market=view.kind,
        bid_price_usd=bid if bid_holder else None,
        bid_venue=bid_holder.venue if bid_holder else "",
        bid_symbol=bid_holder.symbol if bid_holder else "",
        ask_price_usd=ask if ask_holder else None,
        ask_venue=ask_holder.venue if ask_holder else "",
        ask_symbol=ask_holder.symbol if ask_holder else "",
        bid_depth_usd=bid_depth,
        ask_depth_usd=ask_depth,
        crossed=bid > ask,
        venues=tuple(quotes),
    )


def _venue_quote(state: Consolidation, entry: Entry) -> VenueQuote:
    rate = state.rates.usd(entry.currency)
    known = entry.has_price
    worth = rate if known and rate is not None else None
    fresh_depth = worth is not None and state.now_ns - entry.depth_ns <= state.max_age_ns
    depth_rate = worth if worth is not None and fresh_depth else 0.0
    return VenueQuote(
        venue=entry.venue,
        symbol=entry.symbol,
        currency=entry.currency,
        bid_price=entry.bid if known else None,
        ask_price=entry.ask if known else None,
        bid_price_usd=None if worth is None else entry.bid * worth,
        ask_price_usd=None if worth is None else entry.ask * worth,
        bid_depth_usd=entry.bid_depth * depth_rate,
        ask_depth_usd=entry.ask_depth * depth_rate,
        ts_venue_ns=entry.ts_venue_ns,
        age_ns=state.now_ns - entry.heard_ns if known else None,
        feed=entry.feed,
        counted=worth is not None and entry.is_fresh(state.now_ns, state.max_age_ns),
    )
