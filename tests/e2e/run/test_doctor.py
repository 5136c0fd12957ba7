"""`firebreak doctor` tries things, and its exit code says whether `up` would run."""

import json
from pathlib import Path

from tests.e2e.run.test_run import firebreak


def test_the_doctor_finds_what_this_machine_has(tmp_path: Path) -> None:
    done = firebreak("doctor", "--json", cwd=tmp_path)
    found = {each["what"]: each for each in json.loads(done.stdout)}
    assert found["NATS of our own"]["state"] == "works"
    assert found["driver bubblewrap"]["state"] == "works"
    assert found["GITHUB_WEBHOOK_SECRET"]["state"] == "optional"
    assert "not built yet" in found["drivers qemu, firecracker, fcctl"]["says"]
