"""Every promise of `libs.blobs.port`, for each adapter."""
