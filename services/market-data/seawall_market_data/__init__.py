"""Turns a venue's frames into verified books, trades, quotes and bars."""
