"""Every event that ``on:`` may name on GitHub, with its activity types: the vocabulary, not what we run of it.

Which of them Firebreak listens to is said in ``supported``.

Source: GitHub's documentation, "Events that trigger workflows".
"""

_edits = ("created", "edited", "deleted")
_pull_request = (
    "assigned", "unassigned", "labeled", "unlabeled", "opened", "edited", "closed", "reopened", "synchronize",
    "converted_to_draft", "locked", "unlocked", "enqueued", "dequeued", "milestoned", "demilestoned",
    "ready_for_review", "review_requested", "review_request_removed", "auto_merge_enabled", "auto_merge_disabled",
    "stacked",
)  # fmt: skip

activity_types: dict[str, tuple[str, ...]] = {
    "branch_protection_rule": _edits,
    "check_run": ("created", "rerequested", "completed", "requested_action"),
    "check_suite": ("completed",),
    "create": (),
    "delete": (),
    "deployment": (),
    "deployment_status": (),
    "discussion": (
        *_edits, "transferred", "pinned", "unpinned", "labeled", "unlabeled", "locked", "unlocked",
        "category_changed", "answered", "unanswered",
    ),
    "discussion_comment": _edits,
    "fork": (),
    "gollum": (),
    "image_version": ("created", "ready", "deleted"),
    "issue_comment": _edits,
    "issues": (
        "opened", "edited", "deleted", "transferred", "pinned", "unpinned", "closed", "reopened", "assigned",
        "unassigned", "labeled", "unlabeled", "locked", "unlocked", "milestoned", "demilestoned", "field_added",
        "field_removed", "typed", "untyped",
    ),
    "label": _edits,
    "merge_group": ("checks_requested",),
    "milestone": ("created", "closed", "opened", "edited", "deleted"),
    "page_build": (),
    "project": ("created", "closed", "reopened", "edited", "deleted"),
    "project_card": ("created", "moved", "converted", "edited", "deleted"),
    "project_column": ("created", "updated", "moved", "deleted"),
    "public": (),
    "pull_request": _pull_request,
    "pull_request_comment": _edits,
    "pull_request_review": ("submitted", "edited", "dismissed"),
    "pull_request_review_comment": _edits,
    "pull_request_target": _pull_request,
    "push": (),
    "registry_package": ("published", "updated"),
    "release": ("published", "unpublished", "created", "edited", "deleted", "prereleased", "released"),
    "repository_dispatch": (),
    "schedule": (),
    "status": (),
    "watch": ("started",),
    "workflow_call": (),
    "workflow_dispatch": (),
    "workflow_run": ("completed", "requested", "in_progress"),
}  # fmt: skip

default_pull_request_types = ("opened", "synchronize", "reopened")
"""What ``on: pull_request`` means without ``types``."""
