"""The pages as a browser gets them: true, complete, and harmless whatever a job, a workflow or a branch says."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote

import pytest

from libs.blobs.memory import MemoryBlobs
from libs.bus.memory import MemoryBus
from libs.bus.port import BusDown
from libs.contracts.attempt import Annotation, AttemptLost, StepFinished
from libs.contracts.envelope import encode
from libs.contracts.ids import RepositoryId
from libs.contracts.intake import DeliveryIgnored, IntakeFailed, Problem, RunsPlanned, WorkflowRejected
from libs.contracts.plan import PlannedJob, PlannedStep, Repository
from libs.contracts.run import JobSkipped, RunFinished, RunStarted
from services.console.logs import PAGE_LINES
from tests.contract.services.console.opened import Opened, make_process, opened
from tests.unit.services.console.telling import BUILD, CAUSE, Telling, plan

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>\x1b[31m{{ 7*7 }}\u202e"


class Strict(HTMLParser):
    """Collects what a browser would run or load, and everything that a person would read."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def check(self) -> None:
        for tag, attributes in self.tags:
            assert tag not in ("img", "iframe", "object", "style", "base", "embed")
            assert not [name for name in attributes if name.startswith("on") or name == "style"]
            assert tag != "script" or (attributes.get("src") or "").startswith("/static/")
            href = attributes.get("href") or "/"
            assert href.startswith(("/", "#", "?"))
            assert not href.startswith("//")


async def told(opened_: Opened, **fields: object) -> Telling:
    telling = Telling(opened_.process.bus, plan(**fields), opened_.process.blobs)  # type: ignore[arg-type]
    await telling.whole()
    return telling


async def test_the_list_shows_runs_and_can_be_filtered(tmp_path: Path) -> None:
    async with opened(make_process(tmp_path)) as it:
        await told(it, run_id=7)
        await told(it, run_id=8, workflow_name="Nightly", event="pull_request", github={"head_ref": "topic/x"})

        everything = await it.page("/")
        some = await it.page("/?workflow=Nightly&branch=topic/x")

        assert all(
            text in everything for text in ("CI", "Nightly", "Octo/Demo.js", "octocat", "failed", "step 2 failed")
        )
        assert "/runs/8" in some
        assert "/runs/7" not in some
        assert "No run matches" in await it.page("/?actor=nobody")
        assert "expected one of" in await it.page("/?state=purple", 400)


async def test_the_list_goes_on_to_older_runs(tmp_path: Path) -> None:
    async with opened(make_process(tmp_path)) as it:
        for run_id in range(1, 8):
            await Telling(it.process.bus, plan(run_id=run_id)).planned()
        seen: list[str] = []
        path = "/?limit=3&event=push"
        while path:
            page = await it.page(path)
            seen += re.findall(r'href="/runs/(\d+)"', page)
            following = re.search(r'href="(/\?[^"]+)" rel="next"', page)
            path = following.group(1).replace("&amp;", "&") if following else ""
        assert seen == ["7", "6", "5", "4", "3", "2", "1"]


async def test_a_run_says_what_ran_and_why_it_failed(tmp_path: Path) -> None:
    async with opened(make_process(tmp_path)) as it:
        await told(it)

        page = await it.page("/runs/7")

        text = Strict(page).text
        for expected in ("failed", "step 2 failed", "a" * 40, "refs/heads/main", "octocat", str(CAUSE), "Build it"):
            assert expected in text
        for expected in ("Run true", "Run false", "1.2 s", "exit code 1", "h1", "bubblewrap", "ubuntu-latest"):
            assert expected in text
        assert "Nothing ran" not in text


async def test_a_softened_failure_is_said_and_annotations_have_their_place(tmp_path: Path) -> None:
    async with opened(make_process(tmp_path)) as it:
        telling = Telling(it.process.bus, blobs=it.process.blobs)
        await telling.planned()
        await telling.assigned()
        await telling.started()
        note = Annotation("error", "no such thing", title="E1", file="src/a.py", line=3, column=7)
        softened = StepFinished(0, "Run true", "failure", "success", 1200, 3, annotations=(note,))
        await telling.say(telling.attempt_subject, softened)

        text = Strict(await it.page("/runs/7")).text

        assert "counts as success (continue-on-error)" in text
        assert "✗ failed" in text
        assert "exit code 3" in text
        assert "error E1 src/a.py:3:7: no such thing" in text


async def test_a_steps_summary_is_text_and_nothing_of_it_is_run(tmp_path: Path) -> None:
    async with opened(make_process(tmp_path)) as it:
        telling = Telling(it.process.bus, blobs=it.process.blobs)
        await telling.planned()
        await telling.assigned()
        await telling.started()
        stored = await it.process.blobs.put("# <script>alert(1)</script> ä\n".encode())
        finished = StepFinished(0, "Run true", "success", "success", 1200, 0, summary=stored)
        await telling.say(telling.attempt_subject, finished)
        address = "/runs/7/jobs/build/1/steps/0/summary.txt"

        assert f'href="{address}"' in await it.page("/runs/7")
        answer = await it.client.get(address)

        assert answer.text == "# <script>alert(1)</script> ä\n"
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        await it.page(address.replace("steps/0", "steps/1"), 404)
        await it.page(address.replace("/1/steps", "/2/steps"), 404)


async def test_a_run_in_which_nothing_ran_says_so(tmp_path: Path) -> None:
    async with opened(make_process(tmp_path)) as it:
        telling = Telling(it.process.bus)
        await telling.planned()
        skipped = JobSkipped(BUILD, "build", "Build it", "its `if` is false")
        await telling.say(telling.run_subject, RunStarted(), skipped, RunFinished("skip", why="every job was skipped"))

        page, listed = await it.page("/runs/7"), await it.page("/")

        assert "Nothing ran" in page
        assert "its `if` is false" in page
        assert "nothing ran" in listed


async def test_a_lost_attempt_stands_beside_the_next_one(tmp_path: Path) -> None:
    async with opened(make_process(tmp_path)) as it:
        telling = Telling(it.process.bus, blobs=it.process.blobs)
        await telling.planned()
        await telling.assigned()
        await telling.started()
        await telling.say(telling.attempt_subject, AttemptLost("h1 is silent"))
        telling.n = 2
        await telling.assigned()
        await telling.started()

        page = await it.page("/runs/7")

        assert "h1 is silent" in page
        assert "?attempt=1" in page
        assert "lost" in (await it.page("/runs/7/jobs/build?attempt=1"))
        assert "has no attempt 3" in await it.page("/runs/7/jobs/build?attempt=3", 404)


async def test_the_log_has_a_heading_a_step_and_an_address_a_line(tmp_path: Path) -> None:
    async with opened(make_process(tmp_path)) as it:
        await told(it)

        page = await it.page("/runs/7/jobs/build")
        raw = await it.client.get("/runs/7/jobs/build/1/log.txt")

        assert '<h2 id="step-1">Run true</h2>' in page
        assert '<h2 id="step-2">Run false</h2>' in page
        assert [f'id="L{number}"' in page for number in (1, 2, 3, 4)] == [True, True, True, False]
        assert 'role="log"' in page
        assert "data-live" not in page, "it is over"
        assert raw.text == "hello\nworld\nagain\n"
        assert raw.headers["content-type"] == "text/plain; charset=utf-8"


async def test_a_log_that_grows_is_shown_as_far_as_it_is(tmp_path: Path) -> None:
    async with opened(make_process(tmp_path)) as it:
        telling = Telling(it.process.bus)
        await telling.planned()
        await telling.assigned()
        assert "no lines yet" in await it.page("/runs/7/jobs/build")
        await telling.started()
        await telling.print("hello")

        page = await it.page("/runs/7/jobs/build")

        assert 'data-live="/runs/7/jobs/build/1/live"' in page
        assert 'data-after="0"' in page
        assert (await it.client.get("/runs/7/jobs/build/1/log.txt")).text == "hello\n"


async def test_a_job_without_a_host_has_no_log(tmp_path: Path) -> None:
    async with opened(make_process(tmp_path)) as it:
        await Telling(it.process.bus).planned()
        assert "it has no log" in await it.page("/runs/7/jobs/build")


async def test_a_long_log_is_shown_in_parts(tmp_path: Path) -> None:
    async with opened(make_process(tmp_path)) as it:
        telling = Telling(it.process.bus, blobs=it.process.blobs)
        await telling.planned()
        await telling.assigned()
        await telling.started()
        total = 2 * PAGE_LINES + 10
        for start in range(0, total, 500):
            await telling.print(*(f"line {number}" for number in range(start, min(start + 500, total))))
        await telling.attempt_over()

        last = await it.page("/runs/7/jobs/build")
        first = await it.page("/runs/7/jobs/build?attempt=1&from=0")

        assert f'id="L{total}"' in last
        assert f'id="L{total - PAGE_LINES}"' not in last
        assert f"from={total - 2 * PAGE_LINES}" in last
        assert 'id="L1"' in first
        assert f"from={PAGE_LINES}" in first
        assert (await it.client.get("/runs/7/jobs/build/1/log.txt")).text.count("\n") == total


async def test_missing_lines_are_said(tmp_path: Path) -> None:
    async with opened(make_process(tmp_path)) as it:
        telling = Telling(it.process.bus, blobs=it.process.blobs)
        await telling.planned()
        await telling.assigned()
        await telling.started()
        await telling.print("one")
        await telling.print("two", "three", lose=True)
        await telling.print("four")

        assert "2 lines of this log are missing" in await it.page("/runs/7/jobs/build")
        raw = await it.client.get("/runs/7/jobs/build/1/log.txt")
        assert raw.text == "one\n##[warning]2 lines are missing here\nfour\n"
        await telling.attempt_over()
        page = await it.page("/runs/7/jobs/build")
        assert "missing" not in page
        assert "three" in page


async def test_a_log_whose_blob_is_gone_comes_from_the_stream(tmp_path: Path) -> None:
    blobs = MemoryBlobs()
    async with opened(make_process(tmp_path, blobs=blobs)) as it:
        telling = await told(it)
        await blobs.delete(await telling.stored_log())
        assert "again" in await it.page("/runs/7/jobs/build")


async def test_a_blob_that_is_no_log_breaks_no_page(tmp_path: Path) -> None:
    blobs = MemoryBlobs()
    async with opened(make_process(tmp_path, blobs=blobs)) as it:
        telling = await told(it)
        digest = (await telling.stored_log()).digest
        blobs._bytes[digest] = b"\x00" * len(blobs._bytes[digest])  # pyright: ignore[reportPrivateUsage]
        assert "again" in await it.page("/runs/7/jobs/build")


async def test_deliveries_that_led_to_nothing(tmp_path: Path) -> None:
    async with opened(make_process(tmp_path)) as it:
        telling = Telling(it.process.bus)
        problem = Problem(".github/workflows/ci.yml", 3, 7, "unknown key `stepps`")
        rejected = WorkflowRejected("Octo/Demo.js", "b" * 40, problem.file, (problem,))
        await telling.say("ev.intake.a", rejected, RunsPlanned("Octo/Demo.js", "b" * 40, "push", {}))
        await telling.say("ev.intake.b", DeliveryIgnored("ping", "a ping needs no run"))
        await telling.say("ev.intake.c", IntakeFailed("push", "cannot fetch it", "Octo/Demo.js"))
        await telling.planned()

        page = Strict(await it.page("/intake")).text

        assert ".github/workflows/ci.yml:3:7: unknown key `stepps`" in page
        assert "a ping needs no run" in page
        assert "cannot fetch it" in page
        assert "cannot fetch it" not in await it.page("/intake?kind=ignored")
        assert ".github/workflows/ci.yml:3:7" in Strict(await it.page("/runs/7")).text, "of the same delivery"


async def test_nothing_that_a_user_controls_becomes_markup(tmp_path: Path) -> None:
    async with opened(make_process(tmp_path)) as it:
        evil_step = PlannedStep(0, 8, run=EVIL, name=EVIL)
        telling = Telling(it.process.bus, plan(
            workflow_name=EVIL, run_name=EVIL, workflow_path=EVIL, actor=EVIL, ref="refs/heads/" + EVIL, event=EVIL,
            repository=Repository(RepositoryId(1), "octo", "demo", clone_url="javascript:alert(1)"),
            jobs=(PlannedJob("build", 5, "x", (evil_step,), name=EVIL),), github={"head_ref": EVIL},
        ), it.process.blobs)  # fmt: skip
        await telling.planned()
        await telling.assigned(name=EVIL)
        await telling.started(step=EVIL)
        await telling.print(EVIL, EVIL * 50)
        note = Annotation("warning", EVIL, title=EVIL, file=EVIL, line=1)
        await telling.second_step(name=EVIL, annotations=(note,), why=EVIL)
        await telling.print(EVIL, step=1)
        await telling.attempt_over(why=EVIL)
        await telling.finished(why=EVIL)
        problem = Problem(EVIL, 1, 1, EVIL)
        await telling.say(
            "ev.intake.a", WorkflowRejected(EVIL, EVIL, EVIL, (problem,)), DeliveryIgnored(EVIL, EVIL, EVIL)
        )

        for path in ("/", f"/?workflow={quote(EVIL)}", "/runs/7", "/runs/7/jobs/build", "/intake",
                     f"/intake?repository={quote(EVIL)}"):  # fmt: skip
            page = Strict(await it.page(path))
            page.check()
            assert "<script>alert(1)</script>" in page.text or "intake?" in path, "it is shown, as text"
            assert "\x1b" not in page.text
            assert "\u202e" not in page.text
            assert "49" not in page.text.replace("2026-", ""), "nothing evaluates it"
        for path in (f"/runs/{quote(EVIL, safe='')}", f"/runs/7/jobs/{quote(EVIL, safe='')}"):
            Strict(await it.page(path, 404)).check()
        for path in (f"/?state={quote(EVIL)}", f"/intake?kind={quote(EVIL)}", f"/?before={quote(EVIL)}"):
            Strict(await it.page(path, 400)).check()


@pytest.mark.parametrize("path", ["/", "/runs/7", "/runs/7/jobs/build", "/runs/7/jobs/build/1/log.txt", "/intake",
                                  "/api/runs", "/nowhere", "/runs/8", "/static/log.js", "/healthz"])  # fmt: skip
async def test_every_answer_forbids_what_is_not_needed(path: str, tmp_path: Path) -> None:
    async with opened(make_process(tmp_path)) as it:
        await told(it)
        await it.up_to_date()

        headers = (await it.client.get(path)).headers

        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"


async def test_another_sites_name_is_not_answered(tmp_path: Path) -> None:
    async with opened(make_process(tmp_path)) as it:
        refused = await it.client.get("/", headers={"host": "evil.example"})
        assert refused.status_code == 421
        assert "FIREBREAK_PUBLIC_URL" in refused.text
        assert (await it.client.get("/healthz", headers={"host": "evil.example"})).status_code == 200


async def test_static_files_are_cached_by_their_content_and_nothing_else_is_reachable(tmp_path: Path) -> None:
    async with opened(make_process(tmp_path)) as it:
        page = await it.page("/")
        address = re.findall(r'href="(/static/style[^"]+)"', page)[0]
        assert "immutable" in (await it.client.get(address)).headers["cache-control"]
        assert (await it.client.get("/static/..%2f__main__.py")).status_code == 404


async def test_the_api_tells_the_same(tmp_path: Path) -> None:
    async with opened(make_process(tmp_path)) as it:
        for run_id in (7, 8):
            await told(it, run_id=run_id)

        first = json.loads(await it.page("/api/runs?limit=1&state=failure"))
        second = json.loads(await it.page(first["next"]))
        run = json.loads(await it.page("/api/runs/7"))

        assert [each["run_id"] for each in first["runs"] + second["runs"]] == [8, 7]
        assert second["next"] is None
        assert first["runs"][0]["branch"] == "main"
        assert (run["run_id"], run["conclusion"], run["jobs"][0]["steps"][1]["exit_code"]) == (7, "failure", 1)
        assert "holds no run 9" in json.loads(await it.page("/api/runs/9", 404))["message"]
        assert json.loads(await it.page("/api/runs?before=x", 400))["error"] == 400


async def test_a_plan_in_a_blob_and_a_matrix(tmp_path: Path) -> None:
    async with opened(make_process(tmp_path)) as it:
        telling = Telling(it.process.bus, blobs=it.process.blobs)
        await telling.planned(blob=await it.process.blobs.put(encode(telling.plan)))
        await telling.assigned()

        run = json.loads(await it.page("/api/runs/7"))

        assert run["workflow"] == "CI"
        assert [job["key"] for job in run["jobs"]] == ["build"]


async def test_the_operators_paths(tmp_path: Path) -> None:
    class Silent(MemoryBus):
        async def round_trip(self) -> None:
            raise BusDown("no answer")

    async with opened(make_process(tmp_path)) as it:
        await told(it)
        assert "alive" in await it.page("/healthz")
        assert json.loads(await it.page("/readyz"))["live"] is True
        assert "firebreak_console_messages_total 6.0" in await it.page("/metrics")
    async with opened(make_process(tmp_path / "silent", Silent())) as it:
        assert "no answer" in await it.page("/readyz", 503)


@pytest.mark.parametrize("path", ["/runs/7/jobs/build/0/log.txt", "/runs/7/jobs/nojob", "/runs/07x", "/runs/-1",
                                  "/runs/99999999999999999", "/runs/7/jobs/build/9/live", "/runs/9/live"])  # fmt: skip
async def test_what_is_not_there_is_not_found(path: str, tmp_path: Path) -> None:
    async with opened(make_process(tmp_path)) as it:
        await told(it)
        Strict(await it.page(path, 404)).check()
