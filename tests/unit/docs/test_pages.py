"""What docs/ says about the code is what the code says, and no page leads to a place that is not there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from libs import settings
from tests.docs import blocks
from tests.docs.__main__ import DOCS, WITH_BLOCKS, pages, stale

ROOT = DOCS.parent
WRITTEN = sorted(
    path.relative_to(ROOT).as_posix()
    for path in [*DOCS.rglob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
)
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
NAMED_TEST = re.compile(r"`(tests/[\w/.-]+)`")
CODE = re.compile(r"```.*?```", re.DOTALL)


def test_the_generated_pages_are_what_the_code_says_now() -> None:
    assert stale() == [], "run `python -m tests.docs`"


def test_a_stale_page_would_be_noticed() -> None:
    """The check above can fail: a block that was drawn from another table is not the one that is drawn now."""
    page = (DOCS / "architecture.md").read_text()
    drawn = [name for each in WITH_BLOCKS for name in blocks.names((DOCS / each).read_text())]
    assert sorted(drawn) == sorted(blocks.BLOCKS)
    changed = page.replace("planned --> started", "planned --> over", 1)
    assert changed != page
    assert blocks.filled(changed) == page


def test_every_event_has_its_place_in_the_page_of_events() -> None:
    from libs.contracts.registry import EVENTS, types_of

    text = pages()["events.md"]
    assert all(f"### {kind.__name__}\n" in text for union in EVENTS.values() for kind in types_of(union))


@pytest.mark.parametrize("page", WRITTEN)
def test_every_link_to_a_file_leads_somewhere(page: str) -> None:
    text = CODE.sub("", (ROOT / page).read_text())
    for target in LINK.findall(text):
        if "://" not in target:
            assert ((ROOT / page).parent / target).exists(), f"{page} links to {target}"


@pytest.mark.parametrize("page", WRITTEN)
def test_every_test_that_is_named_exists(page: str) -> None:
    for name in NAMED_TEST.findall((ROOT / page).read_text()):
        assert (ROOT / name).exists(), f"{page} names {name}"


def test_every_variable_is_in_the_page_of_the_configuration_and_no_other() -> None:
    """Names are read off the source of libs/settings.py, which alone reads the environment."""
    source = Path(settings.__file__).read_text()
    read = set(re.findall(r'reader\.\w+\(\s*"([A-Z_]+)"', source)) | settings.OURS
    read |= {f"{name}_FILE" for name in re.findall(r'reader\.secret\("([A-Z_]+)"', source)}
    documented = set(re.findall(r"^\| `([A-Z_]+)` \|", (DOCS / "configuration.md").read_text(), re.MULTILINE))
    assert documented == read


def test_decisions_are_numbered_without_gaps_and_say_what_was_rejected() -> None:
    records = sorted((DOCS / "decisions").glob("*.md"))
    numbers = [int(path.name[:4]) for path in records]
    assert numbers == list(range(1, len(numbers) + 1))
    for path in records:
        text = path.read_text()
        assert re.search(r"Decision|Decided", text), path.name
        assert "Rejected" in text, path.name
