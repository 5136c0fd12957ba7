"""``on.schedule`` to the model: cron lines that are ones, and time zones that exist."""

from functools import cache

from libs.workflow.cron import CronError, is_too_frequent, parse_cron, shortest_minutes, zone_of
from libs.workflow.model import Schedule
from libs.workflow.nodes import Mapping, Node, Scalar, Sequence
from libs.workflow.problems import KeyPath
from libs.workflow.reading.locations import locate
from libs.workflow.reading.reader import Reader, Shape, position

_entry = Shape("an entry of `schedule`", frozenset({"cron", "timezone"}))
cron_characters = 1000  # Every minute of an hour written out has 170.


def read_schedule(reader: Reader, place: Scalar, node: Node | None, path: KeyPath) -> tuple[Schedule, ...]:
    """``node`` None: the event is only named, which GitHub accepts, and which starts nothing."""
    if node is None:
        reader.warning(place, "`schedule` without a list of times starts nothing", path)
        return ()
    items = reader.items(node, "`schedule`", path)
    if isinstance(node, Sequence) and not items:
        reader.error(node, "`schedule` must hold at least one entry with `cron`", path)
    found = [_read_entry(reader, item, (*path, index)) for index, item in enumerate(items)]
    return tuple(entry for entry in found if entry is not None)


def _read_entry(reader: Reader, node: Node, path: KeyPath) -> Schedule | None:
    fields = reader.fields(node, _entry, path)
    zone = _read_zone(reader, fields["timezone"].value, (*path, "timezone")) if "timezone" in fields else None
    if "cron" not in fields:
        if isinstance(node, Mapping):
            reader.require(node, fields, ("cron",), _entry, path)
        return None
    value, inner = fields["cron"].value, (*path, "cron")
    cron = reader.literal(value, "cron", inner, empty=False)
    if cron is None or not _check_cron(reader, value, cron, inner):
        return None
    return Schedule(position(value), cron, zone)


def _check_cron(reader: Reader, node: Node, cron: str, path: KeyPath) -> bool:
    assert isinstance(node, Scalar)
    if len(cron) > cron_characters:
        reader.error(node, f"a schedule may have {cron_characters} characters at most, and this has {len(cron)}", path)
        return False
    try:
        line_of_cron = parse_cron(cron)
    except CronError as error:
        line, column = locate(reader.document.text, node, min(error.offset, max(0, len(node.text) - 1)))
        reader.problems.add(line, column, f"invalid schedule `{cron}`: {error.message}", key_path=path)
        return False
    if is_too_frequent(line_of_cron):
        reader.warning(
            node, f"a workflow is started every {shortest_minutes} minutes at most, and this asks for more", path
        )
    return True


def _read_zone(reader: Reader, node: Node, path: KeyPath) -> str | None:
    zone = reader.literal(node, "timezone", path, empty=False)
    if zone is None:
        return None
    try:
        zone_of(zone)
    except ValueError as error:
        reader.error(node, f"{error}{reader.suggest(zone, _zones())}", path)
        return None
    return zone


@cache
def _zones() -> frozenset[str]:
    # Imported here, for only a mistake needs the names, and they are read from hundreds of files.
    from zoneinfo import available_timezones

    return frozenset(available_timezones())
