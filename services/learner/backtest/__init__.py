"""Would the formulas have helped? A log, or a made one, is replayed in order, beside the rules that others use."""
