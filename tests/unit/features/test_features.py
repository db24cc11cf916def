"""Every feature equals its definition recomputed from scratch, on wild series and on recorded ones."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from itertools import pairwise
from statistics import stdev

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from seawall_features import FEATURES, Feature, FeatureStream, version_of
from seawall_proto import BarClosed, BookChanged
from tests.paths import needs_recording
from tests.worlds.feed_frames import channel_of, recorded, recording_of

Values = dict[str, float | None]


def bar(close: float, volume: float = 1.0, buy_volume: float = 0.5) -> BarClosed:
    return BarClosed(
        venue="v",
        symbol="S",
        ts_venue_ns=0,
        interval_ns=1,
        ts_open_ns=0,
        ts_close_ns=1,
        open=close,
        high=close,
        low=close,
        close=close,
        volume=volume,
        quote_volume=close * volume,
        buy_volume=buy_volume,
        trade_count=1,
    )


def book(bids: Sequence[tuple[float, float]], asks: Sequence[tuple[float, float]]) -> BookChanged:
    return BookChanged(venue="v", symbol="S", ts_venue_ns=0, update_id=1, bids=tuple(bids), asks=tuple(asks))


def from_scratch(feature: Feature, bars: Sequence[BarClosed]) -> float | None:
    """Compute a bar feature from all bars so far, exactly and slowly."""
    if len(bars) < feature.warm_up:
        return None
    closes = [one.close for one in bars]
    last = bars[-feature.window :]
    volume = math.fsum(one.volume for one in last)
    changes = [now - before for before, now in pairwise(closes)][-feature.window :]
    match feature.kind:
        case "returns":
            return closes[-1] / closes[-2] - 1
        case "log_returns":
            return math.log(closes[-1] / closes[-2])
        case "volatility":
            returns = [now / before - 1 for before, now in pairwise(closes)]
            return stdev(returns[-feature.window :])
        case "volume_mean":
            return volume / feature.window
        case "volume_ratio":
            return bars[-1].volume * feature.window / volume if volume else 1.0
        case "rsi":
            gain = math.fsum(change for change in changes if change > 0)
            loss = -math.fsum(change for change in changes if change < 0)
            if not loss:
                return 100.0 if gain else 50.0
            return 100.0 - 100.0 / (1.0 + gain / loss)
        case "momentum":
            return closes[-1] / closes[-1 - feature.window] - 1
        case "trade_flow_imbalance":
            return math.fsum(2 * one.buy_volume - one.volume for one in last) / volume if volume else 0.0
    raise AssertionError(feature.kind)


def assert_equal_from_scratch(bars: Sequence[BarClosed], every: int = 1) -> None:
    stream = FeatureStream()
    for count, one in enumerate(bars, start=1):
        values = stream.update(one)
        if count % every:
            continue
        recent = bars[max(0, count - 70) : count]
        for feature in FEATURES:
            if "book" in feature.inputs:
                continue
            expected, found = from_scratch(feature, recent), values[feature.name]
            if expected is None:
                assert found is None, feature.name
            else:
                assert found is not None, feature.name
                assert found == pytest.approx(expected, rel=1e-9, abs=1e-9), (feature.name, count)


PRICES = some.floats(1e-6, 1e7)
CALM = some.floats(99.0, 101.0)
BARS = some.tuples(
    some.one_of(PRICES, CALM, CALM), some.one_of(some.just(0.0), some.floats(1e-9, 1e12)), some.floats(0, 1)
)


@settings(max_examples=40, deadline=None)
@given(some.lists(BARS, min_size=1, max_size=150))
def test_a_stream_equals_the_definition_on_any_series(rows: list[tuple[float, float, float]]) -> None:
    assert_equal_from_scratch([bar(close, volume, volume * share) for close, volume, share in rows])


def test_a_spike_leaves_no_error_behind() -> None:
    closes = [100.0 + math.sin(i) * 1e-3 for i in range(400)]
    closes[100] = 1e9
    volumes = [1.0 + (i % 7) * 1e-3 for i in range(400)]
    volumes[100] = 1e17
    assert_equal_from_scratch([bar(close, volume) for close, volume in zip(closes, volumes, strict=True)])


def test_a_long_stream_drifts_nowhere() -> None:
    stream = FeatureStream([feature for feature in FEATURES if feature.kind in ("volatility", "rsi", "volume_mean")])
    price, seed = 50_000.0, 12_345
    last: list[BarClosed] = []
    values: Values = {}
    for _ in range(60_000):
        seed = (seed * 1_103_515_245 + 12_345) % 2**31
        price *= 1 + (seed / 2**31 - 0.5) * 2e-3
        last = [*last[-69:], bar(price, 1 + seed / 2**31)]
        values = stream.update(last[-1])
    for name in ("volatility_5", "volatility_60", "rsi_21", "volume_ma_20"):
        feature = next(feature for feature in FEATURES if feature.name == name)
        assert values[name] == pytest.approx(from_scratch(feature, last), rel=1e-12)


@needs_recording(recording_of("btcusdt"))
def test_a_stream_equals_the_definition_on_recorded_seconds() -> None:
    seconds: dict[int, list[tuple[float, float, bool]]] = {}
    for _, frame in recorded("btcusdt"):
        if channel_of(frame) == "trade":
            data = json.loads(frame)["data"]
            trade = (float(data["p"]), float(data["q"]), data["m"])
            seconds.setdefault(data["T"] // 1_000, []).append(trade)
    bars = [
        bar(trades[-1][0], sum(q for _, q, _ in trades), sum(q for _, q, seller in trades if not seller))
        for _, trades in sorted(seconds.items())
    ]
    assert len(bars) > 300
    assert_equal_from_scratch(bars)


def test_values_are_missing_exactly_until_the_window_is_full() -> None:
    stream = FeatureStream()
    first_seen: dict[str, int] = {}
    for count in range(1, 70):
        for name, value in stream.update(bar(100.0 + count % 3, 1.0 + count % 5)).items():
            if value is not None:
                first_seen.setdefault(name, count)
    expected = {feature.name: feature.warm_up for feature in FEATURES if "book" not in feature.inputs}
    assert first_seen == expected


def values_after(closes: Sequence[float], volumes: Sequence[float] | None = None) -> Values:
    stream = FeatureStream()
    values: Values = {}
    for position, close in enumerate(closes):
        values = stream.update(bar(close, volumes[position] if volumes else 1.0))
    return values


def test_rsi_without_a_loss_is_a_hundred_without_a_gain_zero_and_without_either_fifty() -> None:
    assert values_after([100.0 + i for i in range(30)])["rsi_14"] == 100.0
    assert values_after([100.0 - i for i in range(30)])["rsi_14"] == 0.0
    assert values_after([100.0] * 30)["rsi_14"] == 50.0


def test_a_price_that_stands_still_has_no_volatility() -> None:
    values = values_after([61_800.3] * 70)
    assert [values[f"volatility_{bars}"] for bars in (5, 15, 30, 60)] == [0.0] * 4


def test_where_nothing_traded_volume_is_usual_and_flow_is_even() -> None:
    stream = FeatureStream()
    values: Values = {}
    for _ in range(25):
        values = stream.update(bar(100.0, 0.0, 0.0))
    assert (values["volume_ratio"], values["trade_flow_imbalance"]) == (1.0, 0.0)


def test_the_book_leans_to_where_more_is_wanted() -> None:
    stream = FeatureStream()
    levels = [(100.0 - i, 3.0) for i in range(20)], [(101.0 + i, 1.0 if i < 5 else 9.0) for i in range(20)]
    values = stream.update(bar(100.0), book(*levels))
    assert values["book_imbalance_5"] == pytest.approx(0.5)
    assert values["book_imbalance_20"] == pytest.approx((60 - 140) / 200)
    assert values["spread_bps"] == pytest.approx(1 / 100.5 * 10_000)


def test_without_a_book_its_features_are_missing_and_the_others_are_not() -> None:
    stream = FeatureStream()
    stream.update(bar(100.0), None)
    values = stream.update(bar(101.0), None)
    assert values["book_imbalance_5"] is values["book_imbalance_20"] is values["spread_bps"] is None
    assert values["returns"] == pytest.approx(0.01)


def test_after_a_reset_nothing_of_before_is_left() -> None:
    stream = FeatureStream()
    for i in range(70):
        stream.update(bar(50.0 + i))
    stream.reset()
    fresh = FeatureStream()
    for i in range(70):
        one = bar(100.0 + math.sin(i))
        assert stream.update(one) == fresh.update(one)


def test_the_version_changes_when_any_number_would() -> None:
    first = FEATURES[0]
    changed = Feature(first.name, first.kind, first.inputs, first.window, first.warm_up, 2, first.meaning)
    assert version_of([changed, *FEATURES[1:]]) != version_of(FEATURES) == FeatureStream().version
    reworded = Feature(first.name, first.kind, first.inputs, first.window, first.warm_up, first.version, "other words")
    assert version_of([reworded, *FEATURES[1:]]) == version_of(FEATURES)


def test_names_are_unique_and_the_articles_features_are_there() -> None:
    names = [feature.name for feature in FEATURES]
    assert len(set(names)) == len(names)
    volatilities = {f"volatility_{bars}" for bars in (5, 15, 30, 60)}
    oscillators = {f"rsi_{bars}" for bars in (7, 14, 21)}
    wanted = (
        {"returns", "log_returns", "volume_ma_20", "volume_ratio", "book_imbalance_20"} | volatilities | oscillators
    )
    assert wanted <= set(names)
