"""What is asked for is cut into messages and connections that a venue takes, and nothing is lost or moved."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seawall_venues.batches import batches
from seawall_venues.instruments import unlisted
from seawall_venues.okx.limits import MAX_MESSAGE_BYTES
from seawall_venues.okx.session import FEED
from seawall_venues.wire import FeedOptions, Plan, Route


@given(items=st.lists(st.integers(1, 9), max_size=40), limit=st.integers(1, 30))
def test_every_item_comes_once_and_in_its_order(items: list[int], limit: int) -> None:
    for cut in (list(batches(items, limit)), list(batches(items, limit, lambda item: item))):
        assert [item for batch in cut for item in batch] == items
        assert all(cut)


@given(items=st.lists(st.integers(1, 9), max_size=40), limit=st.integers(1, 30))
def test_no_batch_is_too_large_and_none_could_take_the_first_of_the_next(items: list[int], limit: int) -> None:
    cut = list(batches(items, limit, lambda item: item))
    assert all(sum(batch) <= limit or len(batch) == 1 for batch in cut)
    assert all(sum(batch) + following[0] > limit for batch, following in pairwise(cut))


def test_items_are_counted_where_they_have_no_size() -> None:
    assert list(batches("abcde", 2)) == [("a", "b"), ("c", "d"), ("e",)]


@pytest.mark.parametrize("length", range(1, 60))
def test_no_message_is_larger_than_okx_takes_however_long_the_names_are(length: int) -> None:
    coins = tuple(unlisted("okx", f"{'X' * length}{number}-USDT") for number in range(150))
    wire = FEED.wire(Plan("", coins, ("depth", "quote")), FeedOptions())
    sent = wire.opening()
    assert max(map(len, sent)) <= MAX_MESSAGE_BYTES
    asked = [topic["instId"] for text in sent for topic in msgspec.json.decode(text)["args"]]
    assert asked == [coin.venue_symbol for coin in coins for _ in range(2)]
    assert all(len(text) <= MAX_MESSAGE_BYTES for text in wire.renewing(Route(coins[0].symbol, "depth")))
