"""`firebreak run` as a stranger uses it: a real process on a real directory, its words and its exit code."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SECONDS = 60
STEP = "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - run: {run}\n"


def firebreak(*arguments: str, cwd: Path, code: int = 0) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "services.cli", *arguments]
    root = Path(__file__).parents[3]
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(cwd), "PYTHONPATH": str(root), "FROM_OUTSIDE": "leaked"}
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done


def write(folder: Path, text: str, name: str = "ci.yml") -> Path:
    path = folder / ".github" / "workflows" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@localhost"]
    done = subprocess.run(["git", *identity, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_a_success_exits_0_and_step_output_is_on_standard_output(tmp_path: Path) -> None:
    write(tmp_path, STEP.format(run="echo it ran"))
    done = firebreak("run", ".", cwd=tmp_path)
    assert "it ran" in done.stdout.splitlines()
    assert "success" in done.stderr


def test_a_failing_step_exits_1_and_says_where(tmp_path: Path) -> None:
    write(tmp_path, STEP.format(run="exit 7"))
    done = firebreak("run", ".", cwd=tmp_path, code=1)
    assert "exit code 7" in done.stderr


def test_a_broken_workflow_exits_2_with_its_place_and_the_others_still_run(tmp_path: Path) -> None:
    write(tmp_path, "on: push\njobs:\n  a:\n    stps: []\n", "bad.yml")
    write(tmp_path, STEP.format(run="echo good"), "good.yml")
    done = firebreak("run", ".", cwd=tmp_path, code=2)
    assert ".github/workflows/bad.yml:4:5: unknown key `stps`" in done.stderr
    assert "good" in done.stdout


def test_nothing_to_run_is_never_a_success(tmp_path: Path) -> None:
    write(tmp_path, STEP.format(run="echo no").replace("on: push", "on: pull_request"))
    done = firebreak("run", ".", cwd=tmp_path, code=2)
    assert "Nothing to run" in done.stderr


def test_a_dry_run_says_what_would_run_and_runs_nothing(tmp_path: Path) -> None:
    write(tmp_path, STEP.format(run="touch ran"), "a.yml")
    write(tmp_path, STEP.format(run="touch ran").replace("on: push", "on: pull_request"), "b.yml")
    done = firebreak("run", ".", "-n", "--json", cwd=tmp_path)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert rows[0] == {"workflow": ".github/workflows/a.yml", "matched": True, "reason": "", "jobs": ["a"]}
    assert (rows[1]["matched"], rows[1]["jobs"]) == (False, [])
    assert "pull_request" in rows[1]["reason"]


def test_a_dry_run_with_nothing_to_do_exits_0(tmp_path: Path) -> None:
    (tmp_path / ".github" / "workflows").mkdir(parents=True)
    firebreak("run", ".", "-n", cwd=tmp_path)


def test_json_prints_the_events_one_envelope_a_line_to_the_verdict(tmp_path: Path) -> None:
    write(tmp_path, STEP.format(run="echo hi"))
    done = firebreak("run", ".", "--json", cwd=tmp_path)
    types = [json.loads(line)["type"] for line in done.stdout.splitlines()]
    assert types[-1] == "RunFinished"
    assert {"RunPlanned", "JobQueued", "JobAssigned", "AttemptStarted", "StepFinished", "JobFinished"} <= set(types)


def test_env_vars_secrets_and_files_reach_the_steps_and_the_secret_is_masked(tmp_path: Path) -> None:
    (tmp_path / "vars").write_text('V="two words"\n')
    (tmp_path / "secrets").write_text("S=hunter2hunter2\n")
    run = "echo env=$E vars=${{ vars.V }} context=${{ env.E }} secret=${{ secrets.S }} outside=[$FROM_OUTSIDE]"
    write(tmp_path, STEP.format(run=run))
    done = firebreak("run", ".", "--env", "E=1", "--var-file", "vars", "--secret-file", "secrets", cwd=tmp_path)
    assert "env=1 vars=two words context=1 secret=*** outside=[]" in done.stdout
    assert "hunter2" not in done.stdout + done.stderr


def test_inputs_reach_a_workflow_that_is_started_by_hand(tmp_path: Path) -> None:
    text = "on:\n  workflow_dispatch:\n    inputs:\n      who:\n        required: true\n"
    write(tmp_path, STEP.format(run="echo hello ${{ inputs.who }}").replace("on: push\n", text))
    assert "hello you" in firebreak("run", ".", "-e", "workflow_dispatch", "--input", "who=you", cwd=tmp_path).stdout
    assert "who" in firebreak("run", ".", "-e", "workflow_dispatch", cwd=tmp_path, code=2).stderr


def test_one_job_is_chosen_with_what_it_needs(tmp_path: Path) -> None:
    write(
        tmp_path,
        "on: push\njobs:\n"
        "  a: {runs-on: linux, steps: [{run: echo in a}]}\n"
        "  b: {runs-on: linux, needs: a, steps: [{run: echo in b}]}\n"
        "  c: {runs-on: linux, steps: [{run: echo in c}]}\n",
    )
    done = firebreak("run", ".", "-j", "b", cwd=tmp_path)
    assert "in a" in done.stdout
    assert "in b" in done.stdout
    assert "in c" not in done.stdout
    assert "no workflow" in firebreak("run", ".", "-j", "nope", cwd=tmp_path, code=2).stderr


def test_the_matrix_is_filtered_by_the_combinations_that_have_the_key(tmp_path: Path) -> None:
    write(
        tmp_path,
        "on: push\njobs:\n  a:\n    runs-on: linux\n    strategy: {matrix: {v: [1, 2, 3]}}\n"
        "    steps: [{run: 'echo v=${{ matrix.v }}'}]\n",
    )
    done = firebreak("run", ".", "--matrix", "v:2", "--matrix", "other:x", cwd=tmp_path)
    assert "v=2" in done.stdout
    assert "v=1" not in done.stdout


def test_a_label_that_nobody_offers_ends_the_job_at_once_and_names_it(tmp_path: Path) -> None:
    write(tmp_path, STEP.format(run="echo gpu").replace("ubuntu-latest", "[self-hosted, gpu]"))
    done = firebreak("run", ".", cwd=tmp_path, code=1)
    assert "gpu" in done.stderr
    assert "gpu" in firebreak("run", ".", "--label", "gpu", cwd=tmp_path).stdout


def test_a_job_without_a_commit_to_check_out_is_an_error_and_never_another_commit(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "-b", "main")
    write(tmp_path, "on: push\njobs:\n  a: {runs-on: linux, steps: [{uses: actions/checkout@v4}, {run: cat file}]}\n")
    (tmp_path / "file").write_text("committed\n")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-q", "-m", "one")
    head = git(tmp_path, "rev-parse", "HEAD")
    (tmp_path / "file").write_text("as it lies\n")
    assert "as it lies" in firebreak("run", ".", cwd=tmp_path).stdout
    (tmp_path / "event.json").write_text(json.dumps({"after": head}))
    assert "committed" in firebreak("run", ".", "--payload", "event.json", cwd=tmp_path).stdout
    (tmp_path / "event.json").write_text(json.dumps({"after": "ab" * 20}))
    done = firebreak("run", ".", "--payload", "event.json", cwd=tmp_path, code=1)
    assert "! error" in done.stderr


def test_the_payload_fills_the_github_context(tmp_path: Path) -> None:
    payload = {"sender": {"login": "mona"}, "repository": {"full_name": "octo/hello"}, "ref": "refs/heads/feature"}
    (tmp_path / "event.json").write_text(json.dumps(payload))
    write(tmp_path, STEP.format(run="echo ${{ github.actor }} ${{ github.repository }} ${{ github.ref_name }}"))
    assert "mona octo/hello feature" in firebreak("run", ".", "--payload", "event.json", cwd=tmp_path).stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--env", "novalue"), "--env"),
        (("--payload", "missing.json"), "missing.json"),
        (("--secret", "NOT_SET"), "NOT_SET"),
        (("-W", "nowhere.yml"), "nowhere.yml"),
        (("--matrix", "x"), "--matrix"),
        (("--input", "a=b"), "workflow_dispatch"),
        (("--driver", "docker"), "--driver"),
    ],
)
def test_what_is_called_wrongly_exits_2_and_says_what(tmp_path: Path, arguments: tuple[str, ...], says: str) -> None:
    write(tmp_path, STEP.format(run="echo hi"))
    assert says in firebreak("run", ".", *arguments, cwd=tmp_path, code=2).stderr


ACTION = "runs: {using: node20, main: main.js, post: main.js}\n"


def test_actions_come_from_the_folder_that_is_named_and_from_the_directory(tmp_path: Path) -> None:
    offered = tmp_path / "offered" / "octo" / "greet"
    offered.mkdir(parents=True)
    (offered / "action.yml").write_text(ACTION)
    (offered / "main.js").write_text("console.log('greetings from', process.env.GITHUB_ACTION_REF)")
    git(offered, "init", "--quiet")
    git(offered, "add", ".")
    git(offered, "commit", "--quiet", "--message", "one")
    git(offered, "tag", "v2")
    work = tmp_path / "work"
    (work / "local").mkdir(parents=True)
    step = "      - {run: echo composed, shell: bash}\n"
    (work / "local" / "action.yml").write_text(f"runs:\n  using: composite\n  steps:\n{step}")
    steps = "[{uses: actions/checkout@v4}, {uses: ./local}, {uses: $/local}, {uses: octo/greet@v2}]"
    write(work, f"on: push\njobs: {{a: {{runs-on: ubuntu-latest, steps: {steps}}}}}\n")
    done = firebreak("run", ".", "--actions-from", str(tmp_path / "offered"), cwd=work)
    assert done.stdout.splitlines().count("composed") == 2
    assert done.stdout.splitlines().count("greetings from v2") == 2
    assert "Post job cleanup." in done.stdout


def test_called_workflows_of_this_and_of_another_repository(tmp_path: Path) -> None:
    clones, here = tmp_path / "clones", tmp_path / "here"
    far = (
        "on: {workflow_call: {inputs: {who: {type: string}}}}\njobs:\n  far:\n    runs-on: ubuntu-latest\n    steps:\n"
    )
    write(clones / "acme" / "flows", f"{far}      - run: echo far ${{{{ inputs.who }}}}\n", "far.yml")
    for arguments in (("init", "-q"), ("add", "-A"), ("commit", "-qm", "x"), ("tag", "v1")):
        git(clones / "acme" / "flows", *arguments)
    write(
        here,
        "on: push\njobs:\n"
        "  one: {uses: ./.github/workflows/lib.yml}\n"
        "  two: {needs: one, uses: acme/flows/.github/workflows/far.yml@v1, with: {who: you}}\n",
    )
    write(here, STEP.format(run="echo near").replace("on: push", "on: workflow_call"), "lib.yml")
    done = firebreak("run", ".", "--actions-from", str(clones), cwd=here)
    assert {"one~a | near", "two~far | far you"} <= set(done.stdout.splitlines())
    assert "one / a" in done.stderr
    dry = firebreak("run", ".", "-n", "--json", "--actions-from", str(clones), cwd=here)
    assert [json.loads(line)["jobs"] for line in dry.stdout.splitlines()] == [["one", "two"], []]
    firebreak("run", ".", "--job", "two", "--actions-from", str(clones), cwd=here)


EVERY = """\
on:
  pull_request:
  pull_request_target:
  schedule: [{cron: '0 5 * * *', timezone: Europe/Berlin}]
  workflow_run: {workflows: [CI]}
  repository_dispatch: {types: [deploy]}
  release: {types: [published]}
  issues: {types: [opened]}
jobs:
  a:
    runs-on: ubuntu-latest
    steps:
      - run: echo "${{ github.event_name }} ${{ github.ref }} ${{ github.event.action }} ${{ github.event.schedule }}."
"""


@pytest.mark.parametrize(
    ("event", "payload", "said"),
    [
        ("pull_request", {}, "pull_request refs/pull/1/merge opened ."),
        ("pull_request_target", {}, "pull_request_target refs/heads/main opened ."),
        ("schedule", {"schedule": "0 5 * * *"}, "schedule refs/heads/main  0 5 * * *."),
        ("workflow_run", {}, "workflow_run refs/heads/main completed ."),
        ("repository_dispatch", {"action": "deploy"}, "repository_dispatch refs/heads/main deploy ."),
        ("release", {"release": {"tag_name": "v2"}}, "release refs/tags/v2 published ."),
        ("issues", {}, "issues refs/heads/main opened ."),
    ],
)
def test_any_event_runs_what_listens_to_it_once(
    tmp_path: Path, event: str, payload: dict[str, object], said: str
) -> None:
    write(tmp_path, EVERY)
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    git(tmp_path, "add", "--all")
    git(tmp_path, "commit", "--quiet", "--message", "x")
    (tmp_path / "payload.json").write_text(json.dumps(payload))
    done = firebreak("run", ".", "-e", event, "--payload", "payload.json", cwd=tmp_path)
    assert done.stdout.splitlines().count(said) == 1, done.stdout


@pytest.mark.parametrize(
    ("event", "why"),
    [
        ("watch", "does not listen to `watch`"),
        ("repository_dispatch", "the workflow wants `deploy`"),
        ("workflow_call", "called by jobs of other workflows"),
        ("pushh", "`pushh` starts no workflows"),
    ],
)
def test_an_event_that_starts_nothing_says_why(tmp_path: Path, event: str, why: str) -> None:
    write(tmp_path, EVERY)
    assert why in firebreak("run", ".", "-e", event, cwd=tmp_path, code=2).stderr
