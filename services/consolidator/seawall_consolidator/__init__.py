"""One view of each asset across venues: best prices, depth and freshness, in dollars."""
