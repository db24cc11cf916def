"""Bybit v5: linear contracts and spot."""
