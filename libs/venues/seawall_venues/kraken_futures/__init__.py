"""Kraken futures: its frames, its sync rule, its symbols, its sockets."""
