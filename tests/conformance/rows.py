"""The rows of the workflow language: what a workflow file can say, by area. A test names those that it shows.

`@pytest.mark.row("jobs: matrix")`. A row that no test names is not claimed to work in docs/workflow-language.md.
"""

from __future__ import annotations

ROWS: dict[str, tuple[str, ...]] = {
    "events": (
        "push", "pull_request", "pull_request_target", "workflow_dispatch with typed inputs", "repository_dispatch",
        "schedule, with timezone", "workflow_run", "workflow_call", "merge_group", "release", "create and delete",
        "issues and comments", "every other event with its types", "default types", "skip instructions", "run-name",
    ),
    "filters": (
        "branches and branches-ignore", "tags and tags-ignore", "paths and paths-ignore", "types", "patterns",
        "negation, the last match wins", "diffs of real histories",
    ),
    "jobs": (
        "needs, without level barriers", "if, with its implicit success()", "matrix", "matrix include and exclude",
        "dynamic matrix", "fail-fast", "max-parallel", "concurrency of jobs", "concurrency of workflows",
        "concurrency queue", "permissions", "environment", "environment reviewers", "environment secrets and variables",
        "timeout-minutes", "cancel-timeout-minutes", "continue-on-error", "runs-on labels", "runs-on groups",
        "a label that no host has", "outputs", "env", "defaults", "cancellation", "name",
    ),
    "calls": (
        "inputs", "secrets", "secrets inherit", "outputs", "nesting", "local workflows", "remote workflows",
        "matrix over calls", "permissions",
    ),
    "steps": (
        "run and its shells", "custom shells", "working-directory", "env", "if", "id, outcome and conclusion",
        "continue-on-error", "timeout-minutes", "names", "background, wait, wait-all, cancel, parallel",
    ),
    "actions": (
        "uses of every form", "action.yml", "local", "same repository ($/)", "owner/repo@ref", "docker://",
        "inputs and outputs", "composite",
        "composite nesting", "JavaScript", "pre and post steps", "state", "Docker actions", "checkout", "offline",
        "@actions/core, github, exec, io",
    ),
    "containers": (
        "container", "services", "ports", "health checks", "volumes", "options", "credentials", "job contexts",
        "service entrypoint and command", "no engine is an error",
    ),
    "expressions": (
        "literals", "operators", "coercion", "property access", "filters (.*)", "functions", "case", "hashFiles",
        "status functions", "format", "JSON", "contexts", "availability", "errors", "limits",
    ),
    "runner": (
        "GITHUB_ENV", "GITHUB_OUTPUT", "GITHUB_PATH", "GITHUB_STATE", "GITHUB_STEP_SUMMARY", "GITHUB_ARTIFACTS",
        "heredocs", "workflow commands", "legacy commands", "stop-commands", "problem matchers", "annotations",
        "masking", "masking encodings", "default variables",
    ),
    "files": (
        "every error with its place", "unknown keys", "duplicate keys", "anchors", "merge keys refused", "YAML scalars",
        "insert", "limits", "suggestions", "tags", "events", "filters", "schedules", "inputs", "workflows",
        "jobs", "runs-on", "matrix", "permissions", "concurrency", "environment", "containers", "snapshot", "calls",
        "steps", "uses", "background steps", "whole workflows", "compared with GitHub's own parser",
    ),
}  # fmt: skip

NAMES = frozenset(f"{area}: {row}" for area, rows in ROWS.items() for row in rows)
