"""Binance spot's market feed: its frames, its sync rule, its symbols, its sockets."""
