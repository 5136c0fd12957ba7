"""The door of Firebreak: GitHub's webhooks over HTTP.

*Consumes:* `POST /webhook`.
*Emits:* `DeliveryReceived` on `raw.delivery.<guid>`; blobs for large bodies.
*Owns:* the deliveries.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime

from libs import process
from libs.environment import BadSetting
from libs.process import Process
from libs.settings import Settings
from libs.telemetry import log
from libs.web import serve_http
from services.ingress.app import Ingress, operations
from services.ingress.metrics import counts
from services.ingress.rate import Buckets, networks
from services.ingress.store import DeliveryStore
from services.ingress.webhook import Webhook

MAX_CONNECTIONS = 2048
"""Idle ones included; each costs some 20 KB, so 40 MB at the most."""


async def serve(process: Process) -> None:
    """Raises BadSetting without a secret: a door without a lock is not opened."""
    settings = process.settings
    logger = log.get("ingress")

    def ready(port: int) -> None:
        logger.info("listening", host=settings.host, port=port)

    await serve_http(
        ingress(process, _secret(settings)), settings.host, settings.port, ready=ready, max_connections=MAX_CONNECTIONS
    )


def ingress(process: Process, secret: bytes) -> Ingress:
    counted = counts(process.metrics)
    store = DeliveryStore(process.bus, process.blobs, lambda: datetime.now(UTC))
    return Ingress(
        webhook=Webhook(store, secret, counted),
        operations=operations(process.bus, process.metrics),
        buckets=Buckets(process.settings.ingress_rate, process.settings.ingress_burst),
        proxies=networks(process.settings.trusted_proxies),
        counts=counted,
        monotonic=time.monotonic,
    )


def _secret(settings: Settings) -> bytes:
    if not settings.webhook_secret:
        raise BadSetting(
            "GITHUB_WEBHOOK_SECRET is not set: ingress accepts signed deliveries only."
            " Set it to the secret in the webhook's settings on GitHub (`openssl rand -hex 32` makes one)"
        )
    return settings.webhook_secret.encode()


def main() -> None:
    process.main("ingress", serve)


if __name__ == "__main__":
    main()
