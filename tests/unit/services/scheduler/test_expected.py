"""The order of placement by what is expected: recently failed first, then the longest chain, then the longest job."""

from __future__ import annotations

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from libs.contracts.ids import JobKey
from services.scheduler.expected import expected_ms
from services.scheduler.place import explain, place
from services.scheduler.wants import queued
from tests.unit.services.scheduler.advised import expected
from tests.unit.services.scheduler.story import Story, fleet, host, job, matrix, on_hosts, plan, usage


def on_one_slot(story: Story) -> list[str]:
    """The order in which the jobs go to a host that takes one at a time."""
    order: list[str] = []
    story.go()
    while names := on_hosts(story.run):
        order += names
        story.does(names[0])
    return order


def story(*jobs: object, slots: int = 1) -> Story:
    return Story(plan(*jobs), host(slots=slots))


def test_the_longest_goes_first_and_unknown_ones_in_the_files_order():
    told = story(job("a"), job("b"), job("c"), job("d")).knows(expected("b", 10), expected("d", 30))
    assert on_one_slot(told) == ["d", "b", "a", "c"]


def test_a_short_job_that_much_waits_for_goes_before_a_long_one():
    jobs = (job("long"), job("build"), job("test", needs=("build",)), job("ship", needs=("test",)))
    told = story(*jobs).knows(expected("long", 50), expected("build", 5), expected("test", 30), expected("ship", 20))
    assert expected_ms(told.run, told.learned) == {"long": 50_000, "build": 55_000, "test": 50_000, "ship": 20_000}
    assert on_one_slot(told)[0] == "build"


def test_what_failed_the_last_time_goes_before_the_longest():
    told = story(job("a"), job("b")).knows(expected("a", 100), expected("b", 1, failed=True))
    assert on_one_slot(told) == ["b", "a"]
    waiting = queued(story(job("a")).run, told.learned)
    assert waiting == []


def test_a_matrix_that_is_not_expanded_counts_as_the_longest_of_its_jobs_before():
    jobs = (job("quick"), job("build"), job("test", needs=("build",), strategy=matrix({"os": ["x", "y"]})))
    told = story(*jobs).knows(expected("quick", 20), expected("build", 5), expected("test~1234abcd", 30))
    assert expected_ms(told.run, told.learned)[JobKey("build")] == 35_000
    assert on_one_slot(told)[0] == "build"


def test_why_says_what_the_order_is_made_of():
    told = story(job("a"), job("b")).knows(expected("a", 100), expected("b", 90, failed=True))
    told.go()
    waiting = queued(told.run, told.learned)
    (a,) = waiting
    assert "it and what waits for it take 1 min 40 s: longer ones go first" in explain(
        a, waiting, told.fleet, usage(told.run)
    )


def test_nothing_known_is_the_order_of_the_file():
    assert on_one_slot(story(job("a"), job("b"))) == ["a", "b"]


def makespan(seconds: tuple[int, ...], machines: int, *, known: bool) -> int:
    """When the last is over: whenever a slot is free, `place` says who has it."""
    names = [f"j{number:02}" for number in range(len(seconds))]
    takes = dict(zip(names, seconds, strict=True))
    told = Story(plan(*(job(name) for name in names)), host(slots=machines))
    if known:
        told.knows(*(expected(name, takes[name]) for name in names))
    told.decide()
    waiting, free, running, clock = queued(told.run, told.learned), machines, list[tuple[int, str]](), 0
    while waiting or running:
        for made in place(waiting, fleet(host(slots=free)), usage(told.run)) if free else ():
            running.append((clock + takes[made.job], made.job))
            free -= 1
        under_way = {name for _, name in running}
        waiting = [one for one in waiting if one.job not in under_way]
        clock, done = min(running)
        running.remove((clock, done))
        free += 1
    return clock


def best(seconds: tuple[int, ...], machines: int) -> int:
    """Over all ways to spread the jobs."""
    loads = product(range(machines), repeat=len(seconds))
    return min(
        max(sum(s for s, m in zip(seconds, way, strict=True) if m == machine) for machine in range(machines))
        for way in loads
    )


def test_longest_first_shortens_the_whole():
    jobs = (1, 1, 1, 1, 1, 1, 6)
    assert (makespan(jobs, 2, known=False), makespan(jobs, 2, known=True)) == (9, 6)


@given(st.lists(st.integers(1, 20), min_size=1, max_size=6).map(tuple), st.integers(1, 3))
def test_longest_first_is_within_a_third_of_the_best(seconds: tuple[int, ...], machines: int) -> None:
    """Graham 1969: 4/3 - 1/(3m) of the optimum for jobs that wait for nothing."""
    limit = (4 / 3 - 1 / (3 * machines)) * best(seconds, machines)
    assert makespan(seconds, machines, known=True) <= limit + 1e-9
