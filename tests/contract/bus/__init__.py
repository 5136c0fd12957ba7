"""Every promise of `libs.bus.port`, for both adapters; and what only a real server can break."""
