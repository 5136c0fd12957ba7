"""Containers as expressions give them: any value is a container, none, or refused with a reason."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.workflow.expressions import Value
from services.vm_agent.job.containers.refused import BadContainer
from services.vm_agent.job.containers.wanted import Login, Wanted, read_wanted

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner))
KEYS = ("image", "env", "ports", "volumes", "options", "credentials", "entrypoint", "command")


@given(VALUES | st.dictionaries(st.sampled_from(KEYS), VALUES))
def test_any_value_is_a_container_none_or_refused(value: Value) -> None:
    for service in ("", "db"):
        with contextlib.suppress(BadContainer):
            wanted = read_wanted(service, value)
            assert wanted is None or wanted.image


@pytest.mark.row("containers: container")
def test_a_name_is_a_whole_container() -> None:
    assert read_wanted("", "app:1") == Wanted("", "app:1", {})
    assert read_wanted("", None) is None
    assert read_wanted("", "") is None


@pytest.mark.row("containers: services")
@pytest.mark.row("containers: credentials")
def test_every_key_is_read() -> None:
    value: Value = {
        "image": "app:1",
        "env": {"A": 1, "B": True, "C": None},
        "ports": [80, "81:82/udp", "", None],
        "volumes": ["a:/b", ""],
        "options": "--cpus 1",
        "credentials": {"username": "u", "password": "p"},
        "entrypoint": "/start",
        "command": 'a "b c"',
    }
    assert read_wanted("db", value) == Wanted(
        "db",
        "app:1",
        {"A": "1", "B": "true", "C": ""},
        ("80", "81:82/udp"),
        ("a:/b",),
        ("--cpus", "1"),
        Login("u", "p"),
        ("/start",),
        ("a", "b c"),
    )


@pytest.mark.row("containers: credentials")
@pytest.mark.parametrize("credentials", [None, "", {}, {"username": "u"}, {"username": "", "password": "p"}])
def test_credentials_that_are_not_whole_are_none(credentials: Value) -> None:
    wanted = read_wanted("", {"image": "app", "credentials": credentials})
    assert wanted is not None
    assert wanted.login is None


@pytest.mark.parametrize("id", ["1a", "--privileged", "a b", "ä", "a.b", "x" * 101])
def test_a_service_has_an_id_as_in_a_workflow(id: str) -> None:
    with pytest.raises(BadContainer, match="is no id"):
        read_wanted(id, "app")


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ({"image": "app", "nonsense": 1}, "container: unknown key 'nonsense'"),
        ({"image": ["app"]}, "container: image: expected a text"),
        ({"image": "app", "ports": 80}, "container: ports: expected a sequence"),
        ({"image": "app", "env": [1]}, "container: env: expected a mapping"),
        ({"image": "app", "env": {"A": {}}}, "container: env: expected a text"),
    ],
)
def test_what_is_refused_names_the_key(value: Value, why: str) -> None:
    with pytest.raises(BadContainer, match=why):
        read_wanted("", value)
