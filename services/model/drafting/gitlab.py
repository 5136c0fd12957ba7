"""`.gitlab-ci.yml`: stages, scripts, images and variables are carried over; rules, artifacts and the rest are gaps.

GitLab's own words: https://docs.gitlab.com/ci/yaml/. Files that are included are not at hand.
"""

from __future__ import annotations

import re
from collections.abc import Mapping as Fields

from msgspec.structs import replace

from libs.workflow.nodes import Mapping, Node, Sequence
from services.model.drafting.commands import Command, Phase, steps_of
from services.model.drafting.draft import CHECKOUT, JOBS, Draft, Gap, Job, SourceFile, job_id, variables
from services.model.drafting.tree import REFERENCE, fields, pairs, read_tree, text_of, texts

_WORDS = frozenset(
    {"image", "services", "stages", "types", "before_script", "after_script", "variables", "cache", "include"}
    | {"default", "workflow", "pages:deploy", "spec"}
)
_SAME = frozenset({"stage", "script", "before_script", "after_script", "image", "variables", "needs", "extends"})
_SAME_TOO = frozenset({"allow_failure", "timeout", "dependencies", "interruptible"})
_EXTENDS_DEEP = 10
_STAGES = (".pre", "build", "test", "deploy", ".post")
_TIMES = re.compile(r"(\d+)\s*(h|m|s)")
_IMAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:@-]*\Z")

JobFields = dict[str, Node]


def read(file: SourceFile) -> Draft:
    root, gaps = read_tree(file)
    top = fields(root)
    named = {name: _extended(name, top) for name, node in top.items() if name not in _WORDS and _is_job(node)}
    jobs = {name: job for name, job in named.items() if not name.startswith(".")}
    for word in ("include", "workflow", "cache", "services"):
        if word in top:
            gaps.append(Gap(f"`{word}` of the whole file", top[word].line))
    env, more = variables(pairs(top.get("variables")))
    default = {**fields(top.get("default")), **{word: top[word] for word in _WORDS if word in top}}
    if len(jobs) > JOBS:
        gaps.append(Gap(f"{len(jobs) - JOBS} more jobs: a draft holds {JOBS}"))
    made, about = _jobs(dict(list(jobs.items())[:JOBS]), default, _stages(top))
    manual = any(text_of(job.get("when")) == "manual" for job in jobs.values())
    return Draft(file.path, tuple(made), (*gaps, *more, *about), manual=manual, env=tuple(env))


def _jobs(jobs: dict[str, JobFields], default: JobFields, stages: list[str]) -> tuple[list[Job], list[Gap]]:
    ids: dict[str, str] = {}
    for name in jobs:
        ids[name] = job_id(name, ids.values())
    made: list[Job] = []
    gaps: list[Gap] = []
    for name, job in jobs.items():
        drafted, about = _job(name, job, default, ids)
        if drafted.steps:
            needs = _needs(job, jobs, stages, ids)
            made.append(_replaced(drafted, needs))
        gaps += [Gap(f"{name}: {gap.text}", gap.line) for gap in about]
    there = {job.id for job in made}
    return [_replaced(job, [need for need in job.needs if need in there]) for job in made], gaps


def _replaced(job: Job, needs: list[str]) -> Job:
    return replace(job, needs=tuple(dict.fromkeys(need for need in needs if need != job.id)))


def _job(name: str, job: JobFields, default: JobFields, ids: Fields[str, str]) -> tuple[Job, list[Gap]]:
    gaps = [Gap(f"`{word}`", job[word].line) for word in job if word not in _SAME | _SAME_TOO | {"when"}]
    phases = [
        Phase(words, _commands(job.get(word, default.get(word)), gaps), condition)
        for word, words, condition in (
            ("before_script", "Prepare", ""),
            ("script", "Run the script", ""),
            ("after_script", "Clean up", "always()"),
        )
    ]
    steps, refused = steps_of(phases)
    env, more = variables(pairs(job.get("variables")))
    image, about = _image(job.get("image", default.get("image")))
    when = text_of(job.get("when"))
    if when not in ("", "on_success", "manual", "always", "on_failure"):
        gaps.append(Gap(f"`when: {when[:40]}`", job["when"].line))
    conditions = {
        "manual": "github.event_name == 'workflow_dispatch'",
        "always": "always()",
        "on_failure": "failure()",
    }
    drafted = Job(
        ids[name],
        (CHECKOUT, *steps) if steps else (),
        name=name if name != ids[name] else "",
        container=image,
        env=tuple(env),
        condition=conditions.get(when, ""),
        continue_on_error=text_of(job.get("allow_failure")) == "true",
        timeout_minutes=_minutes(text_of(job.get("timeout"))),
    )
    return drafted, [*gaps, *refused, *more, *about]


def _commands(node: Node | None, gaps: list[Gap]) -> tuple[Command, ...]:
    found: list[Command] = []
    for scalar in texts(node):
        if scalar.text.startswith(REFERENCE):
            gaps.append(Gap(f"`{scalar.text[:100]}`", scalar.line))
        else:
            found.append(Command(scalar.text, scalar.line))
    return tuple(found)


def _image(node: Node | None) -> tuple[str, list[Gap]]:
    if node is None:
        return "", []
    name = text_of(fields(node).get("name")) if isinstance(node, Mapping) else text_of(node)
    if _IMAGE.match(name):
        return name, []
    return "", [Gap(f"the image {name[:80]!r}, which no container can be named after as it stands", node.line)]


def _needs(job: JobFields, jobs: dict[str, JobFields], stages: list[str], ids: Fields[str, str]) -> list[str]:
    """What it names; else all of the nearest stage before it that has jobs."""
    named = job.get("needs")
    if isinstance(named, Sequence):
        names = [
            text_of(fields(item).get("job")) if isinstance(item, Mapping) else text_of(item) for item in named.items
        ]
        return [ids[name] for name in names if name in ids]
    at = _place(job, stages)
    before = [_place(other, stages) for other in jobs.values() if _place(other, stages) < at]
    return [ids[name] for name, other in jobs.items() if before and _place(other, stages) == max(before)]


def _place(job: JobFields, stages: list[str]) -> int:
    stage = text_of(job.get("stage")) or "test"
    return stages.index(stage) if stage in stages else len(stages)


def _stages(top: JobFields) -> list[str]:
    named = [scalar.text for scalar in texts(top.get("stages"))]
    return [".pre", *named, ".post"] if named else list(_STAGES)


def _extended(name: str, top: JobFields, deep: int = 0) -> JobFields:
    """A job with what it extends under it, as far as that is in this file."""
    own = fields(top.get(name))
    found: JobFields = {}
    for parent in texts(own.get("extends")) if deep < _EXTENDS_DEEP else ():
        found |= _extended(parent.text, top, deep + 1)
    return found | own


def _is_job(node: Node) -> bool:
    return isinstance(node, Mapping)


def _minutes(text: str) -> int:
    seconds = sum(int(number[:6]) * {"h": 3600, "m": 60, "s": 1}[unit] for number, unit in _TIMES.findall(text.lower()))
    return min(360, -(-seconds // 60))
