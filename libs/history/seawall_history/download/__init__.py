"""History from the venues' public REST, through ccxt: in pages, again where it stopped, never faster than allowed."""
