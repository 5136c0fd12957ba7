"""The host's side of the guest protocol: a framed byte stream to an agent that is believed in nothing."""
