-- Truth about money. One row per order, fill, position, stop and halt; `payload` is the event that
-- made the row, whole, so that a field the contract gains later is not lost for want of a column.

CREATE FUNCTION ns_now() RETURNS bigint LANGUAGE sql STABLE
    AS $$ SELECT (extract(epoch FROM clock_timestamp()) * 1000000000)::bigint $$;

CREATE FUNCTION ns_time(ns bigint) RETURNS timestamptz LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$ SELECT timestamptz 'epoch' + ns / 1000 * interval '1 microsecond' $$;
COMMENT ON FUNCTION ns_time IS 'integer nanoseconds UTC as a time a person reads';

CREATE TABLE orders (
    recorded          bigint GENERATED ALWAYS AS IDENTITY,
    client_order_id   text PRIMARY KEY CONSTRAINT order_has_client_id CHECK (client_order_id <> ''),
    venue             text NOT NULL,
    account           text NOT NULL,
    venue_order_id    text NOT NULL,
    intent_id         text NOT NULL,
    symbol            text NOT NULL,
    side              text NOT NULL CONSTRAINT order_side_known CHECK (side IN ('buy', 'sell')),
    order_type        text NOT NULL,
    quantity          numeric NOT NULL CONSTRAINT order_quantity_positive CHECK (quantity > 0 AND quantity < 'Infinity'),
    filled_quantity   numeric NOT NULL,
    limit_price       numeric CONSTRAINT order_limit_positive CHECK (limit_price > 0 AND limit_price < 'Infinity'),
    average_price     numeric CONSTRAINT order_average_positive CHECK (average_price >= 0 AND average_price < 'Infinity'),
    reduce_only       boolean NOT NULL,
    state             text NOT NULL,
    previous_state    text,
    reason            text NOT NULL,
    sequence          bigint NOT NULL,
    stop_distance_bps bigint NOT NULL,
    id                text NOT NULL,
    causes            text[] NOT NULL,
    ts_received_ns    bigint NOT NULL,
    payload           text NOT NULL,
    CONSTRAINT order_filled_within_quantity CHECK (filled_quantity >= 0 AND filled_quantity <= quantity)
);

-- One intent, one order at work: a new generation may only exist once the one before is proven ended.
CREATE UNIQUE INDEX one_working_order_per_intent ON orders (venue, account, intent_id, symbol)
    WHERE intent_id <> '' AND state NOT IN ('filled', 'canceled', 'expired', 'rejected', 'not_placed');
CREATE UNIQUE INDEX one_row_per_venue_order ON orders (venue, account, symbol, venue_order_id)
    WHERE venue_order_id <> '';
CREATE INDEX orders_working ON orders (venue, account)
    WHERE state NOT IN ('filled', 'canceled', 'expired', 'rejected', 'not_placed');
CREATE INDEX orders_of_intent ON orders (intent_id, recorded);

-- Who an order is for never changes, and what was filled stays filled.
CREATE FUNCTION keep_order_facts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.venue, NEW.account, NEW.symbol, NEW.side) IS DISTINCT FROM (OLD.venue, OLD.account, OLD.symbol, OLD.side)
       OR (OLD.intent_id <> '' AND NEW.intent_id <> OLD.intent_id) THEN
        RAISE EXCEPTION 'order % changed its venue, account, symbol, side or intent', OLD.client_order_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'order_identity_fixed';
    END IF;
    IF NEW.filled_quantity < OLD.filled_quantity THEN
        RAISE EXCEPTION 'order % was filled % and cannot become filled %',
            OLD.client_order_id, OLD.filled_quantity, NEW.filled_quantity
            USING ERRCODE = 'check_violation', CONSTRAINT = 'order_fills_never_undone';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER keep_order_facts BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION keep_order_facts();

-- Every venue order id that a client order id was ever seen with: more than one is a doubled order.
CREATE TABLE order_venue_ids (
    client_order_id text NOT NULL,
    venue_order_id  text NOT NULL,
    id              text NOT NULL,
    PRIMARY KEY (client_order_id, venue_order_id)
);

CREATE TABLE fills (
    recorded        bigint GENERATED ALWAYS AS IDENTITY,
    venue           text NOT NULL,
    account         text NOT NULL,
    symbol          text NOT NULL,
    fill_id         text NOT NULL CONSTRAINT fill_has_id CHECK (fill_id <> ''),
    client_order_id text NOT NULL,
    venue_order_id  text NOT NULL,
    side            text NOT NULL CONSTRAINT fill_side_known CHECK (side IN ('buy', 'sell')),
    price           numeric NOT NULL CONSTRAINT fill_price_positive CHECK (price > 0 AND price < 'Infinity'),
    quantity        numeric NOT NULL CONSTRAINT fill_quantity_positive CHECK (quantity > 0 AND quantity < 'Infinity'),
    fee             numeric NOT NULL CONSTRAINT fill_fee_finite CHECK (fee > '-Infinity' AND fee < 'Infinity'),
    fee_asset       text NOT NULL,
    maker           boolean NOT NULL,
    realised_pnl    numeric NOT NULL CONSTRAINT fill_pnl_finite CHECK (realised_pnl > '-Infinity' AND realised_pnl < 'Infinity'),
    ts_venue_ns     bigint NOT NULL,
    id              text NOT NULL,
    causes          text[] NOT NULL,
    ts_received_ns  bigint NOT NULL,
    payload         text NOT NULL,
    PRIMARY KEY (venue, account, symbol, fill_id)
);
CREATE INDEX fills_of_order ON fills (client_order_id, recorded);
CREATE INDEX fills_by_time ON fills (venue, account, ts_venue_ns);

CREATE TABLE positions (
    venue             text NOT NULL,
    account           text NOT NULL,
    symbol            text NOT NULL,
    quantity          numeric NOT NULL CONSTRAINT position_quantity_finite CHECK (quantity > '-Infinity' AND quantity < 'Infinity'),
    entry_price       numeric NOT NULL CONSTRAINT position_entry_valid CHECK (entry_price >= 0 AND entry_price < 'Infinity'),
    realised_pnl      numeric NOT NULL,
    sequence          bigint NOT NULL,
    stop_distance_bps bigint NOT NULL,
    times_opened      bigint NOT NULL,
    id                text NOT NULL,
    causes            text[] NOT NULL,
    ts_received_ns    bigint NOT NULL,
    payload           text NOT NULL,
    PRIMARY KEY (venue, account, symbol)
);
COMMENT ON COLUMN positions.times_opened IS 'how often this went from flat, or from the other side, into a position';

CREATE TABLE accounts (
    venue          text NOT NULL,
    account        text NOT NULL,
    equity         numeric NOT NULL,
    open_orders    bigint NOT NULL,
    id             text NOT NULL,
    causes         text[] NOT NULL,
    ts_received_ns bigint NOT NULL,
    payload        text NOT NULL,
    PRIMARY KEY (venue, account)
);
COMMENT ON TABLE accounts IS 'the last comparison of venue and ledger, per account';

CREATE TABLE stops (
    recorded       bigint GENERATED ALWAYS AS IDENTITY,
    venue          text NOT NULL,
    account        text NOT NULL,
    client_stop_id text NOT NULL CONSTRAINT stop_has_client_id CHECK (client_stop_id <> ''),
    symbol         text NOT NULL,
    venue_stop_id  text NOT NULL,
    side           text NOT NULL CONSTRAINT stop_side_known CHECK (side IN ('buy', 'sell')),
    quantity       numeric NOT NULL CONSTRAINT stop_quantity_valid CHECK (quantity >= 0 AND quantity < 'Infinity'),
    trigger_price  numeric NOT NULL CONSTRAINT stop_trigger_valid CHECK (trigger_price >= 0 AND trigger_price < 'Infinity'),
    state          text NOT NULL,
    verified       boolean NOT NULL,
    ever_verified  boolean NOT NULL,
    reason         text NOT NULL,
    id             text NOT NULL,
    causes         text[] NOT NULL,
    ts_received_ns bigint NOT NULL,
    payload        text NOT NULL,
    PRIMARY KEY (venue, account, client_stop_id)
);
CREATE INDEX stops_working ON stops (venue, account) WHERE state IN ('placing', 'unknown', 'resting', 'triggered');

-- A halt outlives everything: rows are only ever added, and of two with one version the halt wins.
CREATE TABLE halts (
    scope          text NOT NULL,
    version        bigint NOT NULL CONSTRAINT halt_version_positive CHECK (version > 0),
    halted         boolean NOT NULL,
    actor          text NOT NULL,
    reason         text NOT NULL,
    id             text NOT NULL,
    causes         text[] NOT NULL,
    ts_received_ns bigint NOT NULL,
    payload        text NOT NULL,
    PRIMARY KEY (scope, version)
);

-- What a writer said, in order, kept after it was published: a stream that lost messages is rebuilt from here.
CREATE TABLE outbox (
    position        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    writer          text NOT NULL,
    event_id        text NOT NULL CONSTRAINT outbox_event_has_id CHECK (event_id <> ''),
    type            text NOT NULL,
    about           text,
    subject         text NOT NULL,
    payload         text NOT NULL,
    headers         jsonb NOT NULL,
    ts_recorded_ns  bigint NOT NULL DEFAULT ns_now(),
    ts_published_ns bigint,
    CONSTRAINT outbox_event_once UNIQUE (event_id)
);
CREATE INDEX outbox_unsent ON outbox (writer, position) WHERE ts_published_ns IS NULL;
CREATE INDEX outbox_by_type ON outbox (type, ts_recorded_ns);
CREATE INDEX outbox_by_about ON outbox (about) WHERE about IS NOT NULL;
CREATE INDEX outbox_by_time ON outbox (ts_published_ns);
COMMENT ON COLUMN outbox.about IS 'the client id of the order or stop it is about';

CREATE TABLE processed (
    consumer        text NOT NULL,
    event_id        text NOT NULL,
    ts_processed_ns bigint NOT NULL DEFAULT ns_now(),
    PRIMARY KEY (consumer, event_id)
);
CREATE INDEX processed_by_time ON processed (ts_processed_ns);
