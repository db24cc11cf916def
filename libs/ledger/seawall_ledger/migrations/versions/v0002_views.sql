-- Bars that end when enough was traded, and what the consolidator says. On TimescaleDB these become
-- hypertables by their time column, as the other history tables do.

CREATE TABLE activity_bars (
    venue          text NOT NULL,
    symbol         text NOT NULL,
    kind           text NOT NULL,
    size           double precision NOT NULL,
    ts_open_ns     bigint NOT NULL,
    ts_close_ns    bigint NOT NULL,
    first_trade_id text NOT NULL,
    last_trade_id  text NOT NULL,
    open           double precision NOT NULL,
    high           double precision NOT NULL,
    low            double precision NOT NULL,
    close          double precision NOT NULL,
    volume         double precision NOT NULL,
    quote_volume   double precision NOT NULL,
    buy_volume     double precision NOT NULL,
    trade_count    bigint NOT NULL,
    repaired       boolean NOT NULL,
    ts_venue_ns    bigint NOT NULL,
    ts_received_ns bigint NOT NULL,
    id             text NOT NULL,
    causes         text[] NOT NULL,
    CONSTRAINT activity_bar_once UNIQUE (venue, symbol, kind, size, ts_open_ns, first_trade_id)
);
COMMENT ON COLUMN activity_bars.size IS 'trades of a tick bar, base units of a volume bar, quote currency of a dollar bar';

CREATE TABLE asset_quotes (
    asset          text NOT NULL,
    market         text NOT NULL,
    ts_received_ns bigint NOT NULL,
    bid_price_usd  double precision,
    bid_venue      text NOT NULL,
    bid_symbol     text NOT NULL,
    ask_price_usd  double precision,
    ask_venue      text NOT NULL,
    ask_symbol     text NOT NULL,
    bid_depth_usd  double precision NOT NULL,
    ask_depth_usd  double precision NOT NULL,
    crossed        boolean NOT NULL,
    venues_counted bigint NOT NULL,
    id             text NOT NULL,
    CONSTRAINT asset_quote_once UNIQUE (asset, market, ts_received_ns, id)
);
COMMENT ON TABLE asset_quotes IS 'the view of an asset across venues; what each venue added is in the stream, not here';

CREATE TABLE currency_rates (
    currency       text NOT NULL,
    ts_received_ns bigint NOT NULL,
    rate_usd       double precision,
    assumed        boolean NOT NULL,
    pegged         boolean NOT NULL,
    sources        text[] NOT NULL,
    id             text NOT NULL,
    CONSTRAINT currency_rate_once UNIQUE (currency, ts_received_ns, id)
);
COMMENT ON COLUMN currency_rates.rate_usd IS 'dollars a unit; empty while nobody could tell';
