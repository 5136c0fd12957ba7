"""Whether an event starts a workflow: ``on:`` with its filters, and commit messages that ask for no run.

The event arrives as a small value made from a webhook; this module knows neither payloads nor git. Which files changed
is costly to know, so ``needs_changed_paths`` says when it matters.

Source: GitHub's documentation, "Workflow syntax" (``on``), "Events that trigger workflows", "Skipping workflow runs".
"""

import re

import msgspec

from libs.workflow.events import activity_types, default_pull_request_types
from libs.workflow.globs import compile_glob, selected
from libs.workflow.model import EventTrigger, On, PatternFilter

branch_prefix = "refs/heads/"
tag_prefix = "refs/tags/"


class TriggerEvent(msgspec.Struct, frozen=True):
    """One event, as far as ``on:`` can ask about it.

    ``ref`` is the full ref of a push or a dispatch, ``base`` the branch that a pull request or a merge group goes into
    (its short name). ``workflow`` and ``branch`` are of the run that a ``workflow_run`` is about: its workflow's name
    and its head branch. ``cron`` is the line of a schedule that is due. An empty name or line asks for any.
    ``image`` and ``version`` are of an ``image_version``.
    ``changed_paths`` is None when the diff is too large or cannot be made: GitHub then lets every path filter match.
    ``message`` is the head commit's message, where instructions to skip are looked for.
    """

    name: str
    ref: str = ""
    action: str | None = None
    base: str = ""
    changed_paths: tuple[str, ...] | None = None
    deleted: bool = False
    message: str = ""
    workflow: str = ""
    branch: str = ""
    cron: str = ""
    image: str = ""
    version: str = ""


class Matched(msgspec.Struct, frozen=True):
    """The event starts the workflow."""


class NotMatched(msgspec.Struct, frozen=True):
    """It does not; ``reason`` is a sentence for who asks why nothing ran. ``deaf``: ``on`` does not name the event."""

    reason: str
    deaf: bool = False


Verdict = Matched | NotMatched


def match(on: On, event: TriggerEvent) -> Verdict:
    """Whether ``on`` wants the event, skip instructions in ``event.message`` included."""
    verdict = _match_without_paths(on, event)
    if isinstance(verdict, NotMatched):
        return verdict
    paths = _path_filter(on, event)
    return Matched() if paths is None else _match_paths(paths, event.changed_paths)


def needs_changed_paths(on: On, event: TriggerEvent) -> bool:
    """Whether ``match`` will look at ``changed_paths``: only then is a diff worth making."""
    return isinstance(_match_without_paths(on, event), Matched) and _path_filter(on, event) is not None


def skip_instruction(message: str) -> str | None:
    """The words by which a commit message asks for no run, such as ``[skip ci]``; None when it does not.

    Only pushes and pull requests heed them.
    """
    if found := _skip_words.search(message):
        return found[0]
    if found := _skip_trailer.search(message):
        return found["words"]
    return None


_skip_words = re.compile(r"\[(?:skip ci|ci skip|no ci|skip actions|actions skip)\]")
_skip_trailer = re.compile(r"\n\n(?:[A-Za-z0-9-]+:[^\n]*\n)*(?P<words>skip-checks: ?true)\s*\Z")


def _match_without_paths(on: On, event: TriggerEvent) -> Verdict:
    match event.name:
        case "workflow_dispatch" if on.workflow_dispatch is not None:
            return Matched()
        case "schedule" if on.schedule:
            return _match_schedule(on, event)
        case "workflow_call" if on.workflow_call is not None:
            return NotMatched("a workflow is called by jobs of other workflows, and by no event")
        case _:
            trigger = on.events.get(event.name)
            if trigger is None:
                only = _listed(on.names())
                return NotMatched(f"the workflow does not listen to `{event.name}`, only to {only}", deaf=True)
            return _match_event(trigger, event)


def _match_event(trigger: EventTrigger, event: TriggerEvent) -> Verdict:
    """The filters of an event, its types first; only pushes and pull requests heed instructions to skip."""
    verdict = _match_type(trigger, event)
    if isinstance(verdict, NotMatched):
        return verdict
    match event.name:
        case "push":
            return _unless_skipped(event, _match_push(trigger, event))
        case "pull_request":
            return _unless_skipped(event, _match_base(trigger, event))
        case "pull_request_target" | "merge_group":
            return _match_base(trigger, event)
        case "workflow_run":
            return _match_run(trigger, event)
        case "image_version":
            return _match_image(trigger, event)
        case _:
            return Matched()


def _match_type(trigger: EventTrigger, event: TriggerEvent) -> Verdict:
    """An event without activity types has nothing to ask; a ``repository_dispatch`` brings types of the user's own."""
    if trigger.types is not None:
        wanted = trigger.types
    elif event.name in ("pull_request", "pull_request_target"):
        wanted = default_pull_request_types
    else:
        wanted = activity_types.get(event.name, ())
        if not wanted:
            return Matched()
    if event.action in wanted:
        return Matched()
    return NotMatched(f"the activity is `{event.action}`, and the workflow wants {_listed(wanted)}")


def _match_schedule(on: On, event: TriggerEvent) -> Verdict:
    lines = tuple(schedule.cron for schedule in on.schedule)
    if not event.cron or event.cron in lines:
        return Matched()
    return NotMatched(f"the schedule `{event.cron}` is not in the workflow any more, only {_listed(lines)}")


def _match_run(trigger: EventTrigger, event: TriggerEvent) -> Verdict:
    """Names of workflows are compared as they are; `branches` looks at the head branch of the run."""
    if trigger.workflows is not None and event.workflow and event.workflow not in trigger.workflows:
        return NotMatched(f"the run is of `{event.workflow}`, and the workflow waits for {_listed(trigger.workflows)}")
    return Matched() if trigger.branches is None else _match_name("head branch", event.branch, trigger.branches)


def _unless_skipped(event: TriggerEvent, verdict: Verdict) -> Verdict:
    instruction = skip_instruction(event.message)
    if isinstance(verdict, Matched) and instruction is not None:
        return NotMatched(f"the commit message says `{instruction}`")
    return verdict


def _match_push(trigger: EventTrigger, event: TriggerEvent) -> Verdict:
    """1. A deletion runs nothing. 2. A tag asks ``tags``. 3. A branch asks ``branches``.

    Where only one of the two filters is written, refs of the other kind do not match.
    """
    if event.deleted:
        return NotMatched(f"the push deleted `{event.ref}`")
    if event.ref.startswith(tag_prefix):
        name = event.ref.removeprefix(tag_prefix)
        return _match_ref("tag", name, trigger.tags, other=trigger.branches, other_kind="branches")
    if event.ref.startswith(branch_prefix):
        name = event.ref.removeprefix(branch_prefix)
        return _match_ref("branch", name, trigger.branches, other=trigger.tags, other_kind="tags")
    return NotMatched(f"`{event.ref}` is neither a branch nor a tag")


def _match_ref(
    kind: str, name: str, filter_: PatternFilter | None, *, other: PatternFilter | None, other_kind: str
) -> Verdict:
    if filter_ is None:
        if other is None:
            return Matched()
        return NotMatched(f"the push is to the {kind} `{name}`, and the workflow filters {other_kind} only")
    return _match_name(kind, name, filter_)


def _match_image(trigger: EventTrigger, event: TriggerEvent) -> Verdict:
    for kind, patterns, name in (("image", trigger.names, event.image), ("version", trigger.versions, event.version)):
        if patterns is not None and not _selects(patterns, name):
            return NotMatched(f"the {kind} `{name}` matches none of {_listed(patterns)}")
    return Matched()


def _match_base(trigger: EventTrigger, event: TriggerEvent) -> Verdict:
    return Matched() if trigger.branches is None else _match_name("base branch", event.base, trigger.branches)


def _match_name(kind: str, name: str, filter_: PatternFilter) -> Verdict:
    if filter_.ignored is not None and _selects(filter_.ignored, name):
        return NotMatched(f"the {kind} `{name}` is ignored by {_listed(filter_.ignored)}")
    if filter_.patterns is not None and not _selects(filter_.patterns, name):
        return NotMatched(f"the {kind} `{name}` matches none of {_listed(filter_.patterns)}")
    return Matched()


def _path_filter(on: On, event: TriggerEvent) -> PatternFilter | None:
    """The path filter that applies; tags have none."""
    trigger = on.events.get(event.name)
    if trigger is None or (event.name == "push" and event.ref.startswith(tag_prefix)):
        return None
    return trigger.paths


def _match_paths(filter_: PatternFilter, changed: tuple[str, ...] | None) -> Verdict:
    if changed is None:
        return Matched()
    if not changed:
        return NotMatched("no file changed, and the workflow filters paths")
    if filter_.patterns is not None and not any(_selects(filter_.patterns, path) for path in changed):
        return NotMatched(f"none of the {len(changed)} changed files matches `paths`: {_listed(filter_.patterns)}")
    if filter_.ignored is not None and all(_selects(filter_.ignored, path) for path in changed):
        return NotMatched(f"all {len(changed)} changed files match `paths-ignore`: {_listed(filter_.ignored)}")
    return Matched()


def _selects(patterns: tuple[str, ...], name: str) -> bool:
    return selected(map(compile_glob, patterns), name)


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "nothing"
