"""`.travis.yml`: the phases, the versions of one language and the branches are carried over.

Travis' own words: https://docs.travis-ci.com/user/job-lifecycle/. What it does without being told (the install command
of a language, its default script) is a gap: nothing of it stands in the file.
"""

from __future__ import annotations

import shlex

from libs.workflow.nodes import Mapping, Node, Sequence
from services.model.drafting.commands import Command, Phase, steps_of
from services.model.drafting.draft import CHECKOUT, Draft, Gap, Job, SourceFile, Step, kept, variables
from services.model.drafting.tree import fields, read_tree, text_of, texts

_PHASES = (
    ("before_install", "Before the install", ""),
    ("install", "Install", ""),
    ("before_script", "Before the script", ""),
    ("script", "Run the script", ""),
    ("after_success", "After success", "success()"),
    ("after_failure", "After failure", "failure()"),
    ("after_script", "After the script", "always()"),
)
_LANGUAGES = {
    "python": ("python", "actions/setup-python@v5", "python-version", ()),
    "node_js": ("node_js", "actions/setup-node@v4", "node-version", ()),
    "go": ("go", "actions/setup-go@v5", "go-version", ()),
    "ruby": ("rvm", "ruby/setup-ruby@v1", "ruby-version", ()),
    "java": ("jdk", "actions/setup-java@v4", "java-version", (("distribution", "temurin"),)),
}
"""Language -> the key of its versions, the action that installs one, that action's input, its other inputs."""
_CARRIED = frozenset(
    {"language", "branches", "sudo", "os", "dist", "version", "env", *(name for name, _, _ in _PHASES)}
)
_SKIPS = ("true", "skip", "", "echo skip")
VERSIONS = 20


def read(file: SourceFile) -> Draft:
    root, gaps = read_tree(file)
    top = fields(root)
    language = text_of(top.get("language"))
    setup, matrix, more = _setup(top, language)
    steps, refused = steps_of([Phase(words, _commands(top.get(name)), when) for name, words, when in _PHASES])
    env, about = _env(top.get("env"))
    gaps += [*more, *refused, *about, *_defaults(top, language), *_not_carried(top, language)]
    job = Job("build", (CHECKOUT, *setup, *steps), env=(), matrix=matrix)
    only = texts(fields(top.get("branches")).get("only"))
    branches = tuple(scalar.text for scalar in only if _is_branch(scalar.text))
    return Draft(file.path, (job,) if steps or setup else (), tuple(gaps), branches, env=tuple(env))


def _commands(node: Node | None) -> tuple[Command, ...]:
    return tuple(Command(each.text, each.line) for each in texts(node) if each.text.strip() not in _SKIPS)


def _setup(
    top: dict[str, Node], language: str
) -> tuple[list[Step], tuple[tuple[str, tuple[str, ...]], ...], list[Gap]]:
    """The step that installs the language, and its versions as a matrix where there are several."""
    if language not in _LANGUAGES:
        known = language in ("", "generic", "minimal", "bash", "shell", "sh")
        return [], (), [] if known else [Gap(f"the language {language[:40]!r}, which Travis installs by itself")]
    key, uses, name, others = _LANGUAGES[language]
    written = [scalar.text for scalar in texts(top.get(key))]
    versions = [version for version in written if version and version.replace(".", "").replace("-", "").isalnum()]
    gaps = [Gap(f"the version {each[:40]!r}") for each in written if each not in versions]
    if not versions:
        return [], (), [*gaps, Gap(f"which version of {language} it takes: the file names none")]
    several = len(versions) > 1
    value = f"${{{{ matrix.{name} }}}}" if several else versions[0]
    step = Step(f"Set up {language}", uses=uses, with_=((name, value), *others), by="engine", line=top[key].line)
    return [step], ((name, tuple(versions[:VERSIONS])),) if several else (), gaps


def _env(node: Node | None) -> tuple[list[tuple[str, str]], list[Gap]]:
    """One line of variables, or those of `global`. Several lines are a matrix of Travis' own kind."""
    if node is None:
        return [], []
    lines = list(texts(fields(node).get("global", node)))
    if isinstance(node, Mapping) and "global" not in fields(node):
        return [], [Gap("`env` with a matrix, which makes a job of each line", node.line)]
    if len(lines) > 1 and not isinstance(node, Mapping):
        return [], [Gap("`env` of several lines, which makes a job of each", node.line)]
    gaps = [Gap("`env.jobs`, which makes a job of each line", node.line)] * any(
        name in fields(node) for name in ("jobs", "matrix")
    )
    if any("secure" in fields(item) for item in _items(fields(node).get("global", node))):
        gaps.append(Gap("encrypted variables: set them as secrets (`firebreak secrets set`)", node.line))
    entries = [entry for line in lines for entry in _assignments(line.text, line.line)]
    env, more = variables(entries)
    return env, [*gaps, *more]


def _items(node: Node | None) -> tuple[Node, ...]:
    return node.items if isinstance(node, Sequence) else ()


def _assignments(text: str, line: int) -> list[tuple[str, str, int]]:
    try:
        words = shlex.split(text)
    except ValueError:
        words = text.split()
    return [(name, value, line) for name, equals, value in (word.partition("=") for word in words) if equals]


def _defaults(top: dict[str, Node], language: str) -> list[Gap]:
    """What Travis would run by itself."""
    missing = [name for name in ("install", "script") if name not in top]
    if not missing or language in ("", "generic", "minimal", "shell", "bash", "sh"):
        return []
    return [Gap(f"the default {' and '.join(missing)} of {language[:40]}, which the file leaves to Travis")]


def _not_carried(top: dict[str, Node], language: str) -> list[Gap]:
    key = _LANGUAGES[language][0] if language in _LANGUAGES else ""
    gaps = [Gap(f"`{name[:60]}`", node.line) for name, node in top.items() if name not in _CARRIED | {key}]
    for scalar in texts(top.get("os")):
        if scalar.text != "linux":
            gaps.append(Gap(f"the system {scalar.text[:40]!r}: the draft is for Linux", scalar.line))
    if "except" in fields(top.get("branches")):
        gaps.append(Gap("`branches.except`", top["branches"].line))
    return gaps


def _is_branch(text: str) -> bool:
    return (
        bool(text) and not text.startswith("/") and text.isprintable() and not text.startswith("!") and not kept(text)
    )
