"""Strategies as pure functions, found by entry point."""
