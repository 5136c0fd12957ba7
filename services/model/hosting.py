"""Whether a model is somebody else's: then what is asked leaves the operator's machines."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from services.model.llm.wire import Endpoint

_OWN = (".localhost", ".local", ".internal", ".lan", ".home.arpa")


def is_hosted(endpoint: Endpoint) -> bool:
    """OpenRouter always is. Ollama is where its address is neither private nor a name of a private network: in doubt it
    is somebody else's."""
    if endpoint.provider == "openrouter":
        return True
    host = (urlsplit(endpoint.base_url).hostname or "").lower().rstrip(".")
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return "." in host and not host.endswith(_OWN)
    return not (address.is_private or address.is_loopback or address.is_link_local)
