"""What `uses:` of a step names, as a value: the workspace, this repository, another repository, or an image.

Source: GitHub's "Workflow syntax", `jobs.<job_id>.steps[*].uses`; `$/path` is the repository in which the naming file
stands, at that file's commit. Nothing here knows whether what is named exists.
"""

import posixpath
import re

import msgspec

reference_characters = 1000  # Far above any honest one; it becomes a path and a line of the log.

_name = re.compile(r"[A-Za-z0-9_.-]{1,100}")
_commit = re.compile(r"[0-9a-fA-F]{40}|[0-9a-fA-F]{64}")
_unprintable = re.compile(r"[\x00-\x20\x7f]")


class Local(msgspec.Struct, frozen=True):
    """`./path`: relative to the workspace, as it is when the step runs."""

    path: str


class Same(msgspec.Struct, frozen=True):
    """`$/path`: relative to the root of the repository that says so, at its commit."""

    path: str


class Remote(msgspec.Struct, frozen=True):
    """`owner/name[/path]@ref`: `path` is empty for the repository's root."""

    owner: str
    name: str
    path: str
    ref: str

    @property
    def full_name(self) -> str:
        return f"{self.owner}/{self.name}"

    @property
    def commit(self) -> str | None:
        """The commit that the reference is pinned to, or None where its ref may move."""
        return self.ref.lower() if _commit.fullmatch(self.ref) else None


class Image(msgspec.Struct, frozen=True):
    """`docker://image`."""

    image: str


Reference = Local | Same | Remote | Image


class BadUses(ValueError):
    """The message says what is wrong with it, and what would be right."""


def parse_uses(text: str) -> Reference:
    """Raises BadUses."""
    if len(text) > reference_characters:
        raise BadUses(f"`uses` may have {reference_characters} characters at most, and this has {len(text)}")
    if text.startswith("docker://"):
        return _image(text)
    if text in (".", "./") or text.startswith(("./", ".\\", "../")):
        return Local(posixpath.normpath(text.replace("\\", "/")))
    if text.startswith("$/"):
        return Same(_inner(text.removeprefix("$/"), text))
    return _remote(text)


def _image(text: str) -> Image:
    image = text.removeprefix("docker://").strip()
    if not image or _unprintable.search(image):
        raise BadUses(f"`uses: {text}` names no image; write docker://name:tag")
    return Image(image)


def _remote(text: str) -> Remote:
    name, at, ref = text.partition("@")
    parts = [part for part in re.split(r"[/\\]", name) if part]
    if len(parts) < 2 or "@" in ref or (at and not ref):
        raise BadUses(f"`uses` must be `owner/name[/path]@ref`, `./path`, `$/path` or `docker://image`, not {text!r}")
    if not at:
        raise BadUses(f"`uses: {text}` needs a version; add `@` and a tag, branch or commit")
    owner, repository, *path = parts
    if not _is_name(owner) or not _is_name(repository):
        raise BadUses(f"`uses: {text}`: {owner}/{repository} is no name of a repository")
    if _unprintable.search(ref) or ref.startswith("-") or ".." in ref:
        raise BadUses(f"`uses: {text}`: {ref!r} is no tag, branch or commit")
    return Remote(owner, repository, _inner("/".join(path), text), ref)


def _is_name(part: str) -> bool:
    return _name.fullmatch(part) is not None and part not in (".", "..")


def _inner(path: str, text: str) -> str:
    """A path in a repository, which must not lead out of it."""
    normal = posixpath.normpath(path.replace("\\", "/")) if path else ""
    if normal == ".." or normal.startswith(("../", "/")) or _unprintable.search(normal):
        raise BadUses(f"`uses: {text}`: the path leads out of the repository")
    return "" if normal == "." else normal
