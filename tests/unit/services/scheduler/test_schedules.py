"""What is due by the declared schedules, and what follows a run: the same question always has the same answer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from libs.contracts.ids import RepositoryId, RunId
from libs.contracts.plan import Repository
from libs.contracts.run import RunEvent, RunFinished, RunPlanned, RunRerun, RunStarted
from libs.contracts.schedules import DeclaredSchedule, FollowedRuns, SchedulesDeclared
from libs.contracts.subjects import RunAddress
from services.scheduler.schedules import Standing, due, evolve, followers, next_due

REPOSITORY = Repository(RepositoryId(5), "Octo", "Demo.js")
ADDRESS = RunAddress("octo", "demo~js", RunId(7))
HOURLY = DeclaredSchedule("a.yml", "0 * * * *")
NIGHTLY = DeclaredSchedule("b.yml", "30 2 * * *", "Europe/Berlin")


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-24 {text}").replace(tzinfo=UTC)


def declared(*lines: DeclaredSchedule, follows: tuple[FollowedRuns, ...] = ()) -> SchedulesDeclared:
    return SchedulesDeclared(
        REPOSITORY, "refs/heads/main", "a" * 40, at("00:00"), "ada", schedules=lines, follows=follows
    )


def standing(*lines: DeclaredSchedule, since: str = "00:10", follows: tuple[FollowedRuns, ...] = ()) -> Standing:
    return evolve(None, declared(*lines, follows=follows), at(since))


def test_a_line_is_due_from_its_minute_on_and_says_which_slot() -> None:
    state = standing(HOURLY)
    assert due(state, at("00:59")) == []
    (command,) = due(state, at("01:00"))
    assert (command.path, command.cron, command.slot, command.by) == ("a.yml", "0 * * * *", at("01:00"), "ada")
    assert next_due(state, at("01:00")) == at("02:00")


def test_the_same_slot_is_the_same_command_whoever_asks_and_whenever() -> None:
    first, late = due(standing(HOURLY), at("01:00")), due(standing(HOURLY, since="00:30"), at("01:40"))
    assert [command.id for command in first] == [command.id for command in late]
    (other,) = due(standing(HOURLY), at("02:00"))
    assert other.id != first[0].id
    (elsewhere,) = due(standing(DeclaredSchedule("c.yml", HOURLY.cron)), at("01:00"))
    assert elsewhere.id != first[0].id


def test_of_what_was_missed_the_newest_is_made_up_for_within_the_hour() -> None:
    state = standing(DeclaredSchedule("a.yml", "*/10 * * * *"))
    (command,) = due(state, at("05:35"))
    assert command.slot == at("05:30")
    assert due(standing(DeclaredSchedule("a.yml", "0 1 * * *")), at("02:00")) == []
    assert len(due(standing(DeclaredSchedule("a.yml", "0 1 * * *")), at("01:59"))) == 1


def test_what_was_due_before_it_was_declared_is_not_missed() -> None:
    assert due(standing(HOURLY, since="01:05"), at("01:30")) == []


def test_a_line_that_stays_keeps_its_time_and_one_that_goes_is_not_due() -> None:
    state = evolve(standing(HOURLY), declared(HOURLY, NIGHTLY), at("01:00"))
    assert [command.path for command in due(state, at("01:01"))] == ["a.yml"]
    assert due(evolve(state, declared(), at("01:30")), at("02:00")) == []
    assert next_due(evolve(state, declared(), at("01:30")), at("02:00")) is None


def test_a_time_zone_counts() -> None:
    (command,) = due(standing(NIGHTLY), at("01:45"))
    assert (command.slot, command.timezone) == (at("01:30"), "Europe/Berlin")


def test_a_line_that_this_version_cannot_read_is_never_due() -> None:
    assert due(standing(DeclaredSchedule("a.yml", "@hourly"), HOURLY), at("01:00"))[0].path == "a.yml"
    assert next_due(standing(DeclaredSchedule("a.yml", "0 0 * * *", "Nowhere/City")), at("01:00")) is None


@given(st.lists(st.integers(0, 24 * 60), min_size=1, max_size=20), st.sampled_from(["*/5 * * * *", "7 */3 * * *"]))
def test_whenever_schedulers_look_every_slot_is_one_command_at_most(minutes: list[int], cron: str) -> None:
    state = standing(DeclaredSchedule("a.yml", cron))
    commands = [command for minute in minutes for command in due(state, at("00:10") + timedelta(minutes=minute))]
    assert len({command.id for command in commands}) == len({command.slot for command in commands})
    assert all(command.slot.minute % 5 == 0 or command.slot.minute == 7 for command in commands)


FOLLOWS = (FollowedRuns("f.yml", ("CI",), ("completed",)),)


def told(event: RunEvent, *follows: FollowedRuns, when: str = "03:00") -> list[str]:
    return [command.id for command in followers(standing(follows=follows), ADDRESS, [event], at(when))]


def test_a_run_that_ends_is_told_once_an_attempt() -> None:
    assert told(RunFinished("success"), *FOLLOWS) == ["follows-7-1-completed"]
    assert told(RunFinished("success", 2), *FOLLOWS) == ["follows-7-2-completed"]
    assert told(RunFinished("success")) == []


def test_all_types_are_wanted_where_none_is_named_and_a_rerun_is_not_requested() -> None:
    any_type = FollowedRuns("f.yml", ("CI",))
    assert told(RunPlanned(), any_type) == ["follows-7-1-requested"]
    assert told(RunStarted(), any_type) == ["follows-7-1-in_progress"]
    assert told(RunRerun("c", "ada", 2, ()), any_type) == ["follows-7-2-in_progress"]
    assert told(RunPlanned(), *FOLLOWS) == []


def test_a_run_of_a_workflow_that_nobody_names_is_followed_by_nothing() -> None:
    state, ends = standing(follows=FOLLOWS), [RunFinished("success")]
    assert len(followers(state, ADDRESS, ends, at("03:00"), "CI")) == 1
    assert followers(state, ADDRESS, ends, at("03:00"), "Other") == []
    anyone = standing(follows=(FollowedRuns("f.yml"),))
    assert len(followers(anyone, ADDRESS, ends, at("03:00"), "Other")) == 1


def test_what_happened_before_the_declaration_and_elsewhere_is_followed_by_nothing() -> None:
    assert told(RunFinished("success"), *FOLLOWS, when="00:01") == []
    state, ends = standing(follows=FOLLOWS), [RunFinished("success")]
    assert followers(state, RunAddress("octo", "other", RunId(7)), ends, at("03:00")) == []
