"""Repositories of actions for tests: real git in a folder, offered as an operator would offer them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from textwrap import dedent

from libs.github.actions import ActionMirrors
from libs.github.addresses import ClonePolicy
from libs.github.fetching import Fetcher
from tests.actions import toolkit
from tests.repositories import WorkTree


class Shop:
    """`sources` has what was published; there is nothing else anywhere."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "offered"
        fetcher = Fetcher(folder / "home", ClonePolicy((), private=True), shallow=True)
        self.sources = ActionMirrors((self.folder,), (folder / "nowhere").as_uri(), fetcher)

    def publish(self, name: str, files: Mapping[str, str], *, tag: str = "v1") -> str:
        """The commit."""
        tree = WorkTree(self.folder / name)
        commit = tree.commit({path: dedent(content) for path, content in files.items()})
        tree.git("tag", "--force", tag)
        return commit


def javascript(runs: str = "", **files: str) -> dict[str, str]:
    """An action of one file (`main`), with others by their names without `.js`."""
    keys = "".join(f", {part}: {part}.js" for part in ("pre", "post") if part in files)
    return {
        "action.yml": f"runs: {{using: node20, main: main.js{keys}{runs}}}\n",
        **{f"{name}.js": content for name, content in files.items()},
    }


def composite(*steps: str, head: str = "") -> dict[str, str]:
    """Each step is one flow mapping."""
    listed = "".join(f"    - {step}\n" for step in steps)
    return {"action.yml": f"{dedent(head).strip()}\nruns:\n  using: composite\n  steps:\n{listed}"}


@asynccontextmanager
async def toolkit_shop(folder: Path) -> AsyncIterator[Shop]:
    """A shop with `octo/toolkit`, an action of GitHub's own packages."""
    made = Shop(folder)
    toolkit(made.folder / "octo" / "toolkit")
    made.publish("octo/toolkit", {})
    yield made
    await made.sources.close()
