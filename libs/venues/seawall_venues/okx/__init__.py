"""OKX v5, spot, perpetual swaps and dated futures on the same sockets: its frames, sync rule, symbols, sockets."""
