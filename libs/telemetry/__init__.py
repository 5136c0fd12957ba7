"""Traces, metrics and logs; each costs nothing to import and does nothing until somebody asks for it."""
