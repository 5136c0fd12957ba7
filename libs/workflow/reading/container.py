"""``container`` and ``services`` of a job to the model. What an image's name means to an engine is not known here."""

from libs.workflow.model import Container, Credentials, Template
from libs.workflow.nodes import Entry, Mapping, Node
from libs.workflow.problems import KeyPath
from libs.workflow.reading.reader import Reader, Shape, position
from libs.workflow.reading.settings import read_env, read_non_empty

_keys = frozenset({"image", "env", "ports", "volumes", "options", "credentials"})
_container = Shape("`container`", _keys)
_service = Shape("a service", _keys | {"entrypoint", "command"})
_credentials = Shape("`credentials`", frozenset({"username", "password"}))
_docker = "docker://"


def read_container(reader: Reader, node: Node, path: KeyPath) -> Container | None:
    """An image or a mapping. The empty image is none, as on GitHub, so that an expression can choose."""
    return _read(reader, node, _container, "jobs.<job_id>.container", path)


def read_services(reader: Reader, node: Node, path: KeyPath) -> dict[str, Container] | str:
    """By name, or one expression that gives the whole mapping."""
    key = "jobs.<job_id>.services"
    if reader.is_template(node):
        return reader.whole(node, "services", key, path) or {}
    services: dict[str, Container] = {}
    for entry in reader.entries(node, "`services`", path):
        name = entry.key.text
        inner = (*path, name)
        if "${{" in name:
            reader.refuse(entry.key, "an expression as the name of a service", inner)
            continue
        if not name:
            reader.error(entry.key, "a name in `services` must not be empty", path)
        service = _read(reader, entry.value, _service, f"{key}.<service_id>", inner)
        if service is not None:
            services[name] = service
    return services


def _read(reader: Reader, node: Node, shape: Shape, key: str, path: KeyPath) -> Container | None:
    if not isinstance(node, Mapping):
        what = "container" if shape is _container else path[-1]
        image = reader.text(node, str(what), key, path)
        if image or shape is _service:
            _check_image(reader, node, image, path)
        return Container(position(node), image) if image else None
    fields = reader.fields(node, shape, path)
    image = None
    if "image" in fields:
        inner = (*path, "image")
        image = reader.text(fields["image"].value, "image", f"{key}.image", inner)
        _check_image(reader, fields["image"].value, image, inner)
    else:
        reader.error(node, f"{shape.what} needs the key `image`", path)
    container = Container(
        at=position(node),
        image=image or "",
        env=_read_env(reader, fields, key, path),
        ports=_read_list(reader, fields, "ports", key, path),
        volumes=_read_list(reader, fields, "volumes", key, path),
        options=_text(reader, fields, "options", key, path),
        credentials=_read_credentials(reader, fields, key, path),
        entrypoint=_text(reader, fields, "entrypoint", key, path),
        command=_text(reader, fields, "command", key, path),
    )
    return container if image else None


def _check_image(reader: Reader, node: Node, image: str | None, path: KeyPath) -> None:
    if image in ("", _docker):
        reader.error(node, "the image must not be empty", path)


def _read_env(reader: Reader, fields: dict[str, Entry], key: str, path: KeyPath) -> dict[str, Template] | str:
    if "env" not in fields:
        return {}
    return read_env(reader, fields["env"].value, f"{key}.env.<env_id>", (*path, "env"), around=key)


def _read_list(reader: Reader, fields: dict[str, Entry], name: str, key: str, path: KeyPath) -> tuple[str, ...] | str:
    """Strings, none of them empty, or one expression that gives the list."""
    if name not in fields:
        return ()
    node, inner = fields[name].value, (*path, name)
    if reader.is_template(node):
        return reader.whole(node, name, key, inner) or ()
    items = reader.items(node, f"`{name}`", inner)
    texts = [read_non_empty(reader, item, name, key, (*inner, index)) for index, item in enumerate(items)]
    return tuple(text for text in texts if text is not None)


def _read_credentials(reader: Reader, fields: dict[str, Entry], key: str, path: KeyPath) -> Credentials | None:
    if "credentials" not in fields:
        return None
    node, inner = fields["credentials"].value, (*path, "credentials")
    if reader.is_template(node):
        source = reader.parts(node, "credentials", f"{key}.credentials", inner)
        if source is None:
            return None
        return Credentials(f"${{{{ {source}.username }}}}", f"${{{{ {source}.password }}}}")
    found = reader.fields(node, _credentials, inner)
    if isinstance(node, Mapping):
        reader.require(node, found, ("username", "password"), _credentials, inner)
    values = {
        name: read_non_empty(reader, entry.value, name, f"{key}.credentials", (*inner, name))
        for name, entry in found.items()
    }
    username, password = values.get("username"), values.get("password")
    return None if username is None or password is None else Credentials(username, password)


def _text(reader: Reader, fields: dict[str, Entry], name: str, key: str, path: KeyPath) -> str:
    return reader.text(fields[name].value, name, key, (*path, name)) or "" if name in fields else ""
