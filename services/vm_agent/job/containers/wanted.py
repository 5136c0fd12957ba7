"""What a job wants of a container, once its expressions are values. Pure but for the evaluator that is asked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from libs.contracts.plan import Container
from libs.workflow.expressions import Value, to_string
from services.vm_agent.job.containers.images import image_name
from services.vm_agent.job.containers.options import read_options
from services.vm_agent.job.containers.paths import read_volume
from services.vm_agent.job.containers.ports import read_port
from services.vm_agent.job.containers.refused import BadContainer
from services.vm_agent.job.containers.words import option_words
from services.vm_agent.job.evaluation import Evaluator

JOB = "jobs.<job_id>.container"
SERVICES = "jobs.<job_id>.services"
SERVICE = "jobs.<job_id>.services.<service_id>"
_KEYS = frozenset(("image", "env", "ports", "volumes", "options", "credentials", "entrypoint", "command"))
ID_CHARACTERS = 100
_ID = re.compile(rf"[A-Za-z_][A-Za-z0-9_-]{{0,{ID_CHARACTERS - 1}}}")
"""It is a host's name in the job's network."""
TEXT_CHARACTERS = 100_000
"""Of one value: Linux takes arguments and variables of 128 KiB."""
SERVICES_A_JOB = 64
"""More in one machine is a mistake."""


@dataclass(frozen=True, slots=True)
class Login:
    """Not masked: it goes into a file that the engine reads, and nowhere else."""

    username: str
    password: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """`service` is its id, "" for the job's own container."""

    service: str
    image: str
    env: Mapping[str, str]
    ports: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    login: Login | None = None
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()


async def wanted_container(container: Container | None, evaluator: Evaluator) -> Wanted | None:
    """The job's own; None where there is none. Raises BadKey, BadContainer."""
    if container is None:
        return None
    return read_wanted("", await _plain(container, evaluator, JOB, f"{JOB}.image"))


async def wanted_services(services: Mapping[str, Container] | str, evaluator: Evaluator) -> tuple[Wanted, ...]:
    """Those whose image is not empty. Raises BadKey, BadContainer."""
    if isinstance(services, str):
        plain = _mapping(await evaluator.value(services, SERVICES), "services")
    else:
        plain = {name: await _plain(one, evaluator, SERVICE, SERVICES) for name, one in services.items()}
    if len(plain) > SERVICES_A_JOB:
        raise BadContainer(f"services: there are {len(plain)}, and {SERVICES_A_JOB} may be")
    read = [read_wanted(name, one) for name, one in plain.items()]
    return tuple(one for one in read if one is not None)


def read_wanted(service: str, value: Value) -> Wanted | None:
    """From a container whose expressions are values: an image's name, or a mapping as in a workflow. Raises
    BadContainer, which names the service."""
    where = f"services.{service}" if service else "container"
    if service and not _ID.fullmatch(service):
        raise BadContainer(f"services: '{service[:ID_CHARACTERS]}' is no id: letters, digits, _ and -, no digit first")
    try:
        return _wanted(service, {"image": value} if not isinstance(value, dict) else value)
    except BadContainer as error:
        raise BadContainer(f"{where}: {error}") from None


async def _plain(container: Container, evaluator: Evaluator, key: str, planned: str) -> Value:
    """`key` is where the expressions of `env` and `credentials` stand, `planned` where all others do."""
    image = await evaluator.value(container.image, planned)
    if isinstance(image, dict):
        # `container: ${{ fromJSON(...) }}` gives all of it at once.
        return image
    login = container.credentials
    return {
        "image": image,
        "env": dict(await evaluator.mapping(container.env, f"{key}.env.<env_id>")),
        "ports": await _list(container.ports, evaluator, planned),
        "volumes": await _list(container.volumes, evaluator, planned),
        "options": await evaluator.text(container.options, planned),
        "entrypoint": await evaluator.text(container.entrypoint, planned),
        "command": await evaluator.text(container.command, planned),
        "credentials": None
        if login is None
        else {
            "username": await evaluator.text(login.username, f"{key}.credentials"),
            "password": await evaluator.text(login.password, f"{key}.credentials"),
        },
    }


async def _list(items: tuple[str, ...] | str, evaluator: Evaluator, key: str) -> Value:
    if isinstance(items, str):
        return await evaluator.value(items, key)
    return [await evaluator.text(item, key) for item in items]


def _wanted(service: str, plain: Mapping[str, Value]) -> Wanted | None:
    unknown = sorted(set(plain) - _KEYS)
    if unknown:
        raise BadContainer(f"unknown key '{unknown[0]}'")
    image = image_name(_text(plain, "image"))
    if not image:
        return None
    return Wanted(
        service,
        image,
        {name: _scalar(value, "env") for name, value in _mapping(plain.get("env"), "env").items()},
        tuple(map(read_port, _texts(plain.get("ports"), "ports"))),
        tuple(map(read_volume, _texts(plain.get("volumes"), "volumes"))),
        read_options(_text(plain, "options"), service=bool(service)),
        _login(_mapping(plain.get("credentials"), "credentials")),
        tuple(option_words(_text(plain, "entrypoint"))),
        tuple(option_words(_text(plain, "command"))),
    )


def _login(given: Mapping[str, Value]) -> Login | None:
    username, password = _text(given, "username"), _text(given, "password")
    return Login(username, password) if username and password else None


def _texts(value: Value, key: str) -> list[str]:
    """Those that are empty once evaluated are left out: that is how one of a list is made conditional."""
    if value is None or value == "":
        return []
    if not isinstance(value, list):
        raise BadContainer(f"{key}: expected a sequence")
    return [text for text in (_scalar(item, key) for item in value) if text.strip()]


def _mapping(value: Value, key: str) -> dict[str, Value]:
    if value is None or value == "":
        return {}
    if not isinstance(value, dict):
        raise BadContainer(f"{key}: expected a mapping")
    return value


def _text(given: Mapping[str, Value], key: str) -> str:
    return _scalar(given.get(key), key)


def _scalar(value: Value, key: str) -> str:
    if isinstance(value, list | dict):
        raise BadContainer(f"{key}: expected a text")
    text = to_string(value)
    if "\0" in text or len(text) > TEXT_CHARACTERS:
        raise BadContainer(f"{key}: a text of {TEXT_CHARACTERS} characters at most was expected, without a NUL")
    return text
