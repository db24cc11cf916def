"""Coinbase Advanced Trade, spot: its frames, its sync rule, its symbols, its sockets."""
