"""What a build may depend on of the process that started it: the way to the packages, but no locale and no clock."""

from __future__ import annotations

import os
import subprocess

EPOCH = "1700000000"
"""Every file's time, in whatever year it is built."""
APT_CONFIG_SECONDS = 10.0


def environment(**more: str) -> dict[str, str]:
    """Of every program that takes part in a build."""
    kept = {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
    if apt := _apt_proxy():
        kept.setdefault("http_proxy", apt)
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    return {
        **kept,
        "PATH": path,
        "LC_ALL": "C.UTF-8",
        "SOURCE_DATE_EPOCH": EPOCH,
        "DEBIAN_FRONTEND": "noninteractive",
        "HOME": "/root",
        **more,
    }


def _apt_proxy() -> str:
    """Of the host's apt; mmdebstrap's has a configuration of its own, and what is put there gets into the image."""
    command = ["apt-config", "shell", "proxy", "Acquire::http::Proxy"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=APT_CONFIG_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip().removeprefix("proxy=").strip("'")
