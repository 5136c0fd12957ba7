"""Where ours and GitHub's npm package judge a workflow differently, and why: each by what one of them says.

The package serves GitHub's editor extension; the service, in C#, has rules that it lacks, and it has some that the
service lacks. What is said here by one side alone does not count in a comparison; all else must agree.
"""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from libs.workflow.problems import Problem
from tests.differential.oracle import Complaint


class Known(msgspec.Struct, frozen=True):
    """``words`` is a pattern that the start of the message has."""

    name: str
    side: Literal["ours", "theirs"]
    words: str
    reason: str

    def says(self, message: str) -> bool:
        return re.match(self.words, message) is not None


KNOWN = (
    Known("no event", "ours", "`on` must name at least one event", "the service: no event triggers defined in `on`"),
    Known(
        "no steps", "ours", r"a job needs the key `steps`|`steps` must hold", "the service: no steps defined in `steps`"
    ),
    Known(
        "workflow_run of nothing",
        "ours",
        "`workflow_run` needs `workflows`",
        "GitHub's documentation: the workflows that it waits for are to be named; without them nothing starts",
    ),
    Known("no group", "ours", "`(concurrency|group)` must not be empty", "the service: the name cannot be empty"),
    Known("no label", "ours", r"`(runs-on|labels)` (must name|needs)", "nothing could ever run such a job"),
    Known("uses", "ours", "`uses` must be|`uses: .*` needs a version", "the service: expected format"),
    Known(
        "the place of a workflow",
        "ours",
        "`uses` of a job",
        "the service: workflows lie at the top of .github/workflows, and local ones have no version",
    ),
    Known("shell", "ours", "unknown shell", "the runner: invalid shell option; said before the step is reached"),
    Known("text for a mapping", "ours", r".* text around an expression", "it would be text when it is evaluated"),
    Known(
        "matrix",
        "ours",
        r"a matrix must define|the matrix vector .* does not|the `exclude` key|the matrix has",
        "the service",
    ),
    Known("expressions as keys", "ours", "an expression (as a key|for the whole)", "the model has no room for it"),
    Known(
        "mappings by an expression",
        "ours",
        r"`(defaults|concurrency)` must be a mapping, not the string '.*\$\{\{",
        "the model has no room for it",
    ),
    Known("credentials", "ours", "`credentials` needs", "no registry takes half of them"),
    Known(
        "image", "ours", "(`container`|a service) needs the key `image`", "the service: container image cannot be empty"
    ),
    Known("queue", "ours", "`queue: max` lets everything wait", "GitHub's documentation of `queue`"),
    Known("parallel of nothing", "ours", "`parallel` must hold", "as for `steps`"),
    Known(
        "waits for what is in the foreground",
        "ours",
        "`(wait|cancel)` names the step .*, which has no `background",
        "GitHub's documentation: the id of a background step",
    ),
    Known(
        "defaults of inputs",
        "ours",
        r"the default (of a number|must be one)",
        "the service checks the default of an input by its type and options",
    ),
    Known(
        "several kinds", "ours", "a step has either", "said of every kind; the package tells the first one's strangers"
    ),
    Known("choice", "ours", "`options` must not be empty", "as without options"),
    Known("an id twice", "ours", r"the id .* is already used", "the runner compares ids without case, in blocks too"),
    Known("a secret's name", "ours", "the secret .* is always there", "the service: reserved"),
    Known("snapshot", "ours", "`version` must be a major version", "the service: expected format"),
    Known("runs-on group", "ours", "`group` must be a name", "the service"),
    Known("schedule", "ours", "`schedule` must hold", "a schedule without a time starts nothing"),
    Known(
        "filters together",
        "ours",
        "`(branches|tags|paths)` and `.*-ignore` cannot be used together",
        "GitHub's documentation of filters; the service refuses the file",
    ),
    Known("negation alone", "ours", "`.*` needs at least one pattern without `!`", "GitHub's documentation of filters"),
    Known("patterns", "ours", "invalid pattern", "the service checks them as the documentation's cheat sheet has them"),
    Known("time zones", "ours", "`.*` is no time zone", "the service: IANA's names"),
    Known("a number as text", "ours", "`default` must be a number", "the service reads it by the input's type"),
    Known("empty image", "ours", "the image must not be empty|`uses: .*` names no image", "the service"),
    Known("a folder above", "ours", "a local action's path begins", "the service: expected format"),
    Known("tags", "ours", "the tag .* is not allowed|.* is no value for the tag", "the service refuses explicit tags"),
    Known("empty filters", "ours", "an entry of `(include|exclude)` must not be empty", "the service"),
    Known(
        "depth", "ours", "nested more than|more than .* values once aliases", "the service: maximum object depth, nodes"
    ),
    Known(
        "env by an expression",
        "theirs",
        r"Unexpected type 'BasicExpressionToken' encountered while reading '(job env|step env|services)'",
        "the schema and the service take one expression for the whole mapping",
    ),
    Known(
        "repository_dispatch by its name",
        "theirs",
        "Unexpected value 'repository_dispatch'",
        "a mistake in the package's schema; GitHub's documentation has it",
    ),
    Known(
        "an input without settings",
        "theirs",
        "Unexpected value ''|Unexpected type 'NullToken' encountered while reading '(workflow dispatch|input config)",
        "the service takes `inputs:` and an input without a value for such without settings",
    ),
    Known(
        "default of a string input",
        "theirs",
        r"Unexpected type '(Number|Boolean)Token' encountered while reading 'input default'. The type 'StringToken'",
        "a number as the default of a string is that number's text",
    ),
    Known(
        "default null", "theirs", "Unexpected type 'NullToken' encountered while reading 'input default'", "no default"
    ),
    Known(
        "no job without needs",
        "theirs",
        "The workflow must contain at least one job with no dependencies",
        "each need that is unknown or goes round in a circle is told where it stands",
    ),
    Known("needs", "theirs", "Job '.*' depends on (unknown )?job", "the service compares the ids of jobs without case"),
    Known("ids", "theirs", "Step references unknown step ID", "ids are compared without case, as in `steps.<id>`"),
    Known(
        "what is in a parallel block",
        "theirs",
        "'.*' is not allowed inside a parallel block|Nested 'parallel' blocks are not allowed",
        "ours stands at the key, theirs at the block",
    ),
)


def ours_that_count(problems: list[Problem]) -> list[Problem]:
    known = [entry for entry in KNOWN if entry.side == "ours"]
    return [problem for problem in problems if not any(entry.says(problem.message) for entry in known)]


def theirs_that_count(complaints: list[Complaint]) -> list[Complaint]:
    known = [entry for entry in KNOWN if entry.side == "theirs"]
    return [complaint for complaint in complaints if not any(entry.says(complaint.message) for entry in known)]
