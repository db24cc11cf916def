"""Binance spot: how a public read is refused, which is as at USD-M futures."""

from __future__ import annotations

from seawall_venues.binance.errors import refusal

__all__ = ["refusal"]
