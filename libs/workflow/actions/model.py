"""`action.yml` as frozen values: what was written, checked. Strings may hold `${{ }}`; nothing here is evaluated.

Source: GitHub's "Metadata syntax for GitHub Actions".
"""

import msgspec

from libs.workflow.model import Step, Template

always = "always()"
"""When `pre` and `post` run where the file does not say it."""


class Input(msgspec.Struct, frozen=True):
    """`default` None means that there is none: the action is given the empty string."""

    name: str
    default: Template = None
    required: bool = False
    deprecation: str = ""


class JavaScript(msgspec.Struct, frozen=True):
    """`main`, `pre` and `post` are files, relative to the action's folder. `major` is the version of Node.js."""

    major: int
    main: str
    pre: str | None = None
    pre_if: str = always
    post: str | None = None
    post_if: str = always


class Composite(msgspec.Struct, frozen=True):
    """Steps with `run` (and then `shell`) or `uses`."""

    steps: tuple[Step, ...]


class Docker(msgspec.Struct, frozen=True):
    """`image` is `Dockerfile`, a path to one, or `docker://image`."""

    image: str
    entrypoint: str | None = None
    args: tuple[str, ...] = ()
    env: dict[str, Template] = {}
    pre_entrypoint: str | None = None
    pre_if: str = always
    post_entrypoint: str | None = None
    post_if: str = always


Runs = JavaScript | Composite | Docker


class Action(msgspec.Struct, frozen=True):
    """`outputs` are the templates of a composite action's; the others' come from what they run."""

    file: str
    name: str
    inputs: tuple[Input, ...]
    outputs: dict[str, str]
    runs: Runs

    @property
    def has_pre(self) -> bool:
        """Of itself; what a composite action's steps bring is known when they are read."""
        match self.runs:
            case JavaScript():
                return self.runs.pre is not None
            case Docker():
                return self.runs.pre_entrypoint is not None
            case Composite():
                return False

    @property
    def has_post(self) -> bool:
        match self.runs:
            case JavaScript():
                return self.runs.post is not None
            case Docker():
                return self.runs.post_entrypoint is not None
            case Composite():
                return False
