"""`firebreak propose`: a first workflow for a repository without one. What its files say is carried over as it stands,
a language model is asked for what is left, and nothing of either is run, committed or sent anywhere but to the model.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from pathlib import Path

import click
import msgspec
from msgspec.structs import replace

from libs.settings import Settings, read_settings
from libs.workflow.lint import lint
from libs.workflow.problems import Problem
from services.cli import outcome
from services.cli.words import plain
from services.model.asking import open_asking
from services.model.drafting import filling, finding
from services.model.drafting.draft import Draft, SourceFile
from services.model.drafting.writing import gap_text, workflow_text
from services.model.llm.wire import Silent
from services.model.question import Malformed
from services.model.shell_syntax import syntax_error

PATH = ".github/workflows/ci.yml"
FILE_BYTES = 64 * 1024
"""Of each file that is read: files of CI are a hundredth of that."""
NO_MODEL = (
    "no model is configured: set USE_LLM_PARSER=true, and OLLAMA_BASE_URL and OLLAMA_MODEL, or OPENROUTER_API_KEY; "
    "--no-model drafts without one"
)
NOTHING = (
    "there is nothing to draft from: no .gitlab-ci.yml, .travis.yml, Jenkinsfile or Makefile, and no manifest of a "
    "language that is known"
)


class Asked(msgspec.Struct, frozen=True):
    """What became of asking: the draft as it is now; the model where its words are in it; why they are not."""

    draft: Draft
    model: str = ""
    note: str = ""
    code: int = outcome.OK


@click.command("propose")
@click.argument("directory", metavar="[DIR]", default=".", type=click.Path(path_type=Path))
@click.option("--from", "source", metavar="FILE", help="Of several files of other CIs, the one to draft from.")
@click.option("--no-model", is_flag=True, help="Only what can be carried over without a model.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write the draft to a new file.")
@click.option("--json", "as_json", is_flag=True, help="Print the draft, its steps, gaps and problems as JSON.")
def command(directory: Path, source: str | None, output: Path | None, *, no_model: bool, as_json: bool) -> int:
    """Draft a workflow for a repository that has none, from another CI's file or from what it is made of.

    It reads .gitlab-ci.yml, .travis.yml, Jenkinsfile or Makefile (the first that is there), else the manifests at
    the top. Commands are carried over word for word; what cannot be carried over is named. A language model, where one
    is configured, is asked for at most 5 steps for the rest; they are marked as its words. The draft is checked like
    `firebreak lint` does before it is shown. Nothing is run, committed or pushed.

    Example: firebreak propose . --no-model > .github/workflows/ci.yml
    """
    files, chosen = _files(directory, source)
    settings = read_settings(os.environ)
    if not no_model and not settings.use_llm:
        raise outcome.Usage(NO_MODEL)
    draft = finding.draft_of(files, chosen)
    asked = Asked(draft) if no_model else asyncio.run(_asked(draft, _told(files, chosen), settings))
    if not asked.draft.jobs:
        raise _nothing(asked)
    text = workflow_text(asked.draft, asked.model, asked.note)
    problems = lint(PATH, text.encode())
    _check(problems)
    _show(asked, text, problems, output, as_json=as_json)
    return outcome.OK


def _files(directory: Path, source: str | None) -> tuple[dict[str, SourceFile], str]:
    """What is at the top of the repository, by name; and which file of another CI is taken, empty for none."""
    if not directory.is_dir():
        raise outcome.Usage(f"{directory} is no directory: name the one of a repository")
    there = directory / ".github" / "workflows"
    if there.is_dir() and any(file.suffix in (".yml", ".yaml") for file in there.iterdir()):
        raise outcome.Usage(f"{there} holds workflows already: `firebreak lint` checks them")
    files = {name: read for name in finding.ALL if (read := _read(directory, name)) is not None}
    if source is None:
        return files, next(iter(finding.sources(files)), "")
    if source not in finding.READERS:
        raise outcome.Usage(f"--from takes one of {', '.join(finding.READERS)}")
    if source not in files:
        raise outcome.Usage(f"there is no {source} in {directory}")
    return files, source


def _read(directory: Path, name: str) -> SourceFile | None:
    """None for what is no file of its own: a link may lead anywhere, and what is read may be sent to a model."""
    path = directory / name
    try:
        if path.is_symlink() or not path.is_file():
            return None
        with path.open("rb") as stream:
            content = stream.read(FILE_BYTES + 1)
    except OSError as error:
        raise outcome.Usage(f"{path} cannot be read: {error.strerror}") from None
    text = content[:FILE_BYTES].decode("utf-8-sig", "replace").replace("\r\n", "\n")
    return SourceFile(name, text, cut=len(content) > FILE_BYTES)


def _told(files: Mapping[str, SourceFile], chosen: str) -> list[SourceFile]:
    """What a model may read."""
    return [files[chosen]] if chosen else [files[name] for name in finding.TOLD if name in files]


async def _asked(draft: Draft, files: list[SourceFile], settings: Settings) -> Asked:
    """Raises Unreachable where nobody answers."""
    if draft.jobs and not draft.gaps:
        click.echo("Everything is carried over: no model is asked.", err=True)
        return Asked(draft)
    if not files:
        return Asked(draft)
    question, cut = filling.question_of(draft, files, settings.llm_tokens)
    async with open_asking(settings) as asking:
        where = "hosted by somebody else" if asking.hosted else "your own"
        click.echo(f"Asking {asking.model}, which is {where}{', with a part of the file' if cut else ''}.", err=True)
        reply = await asking.ask(question)
        model = asking.model
    if isinstance(reply, Silent):
        if reply.kind in ("down", "slow"):
            raise outcome.Unreachable(f"{model} gave no answer ({reply.kind}): {reply.why}; --no-model drafts without")
        return _refused(draft, model, f"{reply.kind}: {reply.why}")
    try:
        done = await filling.filled(draft, files, reply.content, syntax_error)
    except (Malformed, filling.Refused) as error:
        return _refused(draft, model, str(error))
    return Asked(done, model)


def _refused(draft: Draft, model: str, why: str) -> Asked:
    note = f"{model} was asked for the rest, and what it answered is not shown: {plain(why)}"
    click.echo(f"{note[0].upper()}{note[1:]}", err=True)
    return Asked(draft, note=note)


def _nothing(asked: Asked) -> outcome.Failed:
    gaps = "".join(f"\n  {plain(gap_text(gap))}" for gap in asked.draft.gaps[:10])
    return outcome.Usage(NOTHING if not gaps else f"nothing of it can be carried over:{gaps}")


def _check(problems: list[Problem]) -> None:
    errors = [plain(problem.render()) for problem in problems if problem.severity == "error"]
    if errors:
        raise outcome.Usage("the draft is no valid workflow, and is not shown:\n" + "\n".join(errors[:5]))


def _show(asked: Asked, text: str, problems: list[Problem], output: Path | None, *, as_json: bool) -> None:
    if output is not None:
        _write(output, text)
    if as_json:
        click.echo(json.dumps(_as_json(asked, text, problems), indent=2))
    elif output is None:
        click.echo(text, nl=False)
    warned = "".join(f"\n{plain(problem.render())}" for problem in problems)
    click.echo(f"{_summary(asked)}{warned}", err=True)


def _summary(asked: Asked) -> str:
    source = asked.draft.source or "the repository's own files"
    own = sum(step.by == "model" for job in asked.draft.jobs for step in job.steps)
    words = f", {own} in the words of {asked.model}" if asked.model else ""
    return f"A draft from {source}: {asked.draft.commands} steps{words}; {len(asked.draft.gaps)} gaps. It is valid."


def _as_json(asked: Asked, text: str, problems: list[Problem]) -> dict[str, object]:
    draft = replace(asked.draft, gaps=())
    return {
        "path": PATH,
        "source": asked.draft.source,
        "model": asked.model,
        "note": asked.note,
        "jobs": msgspec.to_builtins(draft.jobs),
        "gaps": [msgspec.to_builtins(gap) for gap in asked.draft.gaps],
        "problems": [msgspec.to_builtins(problem) for problem in problems],
        "workflow": text,
    }


def _write(output: Path, text: str) -> None:
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with output.open("x") as stream:
            stream.write(text)
    except FileExistsError:
        raise outcome.Usage(f"{output} is there already, and is not overwritten") from None
    except OSError as error:
        raise outcome.Usage(f"{output} cannot be written: {error.strerror}") from None
    click.echo(f"Written to {output}.", err=True)
