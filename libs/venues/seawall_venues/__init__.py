"""Exchanges behind one port: parsers, books, sessions and outcome classes."""
