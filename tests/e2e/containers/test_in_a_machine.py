"""`container:`, `services:` and `docker://` with the real engine, in a real machine, without a registry."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.vm_agent.sandbox.protocol import Sandbox
from tests.e2e.containers.images import NAME
from tests.e2e.vm_agent.harness import Bench, Ran, order, step

SECRET = "only-for-this-job-88d1"
SERVE = "mkdir -p /www && echo from-$WHO > /www/who && exec httpd -f -p 8000 -h /www"
SERVICES = {
    "web": {
        "image": NAME,
        "env": {"WHO": "web"},
        "ports": ["8000"],
        "entrypoint": "sh",
        "command": f'-c "{SERVE}"',
        "volumes": ["/home/runner/work/_shared:/www", "/anonymous"],
        "options": '--health-cmd "wget -q -O- http://127.0.0.1:8000/who" --health-interval 2s --health-retries 20',
    },
    "other": {
        "image": f"docker.io/library/{NAME}",
        "env": {"WHO": "${{ secrets.TOKEN }}"},
        "ports": ["18080:8000/tcp"],
        "command": f"sh -c '{SERVE}'",
    },
}
IN_CONTAINER = """\
echo "home $HOME, workspace $GITHUB_WORKSPACE, here $(pwd)"
echo "image $FROM_IMAGE, container $OF_CONTAINER, job $OF_JOB, temp $RUNNER_TEMP"
echo "who $(wget -q -O- http://web:8000/who)"
wget -q -O- http://other:8000/who | grep -q "from-$TOKEN" && echo "other has the secret"
grep -q '"head_commit"' "$GITHUB_EVENT_PATH" && echo "event is here"
cat /proc/1/cmdline | tr '\\0' ' '
echo colour=green >> "$GITHUB_OUTPUT"
echo "LATER=two words" >> "$GITHUB_ENV"
mkdir -p tools && printf '#!/bin/sh\\necho tool\\n' > tools/tool && chmod +x tools/tool
echo "$PWD/tools" >> "$GITHUB_PATH"
echo made-in-container > made
"""
ACTION = """\
mkdir act && cd act
cat > action.yml <<'end'
name: hello
inputs: {who: {required: true}}
runs: {using: docker, image: Dockerfile, args: ["${{ '${{ inputs.who }}' }}"]}
end
cat > hello <<'end'
echo "greeting=hello $1" >> "$GITHUB_OUTPUT"
touch by-action
end
printf 'FROM busybox:test\\nCOPY hello /hello\\nENTRYPOINT ["sh", "/hello"]\\n' > Dockerfile
"""
SCRIPT = "cat made; echo $(pwd) $INPUT_COLOUR $HOME; wget -q -O- http://web:8000/who; echo seen=yes >> $GITHUB_OUTPUT"


@pytest.mark.timeout(900)
@pytest.mark.row("containers: container")
@pytest.mark.row("containers: services")
@pytest.mark.row("containers: ports")
@pytest.mark.row("containers: health checks")
@pytest.mark.row("containers: job contexts")
@pytest.mark.row("containers: service entrypoint and command")
@pytest.mark.row("actions: docker://")
@pytest.mark.row("actions: Docker actions")
@pytest.mark.row("containers: volumes")
async def test_a_job_in_a_container_with_two_services(machine: Sandbox, offered: Path, tmp_path: Path) -> None:
    given = order(
        step(IN_CONTAINER, id="first", env={"TOKEN": "${{ secrets.TOKEN }}"}),
        step('echo "$LATER $(tool) ${{ steps.first.outputs.colour }}"; exit 3', continue_on_error=True),
        step(uses=f"docker://{NAME}", id="once", with_={"args": f'sh -c "{SCRIPT}"', "colour": "red"}),
        step("sleep 2002", timeout_minutes=0.1, continue_on_error=True),
        step(
            "echo seen ${{ steps.once.outputs.seen }}; test -n '${{ job.container.id }}'; ps | grep 'sleep 200[2]' || :"
        ),
        planned={
            "container": {"image": f"docker://{NAME}", "env": {"OF_CONTAINER": "yes"}},
            "services": SERVICES,
            "env": {"OF_JOB": "yes"},
        },
    )
    ran = await Bench(machine, given, tmp_path, images=offered, secrets={"TOKEN": SECRET}).run()

    assert ran.end.conclusion == "success", "\n".join(ran.lines)
    assert SECRET not in "\n".join(ran.lines)
    first = ran.printed(0)
    assert first[:2] == [
        "home /github/home, workspace /__w/demo/demo, here /__w/demo/demo",
        "image yes, container yes, job yes, temp /__w/_temp",
    ]
    assert first[2:6] == ["who from-web", "other has the secret", "event is here", "tail -f /dev/null "]
    assert ran.printed(1)[0] == "two words tool green"
    assert [step.exit_code for step in ran.record.steps if step.step == 1] == [3]
    assert ran.printed(2)[-3:] == ["made-in-container", "/github/workspace red /github/home", "from-web"]
    assert [one.outcome for one in ran.record.steps if one.step == 3] == ["failure"]
    assert ran.printed(4) == ["seen yes"]
    assert parts(ran) == [
        ("setup", "Initialize containers"),
        *[("main", f"{n}") for n in range(5)],
        ("setup", "Stop containers"),
    ]
    assert "web service is healthy." in ran.lines

    await services_beside_a_machine(machine, offered, tmp_path)


async def services_beside_a_machine(machine: Sandbox, offered: Path, tmp_path: Path) -> None:
    """The same services where the job runs on the machine: by their ports."""
    services = {"web": SERVICES["web"]}
    given = order(
        step("curl -sS http://localhost:${{ job.services.web.ports['8000'] }}/who; cat ../../_shared/who; ls made"),
        step(ACTION),
        step(uses="./act", id="act", with_={"who": "me"}),
        step("test '${{ steps.act.outputs.greeting }}' = 'hello me' && ls -l by-action"),
        step(uses=f"docker://{NAME}", with_={"entrypoint": "/bin/sh", "args": '-c "sleep 1000"'}, timeout_minutes=0.1),
        planned={"services": services},
        attempt="ev.attempt.h1.octo.demo.42.build.2",
    )
    ran = await Bench(machine, given, tmp_path, images=offered).run()

    assert ran.printed(0)[:2] == ["from-web", "from-web"]
    assert [one.outcome for one in ran.record.steps if one.part == "main"] == [*["success"] * 4, "failure"], "\n".join(
        ran.lines
    )
    assert ran.end.conclusion == "failure"
    assert any("has timed out after 0.1 minutes" in line for line in ran.lines)


def parts(ran: Ran) -> list[tuple[str, str]]:
    return [(one.part, one.name if one.part == "setup" else str(one.step)) for one in ran.record.steps]
