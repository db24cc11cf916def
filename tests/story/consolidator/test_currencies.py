"""What a currency is worth comes from live markets; only what the configuration names is assumed."""

from __future__ import annotations

import itertools

import pytest

from seawall_consolidator.service import initial
from seawall_proto import CurrencyRated
from seawall_runtime.config import Config, ConfigError, ConsolidatorConfig, load_config
from tests.paths import REPOSITORY
from tests.worlds.consolidator_world import MS, SECOND, Venues, of

KRAKEN, COINBASE, BITSTAMP = ("kraken-spot", "USDT-USD"), ("coinbase", "USDT-USD"), ("other", "USDT-USD")
CROSS = ("binance-spot", "USDC-USDT")


def open_venues(*markets: tuple[str, str], **options: object) -> Venues:
    venues = Venues(**options)
    venues.live(*markets)
    venues.second()
    return venues


def rated(venues: Venues, currency: str) -> list[CurrencyRated]:
    return [event for event in venues.said if isinstance(event, CurrencyRated) and event.currency == currency]


def test_the_rate_is_the_median_of_the_markets_against_the_dollar() -> None:
    venues = open_venues(KRAKEN, COINBASE, BITSTAMP)
    venues.tell(venues.quote(*KRAKEN, 0.9989, 0.9991), venues.quote(*COINBASE, 0.9994, 0.9996))
    venues.tell(venues.quote(*BITSTAMP, 0.4999, 0.5001))
    venues.second()
    rate = venues.rate("USDT")
    assert rate.rate_usd == pytest.approx(0.9990)
    assert (rate.assumed, rate.pegged) == (False, True)
    assert rate.sources == ("kraken-spot.USDT-USD", "coinbase.USDT-USD", "other.USDT-USD")
    venues.tell(venues.feed(*BITSTAMP, "stale"))
    venues.second()
    assert venues.rate("USDT").rate_usd == pytest.approx((0.9990 + 0.9995) / 2)


def test_a_market_the_other_way_round_tells_as_well() -> None:
    venues = open_venues(("fx", "USD-EUR"))
    venues.tell(venues.quote("fx", "USD-EUR", 0.9199, 0.9201))
    venues.second()
    assert venues.rate("EUR").rate_usd == pytest.approx(1 / 0.92)
    assert not venues.rate("EUR").pegged


def test_where_no_market_is_against_the_dollar_one_against_a_currency_that_has_one_tells() -> None:
    usdc = ("coinbase", "USDC-USD")
    venues = open_venues(CROSS, usdc)
    venues.tell(venues.quote(*usdc, 0.9979, 0.9981), venues.quote(*CROSS, 1.0009, 1.0011))
    venues.second()
    assert venues.rate("USDT").rate_usd == pytest.approx(0.998 / 1.001)
    assert (venues.rate("USDT").assumed, venues.rate("USDT").sources) == (False, ("binance-spot.USDC-USDT",))
    assert venues.rate("USDC").sources == ("coinbase.USDC-USD",), "against the dollar comes first"


def test_where_nothing_tells_par_is_assumed_and_said_so() -> None:
    venues = open_venues(("binance-spot", "BTC-USDT"), ("binance-spot", "BTC-FDUSD"))
    assert (venues.rate("USDT").rate_usd, venues.rate("USDT").assumed) == (1.0, True)
    assert venues.rate("FDUSD").rate_usd is None, "not on the list"
    venues.tell(venues.quote("binance-spot", "BTC-FDUSD", 60_000.0, 60_001.0))
    assert not venues.views()


def test_without_the_configurations_word_nothing_is_assumed() -> None:
    venues = open_venues(("binance-spot", "BTC-USDT"), assume_parity=())
    venues.tell(venues.quote("binance-spot", "BTC-USDT", 60_000.0, 60_001.0))
    assert venues.rate("USDT").rate_usd is None
    assert not venues.views()


def test_the_first_assumed_coin_is_at_par_and_the_others_are_measured_against_it() -> None:
    venues = open_venues(CROSS, ("binance-spot", "EUR-USDT"))
    venues.tell(venues.quote(*CROSS, 0.9499, 0.9501), venues.quote("binance-spot", "EUR-USDT", 1.0799, 1.0801))
    venues.second()
    assert (venues.rate("USDT").rate_usd, venues.rate("USDT").assumed) == (1.0, True)
    assert venues.rate("USDC").rate_usd == pytest.approx(0.95)
    assert venues.rate("EUR").rate_usd == pytest.approx(1.08)
    assert venues.rate("USDC").assumed
    assert venues.rate("EUR").assumed


def test_a_coin_last_seen_off_its_peg_is_not_assumed_to_be_back() -> None:
    venues = open_venues(KRAKEN)
    venues.tell(venues.quote(*KRAKEN, 0.9599, 0.9601))
    venues.second()
    venues.tell(venues.feed(*KRAKEN, "stale"))
    venues.second()
    assert venues.rate("USDT").rate_usd is None
    venues.live(KRAKEN)
    venues.tell(venues.quote(*KRAKEN, 0.9949, 0.9951))
    venues.second()
    assert venues.rate("USDT").rate_usd == pytest.approx(0.995)
    venues.tell(venues.feed(*KRAKEN, "stale"))
    venues.second()
    assert (venues.rate("USDT").rate_usd, venues.rate("USDT").assumed) == (1.0, True)


def test_what_was_measured_before_a_restart_is_recalled_and_what_was_assumed_is_not() -> None:
    before = open_venues(KRAKEN)
    before.tell(before.quote(*KRAKEN, 0.9599, 0.9601))
    before.second()
    for order in (1, -1):
        after = Venues()
        after.now = before.now
        after.tell(*[before.rate("USDT"), after.feed("binance-spot", "BTC-USDT")][::order])
        after.tell(after.quote("binance-spot", "BTC-USDT", 60_000.0, 60_001.0))
        assert not after.views(), "not at par, and at no other rate either"
        after.second()
        assert after.rate("USDT").rate_usd is None
    assumed = open_venues(KRAKEN).rate("USDT")
    after = Venues()
    after.tell(assumed)
    after.live(KRAKEN)
    after.second()
    assert (after.rate("USDT").rate_usd, after.rate("USDT").assumed) == (1.0, True)


def test_a_market_too_wide_or_too_old_tells_nothing() -> None:
    venues = open_venues(KRAKEN, assume_parity=())
    venues.tell(venues.quote(*KRAKEN, 0.90, 1.10))
    venues.second()
    assert venues.rate("USDT").rate_usd is None
    venues.tell(venues.quote(*KRAKEN, 0.9989, 0.9991))
    for _ in range(60):
        venues.second()
    assert venues.rate("USDT").rate_usd == pytest.approx(0.999), "quiet for a minute, as such markets are"
    venues.second()
    assert venues.rate("USDT").rate_usd is None


def test_perpetuals_between_currencies_tell_nothing() -> None:
    venues = open_venues(("coinbase", "USDT-USD-PERP"), assume_parity=())
    venues.tell(venues.quote("coinbase", "USDT-USD-PERP", 0.9989, 0.9991))
    venues.second()
    assert venues.rate("USDT").rate_usd is None


def test_a_rate_that_moves_is_said_at_most_once_a_second_and_one_that_stands_every_ten() -> None:
    venues = open_venues(KRAKEN)
    for step in range(150):
        venues.wait(10)
        venues.tell(venues.quote(*KRAKEN, 0.9980 + step * 1e-6, 0.9990))
    moving = [event.ts_received_ns for event in rated(venues, "USDT")]
    assert len(moving) == 2
    assert all(later - earlier >= SECOND for earlier, later in itertools.pairwise(moving))
    heard = len(moving)
    for _ in range(40):
        venues.second()
    assert len(rated(venues, "USDT")) == heard + 4, "the last move, and three times the same"


def test_conversions_use_the_newest_rate_not_the_last_said() -> None:
    btc = ("binance-spot", "BTC-USDT")
    venues = open_venues(KRAKEN, btc)
    venues.tell(venues.quote(*KRAKEN, 0.9989, 0.9991))
    venues.wait(1)
    venues.tell(venues.quote(*KRAKEN, 0.9979, 0.9981), venues.quote(*btc, 60_000.0, 60_001.0))
    assert of(venues.view(), *btc).bid_price_usd == pytest.approx(60_000 * 0.998)


def test_a_currency_nobody_uses_is_never_said() -> None:
    venues = open_venues(("binance-spot", "BTC-USDT"))
    for _ in range(20):
        venues.second()
    assert {event.currency for event in venues.said if isinstance(event, CurrencyRated)} == {"USDT"}


def test_only_a_stablecoin_can_be_assumed_at_par() -> None:
    with pytest.raises(
        ConfigError, match=r"consolidator\.assume_parity: found EUR, expected one of the stablecoins USDT"
    ):
        initial(Config(consolidator=ConsolidatorConfig(assume_parity=("USDT", "EUR"))))


def test_the_example_file_states_the_consolidators_defaults() -> None:
    config = load_config(REPOSITORY / "libs" / "runtime" / "seawall.example.toml", {})
    assert config.consolidator == ConsolidatorConfig()
    assert initial(config)("everything").every_ns == 100 * MS
