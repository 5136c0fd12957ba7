"""The environment, read once and by this module alone; an unknown or malformed value is an error that names it.

The names without a prefix are those of the system that Firebreak replaces, and keep working; ours begin with
`FIREBREAK_`. `OTEL_*` is OpenTelemetry's own and is left to it. A secret may come by file, as containers and systemd
hand them out: `GITHUB_TOKEN_FILE` names one. How values are read and refused is `libs.environment`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from libs.contracts.host import DEFAULT_GROUP
from libs.contracts.ids import HostId
from libs.contracts.plan import Trust
from libs.contracts.size import Size, parse_size
from libs.environment import BadSetting, Environment

DriverName = Literal["auto", "firecracker", "qemu", "fcctl", "bubblewrap", "host"]
DRIVERS: tuple[DriverName, ...] = ("auto", "firecracker", "qemu", "fcctl", "bubblewrap", "host")
GITHUB_URL = "https://github.com"
OptIn = Literal["timeouts", "retries", "fork-text"]
OPT_INS: tuple[OptIn, ...] = ("timeouts", "retries", "fork-text")
"""What a repository may opt into in `.github/firebreak.yml`, and an operator may forbid."""
OPENROUTER_URL = "https://openrouter.ai/api/v1"
DEFAULT_LABELS = ("self-hosted", "linux", "x64", "ubuntu-*")
"""A label that ends in `*` stands for all that begin so: GitHub has `ubuntu-24.04`, `ubuntu-latest` and more."""
MOST_FLOOR_SECONDS = 6 * 3600
"""GitHub's limit of a job that names none: a floor beyond it would forbid every learned limit."""
MAX_SLOTS = 1024
"""More jobs at once than any host runs; a typing error is caught before it forks a thousand shells."""

PREFIX = "FIREBREAK_"
OURS = frozenset(
    f"{PREFIX}{name}"
    for name in (
        "ACTIONS_FROM",
        "ACTIONS_URL",
        "ALLOW_NETWORKS",
        "ALLOW_PRIVATE_CLONES",
        "ANALYTICS_PORT",
        "ANALYTICS_SECONDS",
        "ANALYTICS_TOKEN",
        "ANALYTICS_TOKEN_FILE",
        "ARCHIVE",
        "BLOBS",
        "CLONE_HOSTS",
        "CONSOLE_PORT",
        "CONTAINER_IMAGES",
        "DRIVER",
        "FIRECRACKER",
        "FORBID",
        "HOME",
        "HOST_ID",
        "IMAGE",
        "IMAGES",
        "INGRESS_BURST",
        "INGRESS_RATE",
        "JAILER",
        "JOB_ENV",
        "KEEP_FAILED",
        "KEEP_FORKS",
        "KEEP_SECRETS",
        "LABELS",
        "LLM",
        "LLM_SECONDS",
        "LLM_TOKENS",
        "LOG",
        "METRICS_PORT",
        "POOL",
        "PUBLIC_URL",
        "QEMU",
        "SCHEDULER_LEASE",
        "SECRETS_KEY",
        "SECRETS_KEY_FILE",
        "SYNC",
        "TIMEOUT_FLOOR_S",
        "TRUSTED_PROXIES",
        "VM_DISK_GB",
        "VM_LARGEST",
        "VM_SIZE",
    )
)


@dataclass(frozen=True, slots=True)
class PoolTarget:
    """So many machines of a kind stand ready. `size` None is the host's usual one."""

    trust: Trust
    size: Size | None
    count: int


@dataclass(frozen=True, slots=True)
class KeepFailed:
    """How many failed jobs' machines are kept at most, and for how long each."""

    count: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that the environment decides. Ports may be 0: any free one. Paths are absolute."""

    home: Path
    """All state of `firebreak up`, and of an agent."""
    archive: Path
    """Closed days of the log, kept for good."""
    repository_path: Path | None
    """Clones that are there already, at `owner/name[.git]`; used before anything is fetched."""
    webhook_secret: str
    github_token: str
    github_api_url: str
    host: str
    port: int
    console_port: int
    analytics_port: int
    analytics_seconds: int
    """What one question over HTTP may take."""
    analytics_token: str
    """Whoever asks over HTTP has to show it; "" asks for none."""
    public_url: str
    """Where people reach the console: links in statuses and comments begin with it."""
    nats_url: str
    blobs_url: str
    host_id: HostId
    driver: DriverName
    labels: tuple[str, ...]
    group: str
    """What a job's `runs-on.group` may ask for."""
    slots: int
    clone_hosts: tuple[str, ...]
    """Hosts that repositories may be fetched from, by https or ssh."""
    clone_private: bool
    """Lets clone URLs be paths, `file://` and private addresses: for a machine of one's own, and for tests."""
    actions_url: str
    """Where the repositories of actions are, `<url>/owner/name.git`: GitHub, or a mirror of this operator's own."""
    actions_from: tuple[Path, ...]
    """Folders with clones of them at `owner/name[.git]`, looked into before anything is fetched."""
    job_environment: Mapping[str, str]
    """This machine's variables that jobs are given, by `FIREBREAK_JOB_ENV`'s names; none unless named."""
    scheduler_lease: bool
    secrets_key: str
    """What secrets are kept under, 64 hexadecimal digits; "" is the file of the home. For the scheduler and the CLI."""
    metrics_port: int | None
    sync_always: bool
    """NATS started by `up` flushes each write to the disk before it answers."""
    log_format: Literal["text", "json"]
    ingress_rate: float
    """Requests a second that one source may send in the long run; `ingress_burst` of them at once."""
    ingress_burst: int
    trusted_proxies: tuple[str, ...]
    """Peers whose `X-Forwarded-For` is believed."""
    images: Path
    """Where guest images are; `firebreak image build` makes them."""
    image: str
    """The image of this host's machines; "" is `standard` where it is built, else `minimal`."""
    vm_size: Size | None
    """Of a job that asks for none by label; None derives it from the host and its slots."""
    vm_largest: Size | None
    """The largest that a label may ask for; None is what the host has."""
    vm_disk_bytes: int
    container_images: Path | None
    """Archives of images (`docker save`) that jobs' containers may be made from without a registry."""
    allow_networks: tuple[str, ...]
    """`address[/bits][:port]` that jobs of the own repositories may reach beside the public internet."""
    pool: tuple[PoolTarget, ...]
    pool_is_fixed: bool
    """The operator named the pool: what the learner advises does not change it."""
    forbidden: frozenset[OptIn]
    """What no repository can opt into here."""
    timeout_floor_seconds: int
    """A learned limit of a job is never shorter."""
    keep_failed: KeepFailed | None
    keep_forks: bool
    keep_secrets: bool
    """The operator's half of the consent to keep the memory of a job that was given a secret."""
    qemu: str
    firecracker: str
    jailer: str
    """Names or paths of the programs."""
    fcctl_url: str
    fcctl_token: str
    use_llm: bool
    """A language model proposes; it decides nothing. For the model's service and whoever asks one."""
    llm_trial: bool
    """What it proposes is run, as a run of its own that counts for nothing."""
    llm_seconds: float
    """Of one question."""
    llm_tokens: int
    """Of one question at most, an estimate; the answer's bound is the schema's."""
    ollama_url: str
    ollama_model: str
    openrouter_url: str
    openrouter_model: str
    openrouter_key: str
    """With it OpenRouter is asked, and not Ollama."""


def read_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """The settings of this process. Raises BadSetting."""
    reader = Environment(os.environ if environment is None else environment)
    reader.refuse_unknown(PREFIX, OURS)
    home = reader.path("FIREBREAK_HOME") or _state_home(reader)
    host = reader.text("HOST", "127.0.0.1")
    console_port = reader.port("FIREBREAK_CONSOLE_PORT", 3001)
    return Settings(
        home=home,
        archive=reader.path("FIREBREAK_ARCHIVE") or home / "archive",
        repository_path=reader.path("REPOSITORY_PATH"),
        webhook_secret=reader.secret("GITHUB_WEBHOOK_SECRET"),
        github_token=reader.secret("GITHUB_TOKEN"),
        github_api_url=reader.url("GITHUB_API_URL", "https://api.github.com", ("http", "https")),
        host=host,
        port=reader.port("PORT", 3000),
        console_port=console_port,
        analytics_port=reader.port("FIREBREAK_ANALYTICS_PORT", 3002),
        analytics_seconds=reader.whole("FIREBREAK_ANALYTICS_SECONDS", 10, 1, 600),
        analytics_token=reader.secret("FIREBREAK_ANALYTICS_TOKEN"),
        public_url=reader.url("FIREBREAK_PUBLIC_URL", f"http://{host}:{console_port}", ("http", "https")),
        nats_url=reader.url("NATS_URL", "nats://127.0.0.1:4222", ("nats", "tls")),
        blobs_url=reader.text("FIREBREAK_BLOBS", (home / "blobs").as_uri()),
        host_id=reader.host_id("FIREBREAK_HOST_ID"),
        driver=reader.choice("FIREBREAK_DRIVER", DRIVERS, "auto"),
        labels=reader.list("FIREBREAK_LABELS", DEFAULT_LABELS),
        group=reader.text("FIREBREAK_GROUP", DEFAULT_GROUP).strip() or DEFAULT_GROUP,
        slots=reader.whole("MAX_CONCURRENT_WORKFLOWS", os.cpu_count() or 1, 1, MAX_SLOTS),
        clone_hosts=reader.list("FIREBREAK_CLONE_HOSTS", ("github.com",)),
        clone_private=reader.switch("FIREBREAK_ALLOW_PRIVATE_CLONES", False),
        actions_url=reader.url("FIREBREAK_ACTIONS_URL", GITHUB_URL, ("https", "http")),
        actions_from=reader.paths("FIREBREAK_ACTIONS_FROM"),
        job_environment=reader.named("FIREBREAK_JOB_ENV"),
        scheduler_lease=reader.switch("FIREBREAK_SCHEDULER_LEASE", True),
        secrets_key=reader.secret("FIREBREAK_SECRETS_KEY"),
        metrics_port=reader.port("FIREBREAK_METRICS_PORT", -1) if reader.has("FIREBREAK_METRICS_PORT") else None,
        sync_always=reader.choice("FIREBREAK_SYNC", ("default", "always"), "default") == "always",
        log_format=reader.choice("FIREBREAK_LOG", ("text", "json"), "text"),
        ingress_rate=float(reader.whole("FIREBREAK_INGRESS_RATE", 1000, 1, 1_000_000)),
        ingress_burst=reader.whole("FIREBREAK_INGRESS_BURST", 5000, 1, 1_000_000),
        trusted_proxies=reader.addresses("FIREBREAK_TRUSTED_PROXIES"),
        images=reader.path("FIREBREAK_IMAGES") or home / "images",
        image=reader.text("FIREBREAK_IMAGE", ""),
        vm_size=reader.size("FIREBREAK_VM_SIZE"),
        vm_largest=reader.size("FIREBREAK_VM_LARGEST"),
        vm_disk_bytes=reader.whole("FIREBREAK_VM_DISK_GB", 14, 1, 4096) * 1024**3,
        container_images=reader.path("FIREBREAK_CONTAINER_IMAGES"),
        allow_networks=reader.places("FIREBREAK_ALLOW_NETWORKS"),
        pool=_pool(reader, "FIREBREAK_POOL"),
        pool_is_fixed=reader.has("FIREBREAK_POOL"),
        forbidden=frozenset(reader.words("FIREBREAK_FORBID", OPT_INS)),
        timeout_floor_seconds=reader.whole("FIREBREAK_TIMEOUT_FLOOR_S", 300, 1, MOST_FLOOR_SECONDS),
        keep_failed=_keep(reader, "FIREBREAK_KEEP_FAILED"),
        keep_forks=reader.switch("FIREBREAK_KEEP_FORKS", False),
        keep_secrets=reader.switch("FIREBREAK_KEEP_SECRETS", False),
        qemu=reader.text("FIREBREAK_QEMU", "qemu-system-x86_64"),
        firecracker=reader.text("FIREBREAK_FIRECRACKER", "firecracker"),
        jailer=reader.text("FIREBREAK_JAILER", "jailer"),
        fcctl_url=reader.url("FIRECRACKER_API_URL", "", ("http", "https")) if reader.has("FIRECRACKER_API_URL") else "",
        fcctl_token=reader.secret("FIRECRACKER_AUTH_TOKEN"),
        use_llm=reader.switch("USE_LLM_PARSER", False),
        llm_trial=reader.choice("FIREBREAK_LLM", ("off", "trial"), "off") == "trial",
        llm_seconds=float(reader.whole("FIREBREAK_LLM_SECONDS", 60, 1, 600)),
        llm_tokens=reader.whole("FIREBREAK_LLM_TOKENS", 2048, 512, 100_000),
        ollama_url=reader.url("OLLAMA_BASE_URL", "http://localhost:11434", ("http", "https")).removesuffix("/v1"),
        ollama_model=reader.text("OLLAMA_MODEL", "gemma3:4b"),
        openrouter_url=reader.url("OPENROUTER_API_BASE", OPENROUTER_URL, ("http", "https")),
        openrouter_model=reader.text("OPENROUTER_MODEL", "google/gemma-3-4b-it"),
        openrouter_key=reader.secret("OPENROUTER_API_KEY"),
    )


def without_password(url: str) -> str:
    """A URL as it may be shown: the user name and the password are left out."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _state_home(reader: Environment) -> Path:
    base = reader.path("XDG_STATE_HOME") or Path(reader.text("HOME", "/var/lib")) / ".local" / "state"
    return base / "firebreak"


def _pool(reader: Environment, name: str) -> tuple[PoolTarget, ...]:
    """`2`, or a list of `own=2`, `fork=1`, `own/2cpu-4gb=1`. Unset is one machine for the own repositories."""
    targets: list[PoolTarget] = []
    for part in reader.list(name, ("own=1",)):
        kind, _, count = part.rpartition("=")
        trust, _, size = (kind or "own").partition("/")
        parsed = parse_size(size) if size else None
        bad = trust not in ("own", "fork") or (size and parsed is None) or not count.isdecimal() or int(count) > 256
        if bad:
            raise BadSetting(f"{name}: {part!r}: expected a number up to 256, or own=2, fork=1, own/2cpu-4gb=1")
        targets.append(PoolTarget("fork" if trust == "fork" else "own", parsed, int(count)))
    return tuple(targets)


def _keep(reader: Environment, name: str) -> KeepFailed | None:
    """`off`, or `3:24h`: how many, and for how long (m, h or d)."""
    value = reader.text(name, "off")
    if value == "off":
        return None
    count, _, period = value.partition(":")
    unit = {"m": 60, "h": 3600, "d": 86400}.get(period[-1:], 0)
    if not (count.isdecimal() and 1 <= int(count) <= 100 and unit and period[:-1].isdecimal() and int(period[:-1])):
        raise BadSetting(f"{name}={value!r}: expected off, or how many and for how long, such as 3:24h")
    return KeepFailed(int(count), int(period[:-1]) * unit)
