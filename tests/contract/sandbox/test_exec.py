"""Commands: what they get, what is heard of them, how they end."""

from __future__ import annotations

import asyncio
import resource
import signal
import time

import pytest

from services.vm_agent.sandbox.protocol import DEFAULT_PATH, CannotStart, Sandbox
from services.vm_agent.sandbox.run import run
from tests.contract.sandbox.conftest import shell

MEGABYTE = 1024**2


async def ignore(data: bytes) -> None:
    pass


async def test_stdout_and_stderr_arrive_merged_in_order(sandbox: Sandbox) -> None:
    script = "for i in 1 2 3 4 5; do echo out $i; echo err $i >&2; done"
    code, output = await shell(sandbox, script)
    assert code == 0
    assert output.split("\n")[:-1] == [f"{name} {i}" for i in range(1, 6) for name in ("out", "err")]


@pytest.mark.parametrize("code", [0, 1, 42, 255])
async def test_the_exit_code_is_the_commands(sandbox: Sandbox, code: int) -> None:
    ended, _ = await run(sandbox, ["sh", "-c", f"exit {code}"])
    assert (ended.code, ended.signal) == (code, None)


async def test_a_signal_is_told_as_a_shell_tells_it(sandbox: Sandbox) -> None:
    ended, _ = await run(sandbox, ["sh", "-c", "kill -TERM $$"])
    assert (ended.code, ended.signal) == (128 + signal.SIGTERM, signal.SIGTERM)


async def test_the_environment_is_what_is_passed_and_a_path(sandbox: Sandbox) -> None:
    _, output = await run(sandbox, ["env"], env={"A": "1", "B": "two\nlines", "Ü": "ß"})
    assert set(output.decode().splitlines()) == {"A=1", "B=two", "lines", "Ü=ß", f"PATH={DEFAULT_PATH}"}


async def test_a_given_path_finds_the_command(sandbox: Sandbox) -> None:
    await sandbox.write_file(f"{sandbox.paths.temp}/bin/mine", b"#!/bin/sh\necho found $PATH\n", 0o755)
    path = f"{sandbox.paths.temp}/bin"
    _, output = await run(sandbox, ["mine"], env={"PATH": path})
    assert output.decode() == f"found {path}\n"


async def test_it_runs_where_it_is_told(sandbox: Sandbox) -> None:
    await sandbox.make_folder(f"{sandbox.paths.work}/a/b")
    _, output = await run(sandbox, ["pwd"], cwd=f"{sandbox.paths.work}/a/b")
    assert output.decode() == f"{sandbox.paths.work}/a/b\n"


async def test_standard_input_is_at_its_end(sandbox: Sandbox) -> None:
    assert await shell(sandbox, "cat; echo over") == (0, "over\n")


async def test_it_leads_a_session_of_its_own(sandbox: Sandbox) -> None:
    _, output = await shell(sandbox, "echo $$; cut -d' ' -f5,6 /proc/self/stat")
    pid, group_and_session = output.splitlines()
    assert group_and_session == f"{pid} {pid}"


@pytest.mark.parametrize(
    ("argv", "code", "words"),
    [
        (["no-such-command"], 127, "not found"),
        (["/no/such/file"], 127, "no such file"),
        (["/etc"], 126, ""),
        (["/etc/passwd"], 126, "ermission"),
        ([], 127, "no command"),
        (["echo", "\0"], 126, "null"),
    ],
)
async def test_what_cannot_be_started_says_why(sandbox: Sandbox, argv: list[str], code: int, words: str) -> None:
    with pytest.raises(CannotStart) as caught:
        await sandbox.exec(argv, env={}, cwd="/", output=ignore)
    assert caught.value.code == code
    assert words in str(caught.value)


async def test_a_missing_working_directory_is_named(sandbox: Sandbox) -> None:
    with pytest.raises(CannotStart, match="/no/such/folder"):
        await sandbox.exec(["true"], env={}, cwd="/no/such/folder", output=ignore)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
async def test_a_signal_reaches_the_whole_group(sandbox: Sandbox, number: signal.Signals) -> None:
    started = asyncio.Event()

    async def hear(data: bytes) -> None:
        started.set()

    # `sleep` is a child that ignores nothing; it holds the output, so that the end of `wait` proves its end.
    script = "(sh -c 'sleep 1000') & sh -c 'sleep 1000' & echo ready; wait; sleep 1000"
    process = await sandbox.exec(["bash", "-c", script], env={}, cwd="/", output=hear)
    await started.wait()
    if number is signal.SIGINT:
        # A shell without job control lets background children ignore SIGINT, as it does on GitHub.
        await process.signal(signal.SIGINT)
        await process.signal(signal.SIGTERM)
    else:
        await process.signal(number)
    begun = time.monotonic()
    ended = await process.wait()
    assert ended.signal in (number, signal.SIGTERM)
    assert not ended.output_cut
    assert time.monotonic() - begun < 4


async def test_a_command_may_catch_the_signal_and_end_in_its_own_way(sandbox: Sandbox) -> None:
    started = asyncio.Event()
    heard = bytearray()

    async def hear(data: bytes) -> None:
        heard.extend(data)
        started.set()

    script = "trap 'echo caught; exit 7' INT; echo ready; while :; do sleep 0.05; done"
    process = await sandbox.exec(["bash", "-c", script], env={}, cwd="/", output=hear)
    await started.wait()
    await process.signal(signal.SIGINT)
    assert (await process.wait()).code == 7
    assert heard == b"ready\ncaught\n"


async def test_a_signal_after_the_end_harms_nobody(sandbox: Sandbox) -> None:
    process = await sandbox.exec(["true"], env={}, cwd="/", output=ignore)
    await process.wait()
    await process.signal(signal.SIGKILL)
    assert await shell(sandbox, "echo still here") == (0, "still here\n")


async def test_a_background_child_that_holds_the_output_is_waited_for_and_then_left_alive(sandbox: Sandbox) -> None:
    script = "(sleep 0.5; echo late; sleep 5.5; echo unheard; echo alive > alive; sleep 60) & echo early"
    begun = time.monotonic()
    ended, output = await run(sandbox, ["sh", "-c", script])
    assert output == b"early\nlate\n"
    assert (ended.code, ended.output_cut) == (0, True)
    assert 4 < time.monotonic() - begun < 7
    # Its output goes nowhere now, but writing must neither block it nor kill it.
    for _ in range(100):
        if await sandbox.read_file(f"{sandbox.paths.work}/alive") == b"alive\n":
            return
        await asyncio.sleep(0.1)
    pytest.fail("the background process did not go on")


async def test_a_slow_reader_gets_all_that_the_command_wrote(sandbox: Sandbox) -> None:
    taken = 0

    async def slowly(data: bytes) -> None:
        nonlocal taken
        await asyncio.sleep(0.2)
        taken += len(data)

    process = await sandbox.exec(["head", "-c", str(MEGABYTE), "/dev/zero"], env={}, cwd="/", output=slowly)
    assert not (await process.wait()).output_cut
    assert taken == MEGABYTE


async def test_a_reader_that_stops_blocks_the_command(sandbox: Sandbox) -> None:
    stopped, go_on = asyncio.Event(), asyncio.Event()
    taken = 0

    async def stop(data: bytes) -> None:
        nonlocal taken
        taken += len(data)
        stopped.set()
        await go_on.wait()

    script = f"head -c {8 * MEGABYTE} /dev/zero; echo x > {sandbox.paths.temp}/written"
    process = await sandbox.exec(["sh", "-c", script], env={}, cwd="/", output=stop)
    await stopped.wait()
    await asyncio.sleep(0.3)
    assert await sandbox.read_file(f"{sandbox.paths.temp}/written") is None
    go_on.set()
    assert (await process.wait()).code == 0
    assert taken == 8 * MEGABYTE


async def test_a_hundred_megabytes_pass_in_bounded_memory(sandbox: Sandbox) -> None:
    taken = longest = 0

    async def count(data: bytes) -> None:
        nonlocal taken, longest
        taken += len(data)
        longest = max(longest, len(data))

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    argv = ["head", "-c", str(100 * MEGABYTE), "/dev/zero"]
    process = await sandbox.exec(argv, env={}, cwd="/", output=count)
    assert (await process.wait()).code == 0
    assert taken == 100 * MEGABYTE
    assert longest <= 64 * 1024
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 30 * 1024


async def test_binary_output_comes_as_it_is(sandbox: Sandbox) -> None:
    await sandbox.write_file(f"{sandbox.paths.temp}/bytes", bytes(range(256)) * 1000)
    _, output = await run(sandbox, ["cat", f"{sandbox.paths.temp}/bytes"])
    assert output == bytes(range(256)) * 1000


async def test_an_output_that_raises_ends_the_command(sandbox: Sandbox) -> None:
    async def refuse(data: bytes) -> None:
        raise ValueError("the log is full")

    process = await sandbox.exec(["sh", "-c", "echo x; sleep 1000"], env={}, cwd="/", output=refuse)
    with pytest.raises(ValueError, match="the log is full"):
        await process.wait()
    assert await shell(sandbox, "echo fine") == (0, "fine\n")


async def test_commands_run_side_by_side(sandbox: Sandbox) -> None:
    results = await asyncio.gather(*(shell(sandbox, f"sleep 0.2; echo {i}; exit {i}") for i in range(10)))
    assert results == [(i, f"{i}\n") for i in range(10)]


async def test_many_may_wait_for_one_command(sandbox: Sandbox) -> None:
    process = await sandbox.exec(["sh", "-c", "exit 3"], env={}, cwd="/", output=ignore)
    first, second = await asyncio.gather(process.wait(), process.wait())
    assert first == second == await process.wait()


async def test_one_who_gives_up_waiting_ends_nothing(sandbox: Sandbox) -> None:
    process = await sandbox.exec(["sh", "-c", "sleep 0.3; exit 5"], env={}, cwd="/", output=ignore)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(process.wait(), 0.05)
    assert (await process.wait()).code == 5
