"""A clone on this machine, bare or not, read without touching it: what stands in a commit, and what changed.

Nothing is checked out and nothing of the clone's own configuration is run.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from libs.contracts.ids import is_commit_sha
from libs.github.git import Git, GitFailed, GitTooMuch
from libs.github.objects import (
    FOLDER,
    SUBMODULE,
    SYMLINK,
    Entry,
    ObjectMissing,
    ObjectReader,
    ObjectTooLarge,
    ReaderBroken,
)
from libs.github.payload import is_ref
from libs.repositories import (
    MAX_CHANGED_FILES,
    MAX_COMMITS,
    MAX_WORKFLOW_BYTES,
    MAX_WORKFLOW_FILES,
    WORKFLOWS_FOLDER,
    Base,
    Resolved,
    WorkflowFile,
)
from libs.sources import SourceMissing

DIFF_SECONDS = 10.0
"""GitHub gives up on a slow diff too, and then every path filter matches."""
REF_SECONDS = 5.0
EMPTY_TREES = {
    40: "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
    64: "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321",
}
"""What a first commit is compared to, by the length of its name; git knows it without storing it."""
BRANCH_PREFIXES = ("refs/heads/", "refs/remotes/origin/")


def find_git_directory(path: Path) -> Path | None:
    """The git directory of a bare clone, of a work tree, or of a linked work tree at exactly this path."""
    if _is_git_directory(path):
        return path
    dot_git = path / ".git"
    if _is_git_directory(dot_git):
        return dot_git
    if dot_git.is_file():
        target = dot_git.read_text(errors="replace").partition("gitdir:")[2].strip()
        return (path / target).resolve() if target and (path / target).is_dir() else None
    return None


def _is_git_directory(path: Path) -> bool:
    return (path / "HEAD").is_file() and (path / "objects").is_dir()


@dataclass(frozen=True)
class Clone:
    directory: Path
    git: Git
    reader: ObjectReader

    async def has(self, sha: str) -> bool:
        try:
            await self.reader.commit(sha)
        except (ObjectMissing, ReaderBroken):
            return False
        return True

    async def workflows(self, sha: str, places: tuple[str, ...] = (WORKFLOWS_FOLDER,)) -> list[WorkflowFile]:
        """`places` are files, or folders whose files are read. Raises SourceMissing where there are too many, or the
        clone is damaged."""
        found: dict[str, Entry] = {}
        for place in places:
            folder, _, name = place.rpartition("/") if place.endswith((".yml", ".yaml")) else (place, "", "")
            for entry in await self._entries(sha, folder):
                if entry.mode != FOLDER and (
                    entry.name == name or (not name and entry.name.endswith((".yml", ".yaml")))
                ):
                    found[f"{folder}/{entry.name}" if folder else entry.name] = entry
        if len(found) > MAX_WORKFLOW_FILES:
            raise SourceMissing(f"{len(found)} workflow files; {MAX_WORKFLOW_FILES} are the most")
        return [await self._workflow(path, found[path]) for path in sorted(found)]

    async def _entries(self, sha: str, folder: str) -> list[Entry]:
        try:
            return await self.reader.folder(f"{sha}:{folder}")
        except ObjectMissing:
            return []
        except (ReaderBroken, ObjectTooLarge) as error:
            raise SourceMissing(str(error)) from None

    async def _workflow(self, name: str, entry: Entry) -> WorkflowFile:
        path = name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        if entry.mode in (SYMLINK, SUBMODULE):
            return WorkflowFile(path, b"", "a workflow has to be a plain file, not a symbolic link or a submodule")
        try:
            return WorkflowFile(path, await self.reader.read(entry.id, "blob", MAX_WORKFLOW_BYTES))
        except ObjectTooLarge:
            return WorkflowFile(path, b"", f"the file is larger than {MAX_WORKFLOW_BYTES} bytes")
        except (ObjectMissing, ReaderBroken) as error:
            raise SourceMissing(f"{path}: {error}") from None

    async def root_files(self, sha: str) -> tuple[str, ...]:
        try:
            entries = await self.reader.folder(f"{sha}:")
        except (ObjectMissing, ObjectTooLarge):
            return ()
        except ReaderBroken as error:
            raise SourceMissing(str(error)) from None
        return tuple(entry.name for entry in entries if entry.mode not in (FOLDER, SYMLINK, SUBMODULE))

    async def message(self, sha: str) -> str:
        try:
            return (await self.reader.commit(sha)).message
        except (ObjectMissing, ObjectTooLarge, ReaderBroken) as error:
            raise SourceMissing(str(error)) from None

    async def changed_paths(self, sha: str, base: Base) -> tuple[str, ...] | None:
        try:
            start = await self._start(sha, base)
            if start is None or await self._is_far(start, sha):
                return None
            command = ("diff-tree", "-r", "-z", "--name-only", "--no-renames", "--no-ext-diff", "--no-textconv")
            output = await self.git.run(*command, start, sha, "--", directory=self.directory, seconds=DIFF_SECONDS)
        except (GitFailed, GitTooMuch, ObjectMissing, ObjectTooLarge, ReaderBroken):
            return None
        paths = [path.decode("utf-8", "replace") for path in output.split(b"\0") if path]
        return tuple(paths[:MAX_CHANGED_FILES])

    async def _start(self, sha: str, base: Base) -> str | None:
        if not is_commit_sha(base.sha):
            return None
        match base.kind:
            case "commit":
                return base.sha if await self.has(base.sha) else None
            case "parent":
                parents = (await self.reader.commit(base.sha)).parents
                return parents[0] if parents else EMPTY_TREES.get(len(sha))
            case "merge-base":
                found = await self.git.run("merge-base", base.sha, sha, directory=self.directory, seconds=DIFF_SECONDS)
                return found.decode().strip()

    async def _is_far(self, start: str, sha: str) -> bool:
        if start in EMPTY_TREES.values():
            return False
        command = ("rev-list", "--count", f"--max-count={MAX_COMMITS + 1}", f"{start}..{sha}", "--")
        counted = await self.git.run(*command, directory=self.directory, seconds=DIFF_SECONDS)
        return int(counted) > MAX_COMMITS

    async def is_ancestor(self, older: str, newer: str) -> bool:
        if not (await self.has(older) and await self.has(newer)):
            return False
        try:
            command = ("merge-base", "--is-ancestor", older, newer)
            await self.git.run(*command, directory=self.directory, seconds=DIFF_SECONDS)
        except GitFailed:
            return False
        return True

    async def resolve(self, ref: str) -> Resolved | None:
        """A full ref, a branch, a tag or a commit, in this order; None where there is none of this name."""
        if ref == "HEAD":
            return await self._head()
        for full in candidates(ref):
            try:
                command = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{full}^{{commit}}")
                found = await self.git.run(*command, directory=self.directory, seconds=REF_SECONDS)
            except GitFailed:
                continue
            return Resolved(found.decode().strip(), shown_ref(full))
        return Resolved(ref, "") if is_commit_sha(ref) and await self.has(ref) else None

    async def _head(self) -> Resolved | None:
        """The commit, and the branch that it is on, if it is on one."""
        try:
            verify = ("rev-parse", "--verify", "--quiet", "HEAD^{commit}")
            commit = await self.git.run(*verify, directory=self.directory, seconds=REF_SECONDS)
        except GitFailed:
            return None
        text = (self.directory / "HEAD").read_text(errors="replace").strip()
        branch = text.removeprefix("ref: ") if text.startswith("ref: ") else ""
        return Resolved(commit.decode().strip(), branch)


def candidates(ref: str) -> tuple[str, ...]:
    """The full refs that a name may mean. A clone that is not bare keeps other people's branches below `origin`."""
    if ref.startswith("refs/heads/"):
        names = tuple(prefix + ref.removeprefix("refs/heads/") for prefix in BRANCH_PREFIXES)
    elif ref.startswith("refs/"):
        names = (ref,)
    else:
        names = (*(prefix + ref for prefix in BRANCH_PREFIXES), f"refs/tags/{ref}")
    return tuple(name for name in names if is_ref(name))


def shown_ref(full: str) -> str:
    return full.replace("refs/remotes/origin/", "refs/heads/", 1) if full.startswith("refs/remotes/origin/") else full
