-- What happened, written by the recorder. On TimescaleDB these become hypertables by their time
-- column, so every unique key holds it; the key order serves reads of one symbol over a time range.

CREATE TABLE trades (
    venue          text NOT NULL,
    symbol         text NOT NULL,
    ts_venue_ns    bigint NOT NULL,
    trade_id       text NOT NULL,
    price          double precision NOT NULL,
    quantity       double precision NOT NULL,
    aggressor      text NOT NULL,
    ts_received_ns bigint NOT NULL,
    id             text NOT NULL,
    CONSTRAINT trade_once UNIQUE (venue, symbol, ts_venue_ns, trade_id)
);

CREATE TABLE quotes (
    venue          text NOT NULL,
    symbol         text NOT NULL,
    ts_venue_ns    bigint NOT NULL,
    update_id      bigint NOT NULL,
    bid_price      double precision NOT NULL,
    bid_quantity   double precision NOT NULL,
    ask_price      double precision NOT NULL,
    ask_quantity   double precision NOT NULL,
    ts_received_ns bigint NOT NULL,
    id             text NOT NULL,
    CONSTRAINT quote_once UNIQUE (venue, symbol, ts_venue_ns, update_id)
);

CREATE TABLE books (
    venue          text NOT NULL,
    symbol         text NOT NULL,
    ts_venue_ns    bigint NOT NULL,
    update_id      bigint NOT NULL,
    bid_price      double precision,
    bid_quantity   double precision,
    ask_price      double precision,
    ask_quantity   double precision,
    bid_depth      double precision NOT NULL,
    ask_depth      double precision NOT NULL,
    ts_received_ns bigint NOT NULL,
    id             text NOT NULL,
    CONSTRAINT book_once UNIQUE (venue, symbol, ts_venue_ns, update_id)
);
COMMENT ON TABLE books IS 'the top of each book event; depth is the quantity over the levels the event carried';

CREATE TABLE bars (
    venue          text NOT NULL,
    symbol         text NOT NULL,
    interval_ns    bigint NOT NULL,
    ts_open_ns     bigint NOT NULL,
    ts_close_ns    bigint NOT NULL,
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
    CONSTRAINT bar_once UNIQUE (venue, symbol, interval_ns, ts_open_ns)
);

CREATE TABLE funding (
    venue              text NOT NULL,
    symbol             text NOT NULL,
    ts_venue_ns        bigint NOT NULL,
    mark_price         double precision NOT NULL,
    index_price        double precision NOT NULL,
    funding_rate       double precision NOT NULL,
    ts_next_funding_ns bigint NOT NULL,
    ts_received_ns     bigint NOT NULL,
    id                 text NOT NULL,
    CONSTRAINT funding_once UNIQUE (venue, symbol, ts_venue_ns)
);

CREATE TABLE equity (
    venue          text NOT NULL,
    account        text NOT NULL,
    ts_received_ns bigint NOT NULL,
    equity         numeric NOT NULL,
    source         text NOT NULL,
    id             text NOT NULL,
    CONSTRAINT equity_once UNIQUE (venue, account, ts_received_ns, id)
);

CREATE TABLE events (
    id             text NOT NULL,
    ts_received_ns bigint NOT NULL,
    type           text NOT NULL,
    venue          text,
    account        text,
    symbol         text,
    about          text,
    causes         text[] NOT NULL,
    payload        jsonb NOT NULL,
    ts_stored_ns   bigint NOT NULL,
    CONSTRAINT event_once UNIQUE (id, ts_received_ns)
);
CREATE INDEX events_by_type ON events (type, ts_received_ns);
CREATE INDEX events_by_time ON events (ts_received_ns);
CREATE INDEX events_by_about ON events (about) WHERE about IS NOT NULL;
CREATE INDEX events_by_cause ON events USING gin (causes);

COMMENT ON COLUMN events.ts_stored_ns IS 'when its stream stored it; ts_received_ns is when the outside fact behind it came';

-- How far of each stream is written, in the same transaction as the rows.
CREATE TABLE stream_positions (
    stream        text PRIMARY KEY,
    sequence      bigint NOT NULL,
    ts_stored_ns  bigint NOT NULL,
    ts_written_ns bigint NOT NULL DEFAULT ns_now()
);
COMMENT ON COLUMN stream_positions.ts_stored_ns IS
    'when the stream stored that message: another time at the same sequence is another stream';

-- One-minute bars from the trades themselves. On TimescaleDB this view becomes a continuous aggregate.
CREATE VIEW minute_bars AS
SELECT venue,
       symbol,
       ts_venue_ns / 60000000000 * 60000000000 AS ts_open_ns,
       (array_agg(price ORDER BY ts_venue_ns, trade_id))[1] AS open,
       max(price) AS high,
       min(price) AS low,
       (array_agg(price ORDER BY ts_venue_ns DESC, trade_id DESC))[1] AS close,
       sum(quantity) AS volume,
       sum(price * quantity) AS quote_volume,
       coalesce(sum(quantity) FILTER (WHERE aggressor = 'buy'), 0) AS buy_volume,
       count(*) AS trade_count
FROM trades
GROUP BY venue, symbol, ts_venue_ns / 60000000000 * 60000000000;
