"""Workflows to ask ours and GitHub's parser about: valid ones from the grammar, and such with a mistake put in.

Hypothesis gives the randomness and nothing else, as for the expressions. A workflow is a tree of Python values; YAML's
own dumper writes it, so that what is compared is the language and not YAML (`odd_yaml` has that).
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, cast

import yaml
from hypothesis import strategies as st

from libs.workflow.events import activity_types
from libs.workflow.reading.settings import permission_scopes

Tree = Any
"""What YAML can say, as the yaml library writes it."""
Holder = dict[Any, Any] | list[Any]

EMPTY: Tree = {}
WORDS = ("a", "b", "main", "build", "1.0", "x y", "v*", "releases/**", "yes", "on", "é", "docs/**")
SCALARS = (None, True, False, 0, 1, -1, 1.5, "", "a", "true", "1", "null", "~", 2**60, float("inf"))
BY_CONTEXTS = {
    "event": ("github.ref", "inputs.a", "vars.b", "github.event.x['y']"),
    "job": ("github.ref", "needs.a.outputs.b", "matrix.os", "strategy.job-index", "inputs.a", "vars.b"),
    "step": ("steps.a.outputs.b", "secrets.A", "env.B", "runner.os", "job.status", "hashFiles('a')", "github.ref"),
}
FOREIGN = (
    "secrets.A",
    "steps.a",
    "env.A",
    "runner.os",
    "jobs.a",
    "githubb.ref",
    "foo()",
    "success()",
    "hashFiles('x')",
)


class Writer:
    """Draws one workflow."""

    def __init__(self, random: Random) -> None:
        self.random = random

    def workflow(self) -> Tree:
        tree: dict[str, Tree] = {"on": self.on(), "jobs": self.jobs()}
        self.maybe(tree, "name", self.word)
        self.maybe(tree, "run-name", lambda: self.text("event"))
        self.maybe(tree, "env", lambda: self.env("event"))
        self.maybe(tree, "permissions", self.permissions)
        self.maybe(tree, "concurrency", lambda: self.concurrency("event"))
        self.maybe(tree, "defaults", self.defaults)
        return tree

    # Pieces

    def word(self) -> str:
        return self.random.choice(WORDS)

    def words(self) -> Tree:
        return self.word() if self.chance(0.3) else [self.word() for _ in range(self.random.randint(1, 3))]

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def maybe(self, tree: dict[str, Tree], key: str, make: Callable[[], Tree], probability: float = 0.2) -> None:
        if self.chance(probability):
            tree[key] = make()

    def expression(self, where: str) -> str:
        pool = BY_CONTEXTS[where]
        inner = self.random.choice(pool)
        if self.chance(0.3):
            inner = f"{inner} {self.random.choice(('==', '&&', '||', '<'))} {self.random.choice(pool)}"
        return f"${{{{ {inner} }}}}"

    def text(self, where: str) -> str:
        return self.random.choice((self.word(), self.expression(where), f"{self.word()} {self.expression(where)}"))

    def flag(self, where: str) -> bool | str:
        return self.random.choice((True, False, self.expression(where)))

    def number(self, where: str) -> float | str:
        return self.random.choice((1, 30, 2.5, self.expression(where)))

    def env(self, where: str) -> Tree:
        if self.chance(0.1):
            return self.expression(where)
        values = (1, True, None, self.text(where), self.expression(where))
        return {self.random.choice(("A", "B_1", "C-D")): self.random.choice(values) for _ in range(2)}

    # The top

    def on(self) -> Tree:
        names = sorted(activity_types)
        if self.chance(0.3):
            return self.random.choice(names)
        if self.chance(0.2):
            return self.random.sample(names, self.random.randint(1, 4))
        return {name: self.event(name) for name in self.random.sample(names, self.random.randint(1, 4))}

    def event(self, name: str) -> Tree:
        match name:
            case "schedule":
                crons = ("0 0 * * *", "*/15 1-5 1,15 JAN-MAR MON", "30 5 * * 1-5", "5/10 * * * *")
                entry: dict[str, Tree] = {"cron": self.random.choice(crons)}
                self.maybe(entry, "timezone", lambda: "Europe/Berlin")
                return [entry]
            case "workflow_dispatch":
                return None if self.chance(0.3) else {"inputs": {self.word(): self.dispatch_input() for _ in range(2)}}
            case "workflow_call":
                return None if self.chance(0.3) else self.call_trigger()
            case "workflow_run":
                return {"workflows": self.words(), **self.filters(name, ("branches",))}
            case "push":
                return None if self.chance(0.2) else self.filters(name, ("branches", "tags", "paths"))
            case "pull_request" | "pull_request_target":
                return None if self.chance(0.2) else self.filters(name, ("branches", "paths"))
            case "merge_group":
                return None if self.chance(0.2) else self.filters(name, ("branches",))
            case "repository_dispatch":
                return None if self.chance(0.3) else {"types": [self.word()]}
            case "image_version":
                return {"names": self.words(), "versions": self.words(), **self.filters(name, ())}
            case _:
                return self.filters(name, ()) or None

    def filters(self, name: str, kinds: tuple[str, ...]) -> dict[str, Tree]:
        found: dict[str, Tree] = {}
        types = activity_types[name]
        if types:
            self.maybe(found, "types", lambda: self.random.sample(types, self.random.randint(1, min(3, len(types)))))
        for kind in kinds:
            self.maybe(found, kind + self.random.choice(("", "-ignore")), self.words, 0.4)
        return found

    def dispatch_input(self) -> Tree:
        type_ = self.random.choice(("string", "boolean", "number", "choice", "environment"))
        made: dict[str, Tree] = {"type": type_}
        self.maybe(made, "description", self.word)
        self.maybe(made, "required", lambda: self.chance(0.5))
        if type_ == "choice":
            made["options"] = ["p", "q"]
        defaults: dict[str, Tree] = {"string": "s", "boolean": True, "number": 5, "choice": "p", "environment": "e"}
        self.maybe(made, "default", lambda: defaults[type_])
        return made

    def call_trigger(self) -> Tree:
        made: dict[str, Tree] = {}
        type_ = self.random.choice(("string", "boolean", "number"))
        defaults: dict[str, Tree] = {"string": self.text("event"), "boolean": False, "number": 2}
        entry: dict[str, Tree] = {"type": type_}
        self.maybe(entry, "required", lambda: True)
        self.maybe(entry, "default", lambda: defaults[type_])
        self.maybe(made, "inputs", lambda: {"a": entry}, 0.7)
        self.maybe(made, "secrets", lambda: {"s": self.random.choice((None, {"required": True}))}, 0.5)
        self.maybe(made, "outputs", lambda: {"o": {"value": "${{ jobs.a.outputs.o }}", "description": "d"}}, 0.5)
        return made or None

    def permissions(self) -> Tree:
        if self.chance(0.3):
            return self.random.choice(("read-all", "write-all", EMPTY))
        scopes = self.random.sample(sorted(permission_scopes), 3)
        return {scope: self.random.choice(permission_scopes[scope]) for scope in scopes}

    def concurrency(self, where: str) -> Tree:
        if self.chance(0.4):
            return self.text(where)
        made: dict[str, Tree] = {"group": self.text(where)}
        self.maybe(made, "cancel-in-progress", lambda: self.flag(where), 0.5)
        if made.get("cancel-in-progress") is not True:
            self.maybe(made, "queue", lambda: self.random.choice(("single", "max")))
        return made

    def defaults(self) -> Tree:
        return {"run": {"shell": "bash", "working-directory": "a"}}

    # Jobs

    def jobs(self) -> Tree:
        names = self.random.sample(("a", "b", "build-1", "_x", "Test"), self.random.randint(1, 4))
        made: dict[str, Tree] = {}
        for name in names:
            job = self.call() if self.chance(0.2) else self.job()
            if made and self.chance(0.5):
                earlier = self.random.sample(sorted(made), self.random.randint(1, len(made)))
                job["needs"] = earlier[0] if self.chance(0.3) else earlier
            made[name] = job
        return made

    def common(self, job: dict[str, Tree]) -> dict[str, Tree]:
        self.maybe(job, "name", lambda: self.text("job"))
        self.maybe(job, "if", self.job_if)
        self.maybe(job, "strategy", self.strategy, 0.3)
        self.maybe(job, "permissions", self.permissions)
        self.maybe(job, "concurrency", lambda: self.concurrency("job"))
        return job

    def job_if(self) -> Tree:
        choices = (
            "always()",
            "github.ref == 'a'",
            "${{ failure() && needs.a.result }}",
            "success('a')",
            True,
            "!cancelled()",
        )
        return self.random.choice(choices)

    def call(self) -> dict[str, Tree]:
        uses = ("./.github/workflows/a.yml", "o/r/.github/workflows/b.yaml@v1", "$/.github/workflows/c.yml")
        job: dict[str, Tree] = {"uses": self.random.choice(uses)}
        self.maybe(job, "with", lambda: {"a": self.random.choice((1, "x", True, self.expression("job")))}, 0.5)
        self.maybe(job, "secrets", lambda: self.random.choice(("inherit", {"s": "${{ secrets.A }}"})), 0.5)
        return self.common(job)

    def job(self) -> dict[str, Tree]:
        job: dict[str, Tree] = {"runs-on": self.runs_on(), "steps": self.steps()}
        self.maybe(job, "env", lambda: self.env("event"))
        self.maybe(job, "timeout-minutes", lambda: self.number("job"))
        self.maybe(job, "cancel-timeout-minutes", lambda: self.number("job"))
        self.maybe(job, "continue-on-error", lambda: self.flag("job"))
        self.maybe(job, "defaults", self.defaults)
        self.maybe(job, "outputs", lambda: {"o": "${{ steps.a.outputs.b }}"})
        self.maybe(job, "environment", self.environment)
        self.maybe(job, "container", lambda: self.container(service=False))
        self.maybe(job, "services", lambda: {"db": self.container(service=True)})
        self.maybe(job, "snapshot", lambda: self.random.choice(("img", {"image-name": "i", "version": "1.*"})), 0.05)
        return self.common(job)

    def runs_on(self) -> Tree:
        choices = ("ubuntu-latest", ["self-hosted", "linux"], {"group": "g"}, {"labels": ["a"]}, self.expression("job"))
        return self.random.choice(choices)

    def strategy(self) -> Tree:
        made: dict[str, Tree] = {}
        self.maybe(made, "matrix", self.matrix, 0.9)
        self.maybe(made, "fail-fast", lambda: self.random.choice((True, False, "${{ github.ref == 'x' }}")))
        self.maybe(made, "max-parallel", lambda: self.random.choice((1, 5, "${{ vars.n }}")))
        return made

    def matrix(self) -> Tree:
        if self.chance(0.15):
            return "${{ fromJSON(needs.a.outputs.m) }}"
        made: dict[str, Tree] = {"os": ["p", "q"]}
        self.maybe(made, "v", lambda: self.random.choice(([1, 2, 3], "${{ fromJSON(vars.v) }}", [{"x": 1}])), 0.5)
        self.maybe(made, "include", lambda: [{"os": "r", "extra": True}])
        self.maybe(made, "exclude", lambda: [{"os": "p"}])
        return made

    def environment(self) -> Tree:
        made: dict[str, Tree] = {"name": self.text("job")}
        self.maybe(made, "url", lambda: "https://x/${{ steps.a.outputs.b }}", 0.5)
        self.maybe(made, "deployment", lambda: self.flag("job"))
        return self.random.choice(("prod", self.expression("job"), made))

    def container(self, *, service: bool) -> Tree:
        if self.chance(0.4):
            return self.random.choice(("alpine:3", self.expression("job"), f"node:{self.expression('job')}"))
        made: dict[str, Tree] = {"image": self.text("job")}
        self.maybe(made, "env", lambda: {"A": self.random.choice(("${{ secrets.A }}", "x", 1))})
        self.maybe(made, "ports", lambda: [80, "8080:80"])
        self.maybe(made, "volumes", lambda: ["/a:/b"])
        self.maybe(made, "options", lambda: "--cpus 1")
        self.maybe(made, "credentials", lambda: {"username": "u", "password": "${{ secrets.P }}"})
        if service:
            self.maybe(made, "entrypoint", lambda: "/e")
            self.maybe(made, "command", lambda: "-v")
        return made

    # Steps

    def steps(self) -> Tree:
        made: list[Tree] = [self.step() for _ in range(self.random.randint(1, 3))]
        if self.chance(0.2):
            made = [{"id": "bg", "run": "x", "background": True}, *made, self.control()]
        if self.chance(0.1):
            made.append({"parallel": [self.step(inside=True), {"run": "y"}]})
        return made

    def control(self) -> Tree:
        step = self.random.choice(({"wait": "bg"}, {"wait": ["bg"]}, {"wait-all": None}, {"cancel": "bg"}))
        self.maybe(step, "name", self.word)
        self.maybe(step, "continue-on-error", lambda: self.flag("step"))
        return step

    def step(self, *, inside: bool = False) -> Tree:
        if self.chance(0.4):
            uses = ("actions/checkout@v4", "./a", "$/a", "docker://alpine:3", "o/r/p@main")
            step: dict[str, Tree] = {"uses": self.random.choice(uses)}
            self.maybe(
                step, "with", lambda: self.random.choice(({"a": self.text("step"), "b": 1}, self.expression("step")))
            )
        else:
            step = {
                "run": self.random.choice(
                    ("echo", f"echo {self.expression('step')}", "a\nb\n", "echo '${{ github.ref }}'\nx\n")
                )
            }
            self.maybe(step, "shell", lambda: self.random.choice(("bash", "sh", "python", "pwsh", "perl {0}")))
            self.maybe(step, "working-directory", lambda: self.text("step"))
        self.maybe(step, "name", lambda: self.text("step"))
        self.maybe(step, "id", lambda: f"s{self.random.randrange(10**6)}")
        self.maybe(
            step, "if", lambda: self.random.choice(("always()", "steps.a.outcome == 'x'", "${{ env.A }}", False))
        )
        self.maybe(step, "env", lambda: self.env("step"))
        self.maybe(step, "continue-on-error", lambda: self.flag("step"))
        self.maybe(step, "timeout-minutes", lambda: self.number("step"))
        if not inside:
            self.maybe(step, "background", lambda: self.chance(0.5), 0.1)
        return step


class Spoiler:
    """Puts a mistake (or what might be one) at a place of a tree."""

    def __init__(self, random: Random) -> None:
        self.random = random

    def spoil(self, tree: Tree) -> Tree:
        places = list(_places(tree))
        holder, key = self.random.choice(places)
        if isinstance(key, str) and self.chance(0.3):
            self._spoil_key(holder, key)
        else:
            holder[key] = self._value(holder[key], places)
        return tree

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def _spoil_key(self, holder: dict[Any, Any], key: Any) -> None:
        value = holder.pop(key)
        if self.chance(0.5):
            holder[self.random.choice((f"{key}x", str(key).upper(), "unknown", "${{ github.ref }}"))] = value

    def _value(self, value: Tree, places: list[tuple[Any, Any]]) -> Tree:
        match self.random.randrange(4):
            case 0:
                return self.random.choice(SCALARS)
            case 1:
                wrapped: tuple[Tree, ...] = ([], {}, [value], {"a": value})
                return self.random.choice(wrapped)
            case 2:
                return f"${{{{ {self.random.choice(FOREIGN)} }}}}"
            case _:
                other, key = self.random.choice(places)
                return other[key] if isinstance(other[key], str | int | None) else "z"


def _places(tree: Tree) -> list[tuple[Any, Any]]:
    """Every mapping and list with each of its keys and indices."""
    found: list[tuple[Any, Any]] = []
    waiting: list[Holder] = [tree]
    while waiting:
        node = waiting.pop()
        items: list[tuple[Any, Any]] = list(node.items() if isinstance(node, dict) else enumerate(node))
        found.extend((node, key) for key, _ in items)
        waiting.extend(cast(Holder, value) for _, value in items if isinstance(value, dict | list))
    return found


def written(tree: Tree) -> str:
    return yaml.safe_dump(tree, sort_keys=False, allow_unicode=True, width=10_000)


def _valid(random: Random) -> str:
    return written(Writer(random).workflow())


def _spoilt(random: Random) -> str:
    tree = Writer(random).workflow()
    for _ in range(random.choice((1, 1, 1, 2))):
        tree = Spoiler(random).spoil(tree)
    return written(tree)


valid: st.SearchStrategy[str] = st.randoms(use_true_random=True).map(_valid)
spoilt: st.SearchStrategy[str] = st.randoms(use_true_random=True).map(_spoilt)
