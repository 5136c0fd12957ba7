"""Variables that other CIs set by themselves and commands rely on, in this engine's words."""

from __future__ import annotations

import re
from collections.abc import Iterable

from msgspec.structs import replace

from services.model.drafting.draft import Draft, Gap, Job

_KNOWN = {
    "CI_COMMIT_SHA": "github.sha",
    "CI_COMMIT_REF_NAME": "github.ref_name",
    "CI_COMMIT_BRANCH": "github.ref_name",
    "CI_PROJECT_DIR": "github.workspace",
    "CI_PROJECT_NAME": "github.event.repository.name",
    "CI_PROJECT_PATH": "github.repository",
    "CI_PIPELINE_ID": "github.run_id",
    "CI_PIPELINE_IID": "github.run_number",
    "TRAVIS_COMMIT": "github.sha",
    "TRAVIS_BRANCH": "github.ref_name",
    "TRAVIS_BUILD_DIR": "github.workspace",
    "TRAVIS_REPO_SLUG": "github.repository",
    "TRAVIS_BUILD_NUMBER": "github.run_number",
    "TRAVIS_BUILD_ID": "github.run_id",
    "TRAVIS_EVENT_TYPE": "github.event_name",
    "BUILD_NUMBER": "github.run_number",
    "BUILD_ID": "github.run_id",
    "GIT_COMMIT": "github.sha",
    "BRANCH_NAME": "github.ref_name",
    "GIT_BRANCH": "github.ref_name",
    "WORKSPACE": "github.workspace",
}
_OTHERS = re.compile(r"\$\{?((?:CI|TRAVIS|GITLAB|JENKINS)_[A-Z0-9_]+)")
_REFERENCE = re.compile(r"\$(?:\{(\w+)\}|([A-Za-z_]\w*))")
_USED = re.compile(r"\$\{?([A-Z][A-Z0-9_]*)")


def used_in(scripts: Iterable[str]) -> tuple[list[tuple[str, str]], list[Gap]]:
    """The `env` that makes them work, and those that nobody sets here."""
    text = "\n".join(scripts)
    found = [name for name in _KNOWN if name in _USED.findall(text)]
    unknown = sorted({name for name in _OTHERS.findall(text) if name not in _KNOWN})
    env = [(name, f"${{{{ {_KNOWN[name]} }}}}") for name in found]
    return env, [Gap(f"the variable {name}, which the other CI sets and nobody sets here") for name in unknown]


def with_known(draft: Draft) -> Draft:
    """With what the other CI sets, and with values in which it would have put variables' values."""
    env, gaps = used_in(step.run for job in draft.jobs for step in job.steps)
    own = {name for name, _ in draft.env}
    whole, about = _expanded(draft.env)
    jobs: list[Job] = []
    for job in draft.jobs:
        of_job, more = _expanded(job.env)
        jobs.append(replace(job, env=of_job))
        about += more
    named = tuple(each for each in env if each[0] not in own)
    return replace(draft, jobs=tuple(jobs), env=(*whole, *named), gaps=(*draft.gaps, *about, *gaps))


def _expanded(env: tuple[tuple[str, str], ...]) -> tuple[tuple[tuple[str, str], ...], list[Gap]]:
    """`env` holds values as they stand: what names a variable there is not looked up."""
    found: list[tuple[str, str]] = []
    gaps: list[Gap] = []
    for name, value in env:
        said = value if value.startswith("${{") else _REFERENCE.sub(_known, value)
        if _REFERENCE.search(re.sub(r"\$\{\{.*?\}\}", "", said)):
            gaps.append(Gap(f"the variable {name}, whose value names others: they are not looked up there"))
        found.append((name, said))
    return tuple(found), gaps


def _known(match: re.Match[str]) -> str:
    known = _KNOWN.get(match[1] or match[2])
    return f"${{{{ {known} }}}}" if known else match[0]
