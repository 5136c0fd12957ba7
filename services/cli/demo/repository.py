"""Makes the sample repository with real git, and the payload of the push that made its newest commit."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

SAMPLE = Path(__file__).parent / "sample"
OWNER, NAME = "demo", "sample"
REPOSITORY_ID = 1
_IDENTITY = {
    "GIT_AUTHOR_NAME": "Demo",
    "GIT_AUTHOR_EMAIL": "demo@localhost",
    "GIT_COMMITTER_NAME": "Demo",
    "GIT_COMMITTER_EMAIL": "demo@localhost",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
}


def make_repository(folder: Path) -> tuple[str, str]:
    """A clone at `folder/demo/sample` with two commits on main; their ids, older first."""
    path = folder / OWNER / NAME
    path.mkdir(parents=True)
    _git(path, "init", "--quiet", "--initial-branch", "main")
    _git(path, "commit", "--quiet", "--allow-empty", "--message", "Begin")
    before = _git(path, "rev-parse", "HEAD")
    shutil.copytree(SAMPLE, path, dirs_exist_ok=True)
    _git(path, "add", "--all")
    _git(path, "commit", "--quiet", "--message", "Two workflows, a test and a page")
    return before, _git(path, "rev-parse", "HEAD")


def push_payload(before: str, after: str) -> dict[str, object]:
    """What GitHub sends for a push of one commit to main, as far as anybody reads it."""
    user = {"login": "octocat", "id": 583231, "type": "User"}
    commit = {
        "id": after,
        "message": "Two workflows, a test and a page",
        "timestamp": "2026-11-24T00:00:00Z",
        "author": {"name": "Demo", "email": "demo@localhost", "username": "octocat"},
        "added": ["README.md", "test.sh"],
        "removed": [],
        "modified": [],
    }
    return {
        "ref": "refs/heads/main",
        "before": before,
        "after": after,
        "created": False,
        "deleted": False,
        "forced": False,
        "commits": [commit],
        "head_commit": commit,
        "pusher": {"name": "octocat", "email": "demo@localhost"},
        "sender": user,
        "repository": {
            "id": REPOSITORY_ID,
            "name": NAME,
            "full_name": f"{OWNER}/{NAME}",
            "private": False,
            "owner": {"login": OWNER, "id": 2, "name": OWNER, "type": "Organization"},
            "html_url": f"https://github.com/{OWNER}/{NAME}",
            "clone_url": f"https://github.com/{OWNER}/{NAME}.git",
            "default_branch": "main",
        },
    }


def _git(path: Path, *arguments: str) -> str:
    environment = {"PATH": os.environ.get("PATH", os.defpath), **_IDENTITY}
    done = subprocess.run(["git", *arguments], cwd=path, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()
