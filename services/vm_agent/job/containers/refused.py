"""What goes wrong with containers by the workflow's own doing, or for want of an engine."""

from __future__ import annotations


class BadContainer(Exception):
    """The workflow's mistake, or its image's: it cannot be pulled, is not healthy, its options are refused. The message
    says which container and why."""
