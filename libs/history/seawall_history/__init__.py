"""Candles, trades and funding of the past: downloaded, checked, kept in Parquet, loaded into the database."""
