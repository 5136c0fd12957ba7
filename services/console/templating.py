"""Templates: Jinja2 with autoescape, where every text on its way to a page first loses what only a terminal obeys."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import cast

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from services.console import words
from services.console.shown import shown_paragraph

HERE = Path(__file__).parent
STATIC = HERE / "static"


def environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # Jinja2 types this dictionary as what it holds at first.
    cast(dict[str, object], made.globals).update(
        badge=words.badge,
        outcome=words.outcome,
        attempt_badge=words.attempt_badge,
        between=words.between,
        static=_addresses(),
    )
    made.filters.update(duration=words.duration, clock=words.clock)
    return made


class Templates:
    def __init__(self) -> None:
        self._environment = environment()

    def page(self, name: str, status: int = 200, **context: object) -> HTMLResponse:
        return HTMLResponse(self._environment.get_template(name).render(context), status)


def _finalize(value: object) -> object:
    """Plain text only: what the templates themselves made (markup is a class of its own) stays as it is."""
    if value is None:
        return ""
    return shown_paragraph(value) if type(value) is str else value


def _addresses() -> dict[str, str]:
    """Static files by name; an address that changes with the content can be cached for ever."""
    return {
        path.name: f"/static/{path.name}?v={hashlib.sha256(path.read_bytes()).hexdigest()[:12]}"
        for path in STATIC.iterdir()
    }
