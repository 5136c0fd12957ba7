"""Which endpoint the settings mean, and whether it is somebody else's."""

from __future__ import annotations

import pytest

from libs.settings import read_settings
from services.model.asking import endpoint_of
from services.model.hosting import is_hosted
from services.model.llm.wire import Endpoint


def test_openrouter_comes_before_ollama_where_it_has_a_key() -> None:
    ollama = endpoint_of(read_settings({"OLLAMA_BASE_URL": "http://o:1/v1/"}))
    assert ollama == Endpoint("ollama", "http://o:1", "gemma3:4b")
    both = endpoint_of(read_settings({"OLLAMA_BASE_URL": "http://o:1", "OPENROUTER_API_KEY": "k"}))
    assert both == Endpoint("openrouter", "https://openrouter.ai/api/v1", "google/gemma-3-4b-it", "k")


@pytest.mark.parametrize(
    ("url", "hosted"),
    [
        ("http://localhost:11434", False),
        ("http://127.0.0.1:11434", False),
        ("http://[::1]:11434", False),
        ("http://10.1.2.3:11434", False),
        ("http://ollama:11434", False),
        ("http://gpu.internal:11434", False),
        ("https://ollama.com", True),
        ("https://8.8.8.8", True),
        ("https://models.example.org", True),
    ],
)
def test_an_ollama_in_doubt_is_somebody_elses(url: str, hosted: bool) -> None:
    assert is_hosted(Endpoint("ollama", url, "m")) is hosted


def test_openrouter_is_somebody_elses_wherever_it_is() -> None:
    assert is_hosted(Endpoint("openrouter", "http://127.0.0.1:1/api/v1", "m"))
