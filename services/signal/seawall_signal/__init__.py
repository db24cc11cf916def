"""Hosts strategies and turns features into signals."""
