"""Problem matchers of real steps: files read in the sandbox, lines that become annotations."""

from __future__ import annotations

import json

import pytest

from libs.contracts.attempt import Annotation
from tests.e2e.vm_agent.conftest import RunJob
from tests.e2e.vm_agent.harness import order, step

pytestmark = pytest.mark.row("runner: problem matchers")

MATCHER = json.dumps(
    {
        "problemMatcher": [
            {
                "owner": "cc",
                "pattern": [
                    {
                        "regexp": r"^(.+?):(\d+):(\d+): (error|warning): (.*)$",
                        "file": 1,
                        "line": 2,
                        "column": 3,
                        "severity": 4,
                        "message": 5,
                    }
                ],
            }
        ]
    }
)
WRITE = f"cat > m.json <<'EOF'\n{MATCHER}\nEOF\necho x > a.c; echo '::add-matcher::m.json'\n"


async def test_lines_become_annotations_in_this_step_and_the_next(run_job: RunJob) -> None:
    ran = await run_job(
        order(
            step(WRITE + "echo before; printf '\\033[31ma.c:3:7: error: bad\\033[0m\\n'; echo behind; exit 1"),
            step("echo 'none.c:4:1: warning: odd'", if_="always()"),
            step("echo '##[remove-matcher owner=CC]'; echo 'a.c:1:1: error: no more'", if_="always()"),
        )
    )
    assert ran.printed(0)[:3] == ["before", "##[error]a.c:3:7: error: bad", "behind"]
    assert ran.record.steps[0].annotations[0] == Annotation("error", "bad", file="a.c", line=3, column=7)
    assert ran.printed(1) == ["##[warning]none.c:4:1: warning: odd"]
    assert ran.record.steps[1].annotations == (Annotation("warning", "odd", line=4, column=1),)
    assert ran.printed(2) == ["a.c:1:1: error: no more"]


async def test_secrets_are_masked_in_what_matchers_find(run_job: RunJob) -> None:
    secret = "p4ss-w0rd-very-secret"
    ran = await run_job(order(step(WRITE + f"echo 'a.c:3:7: error: {secret} is bad'")), secrets={"S": secret})
    assert ran.record.steps[0].annotations[0].message == "*** is bad"
    assert secret not in repr(ran.chunks) + repr(ran.record.events)


async def test_a_matchers_file_that_is_missing_fails_the_step(run_job: RunJob) -> None:
    ran = await run_job(order(step("echo '::add-matcher::none.json'; echo on")))
    assert ran.outcomes == ["failure"]
    assert ran.printed()[0] == "##[error]Unable to process command '::add-matcher::none.json' successfully."
    assert "Could not find file" in ran.printed()[1]
    assert ran.printed()[2] == "on"


async def test_a_pattern_that_cannot_be_run_is_a_warning(run_job: RunJob) -> None:
    bad = json.dumps({"problemMatcher": [{"owner": "x", "pattern": [{"regexp": "(", "message": 0}]}]})
    ran = await run_job(order(step(f"echo '{bad}' > m.json; echo '::add-matcher::m.json'; echo on")))
    assert ran.outcomes == ["success"]
    assert ran.record.steps[0].annotations[0].level == "warning"
    assert ran.printed()[-1] == "on"


async def test_many_lines_keep_their_order(run_job: RunJob) -> None:
    ran = await run_job(
        order(
            step(
                WRITE + 'for i in $(seq 3000); do echo $i; done; for i in $(seq 20); do echo "a.c:$i:1: error: e"; done'
            )
        )
    )
    assert ran.printed()[:3000] == [str(number) for number in range(1, 3001)]
    assert ran.printed()[3000:] == [f"##[error]a.c:{number}:1: error: e" for number in range(1, 21)]
    assert len(ran.record.steps[0].annotations) == 10
