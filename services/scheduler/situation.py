"""What a decision rests on besides the run: the time, the hosts, what is known of groups and environments, and what was
learned of the repository's jobs.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

import msgspec

from libs.contracts.environments import Environments
from libs.contracts.group import GroupChanged
from services.scheduler.hosts import Fleet
from services.scheduler.learned import NOTHING, Learned
from services.scheduler.policy import SERVICE, Policy

NO_GROUPS: Mapping[str, GroupChanged] = MappingProxyType({})


class Situation(msgspec.Struct, frozen=True):
    """`groups` are the concurrency groups' states, by subject. `environments` and `learned` are those of the run's
    repository; no environments where nobody looked yet: then a job that names one waits.
    """

    now: datetime
    fleet: Fleet
    policy: Policy = SERVICE
    groups: Mapping[str, GroupChanged] = NO_GROUPS
    environments: Environments | None = None
    learned: Learned = NOTHING
