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
    Known(
        "no event",
        "ours",
        "`on` must name at least one event",
        "the service refuses it too: no event triggers defined in `on`",
    ),
    Known(
        "no steps",
        "ours",
        r"a job needs the key `steps`|`steps` must hold",
        "the service refuses it too: no steps defined in `steps`",
    ),
    Known(
        "workflow_run of nothing",
        "ours",
        "`workflow_run` needs `workflows`",
        "GitHub's documentation: the workflows that it waits for are to be named; without them nothing starts",
    ),
    Known(
        "no group",
        "ours",
        "`(concurrency|group)` must not be empty",
        "the service refuses the empty name when the run starts",
    ),
    Known("no label", "ours", r"`(runs-on|labels)` (must name|needs)", "nothing could ever run such a job"),
    Known(
        "uses",
        "ours",
        "`uses` must be|`uses: .*` needs a version",
        "the service refuses it too: expected format {org}/{repo}[/path]@ref",
    ),
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
        "the service refuses it too: a vector without values, no vector, a strange key of `exclude`, over 256",
    ),
    Known(
        "expressions as keys",
        "ours",
        "an expression (as a key|for the whole)",
        "in a mapping whose keys are fixed; nobody has been seen to write that, and it is refused by name",
    ),
    Known(
        "mappings by an expression",
        "ours",
        r"`(defaults|concurrency)` must be a mapping, not the string '.*\$\{\{",
        "text around an expression, which could never become a mapping",
    ),
    Known("credentials", "ours", "`credentials` needs", "no registry takes half of them"),
    Known(
        "image",
        "ours",
        "(`container`|a service) needs the key `image`",
        "the service refuses it too: container image cannot be empty",
    ),
    Known(
        "queue",
        "ours",
        "`queue: max` lets everything wait",
        "GitHub's documentation: `queue: max` and `cancel-in-progress: true` exclude each other",
    ),
    Known("parallel of nothing", "ours", "`parallel` must hold", "nothing would run; as for `steps`"),
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
    Known("choice", "ours", "`options` must not be empty", "a choice without options cannot be made"),
    Known("an id twice", "ours", r"the id .* is already used", "the runner compares ids without case, in blocks too"),
    Known(
        "a secret's name", "ours", "the secret .* is always there", "the service refuses it too: the name is reserved"
    ),
    Known(
        "snapshot", "ours", "`version` must be a major version", "the service refuses it too: a version such as `1.*`"
    ),
    Known(
        "runs-on group",
        "ours",
        "`group` must be a name",
        "the service refuses it too: only `org/` and `enterprise/` and their long forms stand before a group",
    ),
    Known("schedule", "ours", "`schedule` must hold", "a schedule without a time starts nothing"),
    Known(
        "filters together",
        "ours",
        "`(branches|tags|paths)` and `.*-ignore` cannot be used together",
        "GitHub's documentation of filters; the service refuses the file",
    ),
    Known("negation alone", "ours", "`.*` needs at least one pattern without `!`", "GitHub's documentation of filters"),
    Known("patterns", "ours", "invalid pattern", "the service checks them as the documentation's cheat sheet has them"),
    Known("time zones", "ours", "`.*` is no time zone", "the service knows the names of the IANA database alone"),
    Known(
        "a number as text", "ours", "`default` must be a number", "the service reads a default by the type of its input"
    ),
    Known(
        "empty image",
        "ours",
        "the image must not be empty|`uses: .*` names no image",
        "the service refuses it too: container image cannot be empty",
    ),
    Known(
        "a folder above",
        "ours",
        "a local action's path begins",
        "the service refuses it too: a local path begins with `./`",
    ),
    Known(
        "tags",
        "ours",
        "the tag .* is not allowed|.* is no value for the tag",
        "the service takes the tags of YAML's core schema on plain values that fit, and no other",
    ),
    Known(
        "empty filters",
        "ours",
        "an entry of `(include|exclude)` must not be empty",
        "the service refuses it too: a filter must not be empty",
    ),
    Known(
        "depth",
        "ours",
        "nested more than|more than .* values once aliases",
        "the service refuses it too: more than 50 levels, more than 50,000 nodes",
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
