"""The language model: it proposes and never decides. Off unless it is asked for."""
