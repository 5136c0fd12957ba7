from __future__ import annotations

from libs.bus.jetstream.provision import bucket_config, stream_config
from libs.bus.matching import matches
from libs.bus.streams import BUCKETS, MAX_MESSAGE_BYTES, is_queue, table
from libs.contracts import subjects
from libs.contracts.blobs import DELIVERY_INLINE_BYTES

SPECS = {spec.name: spec for spec in table()}


def test_every_stream_of_the_contracts_is_there_and_holds_its_subjects() -> None:
    assert set(SPECS) == set(subjects.PREFIXES.values())
    for prefix, name in subjects.PREFIXES.items():
        subject = {"raw": "raw.delivery.x", "timer": "timer.due.x"}.get(prefix, f"{prefix}.a")
        assert any(matches(pattern, subject) for pattern in SPECS[name].subjects)


def test_a_delivery_that_is_inline_fits_into_a_message() -> None:
    assert DELIVERY_INLINE_BYTES * 4 / 3 + 64 * 1024 < MAX_MESSAGE_BYTES


def test_what_is_a_queue() -> None:
    assert [name for name in SPECS if is_queue(name)] == ["COMMANDS", "JOBS", "TIMERS"]


def test_the_log_refuses_rather_than_forgets_and_logs_forget_rather_than_refuse() -> None:
    assert stream_config(SPECS["EVENTS"])["discard"] == "new"
    assert stream_config(SPECS["LOGS"])["discard"] == "old"
    assert stream_config(SPECS["LOGS"])["persist_mode"] == "async"
    assert "persist_mode" not in stream_config(SPECS["LOGS"], replicas=3)


def test_the_days_of_the_log_can_be_set() -> None:
    (events,) = [spec for spec in table(event_days=7) if spec.name == "EVENTS"]
    assert stream_config(events)["max_age"] == 7 * 86_400 * 10**9


def test_leases_are_in_memory_and_checkpoints_on_the_disk() -> None:
    storage = {bucket.name: bucket_config(bucket)["storage"] for bucket in BUCKETS}
    assert storage == {"CHECKPOINTS": "file", "ACTIVE": "memory", "SECRETS": "file", "SETTINGS": "file"}
