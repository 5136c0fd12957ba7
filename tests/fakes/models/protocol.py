"""What the real servers answer: Ollama's own API and its OpenAI-compatible one, OpenRouter's with its errors."""

from __future__ import annotations

import json
from typing import Any

MODEL = "gemma3:4b"
KEY = "sk-or-v1-0123456789abcdef"


def openai_answer(content: str, model: str, finish: str = "stop", **message: Any) -> dict[str, Any]:
    """`/v1/chat/completions` of Ollama, and OpenRouter's `/api/v1/chat/completions`."""
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1764000000,
        "model": model,
        "system_fingerprint": "fp_ollama",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": content, **message},
                "finish_reason": finish,
            }
        ],
        "usage": {"prompt_tokens": 120, "completion_tokens": 40, "total_tokens": 160},
    }


def chat_answer(content: str, model: str, finish: str = "stop", **message: Any) -> dict[str, Any]:
    """`/api/chat` with `"stream": false`."""
    return {
        "model": model,
        "created_at": "2026-11-24T12:00:00Z",
        "message": {"role": "assistant", "content": content, **message},
        "done_reason": finish,
        "done": True,
        "total_duration": 1_000_000,
        "prompt_eval_count": 120,
        "eval_count": 40,
    }


def generate_answer(content: str, model: str, finish: str = "stop") -> dict[str, Any]:
    """`/api/generate` with `"stream": false`."""
    told = chat_answer(content, model, finish)
    return {**{name: value for name, value in told.items() if name != "message"}, "response": content}


def show_answer() -> dict[str, Any]:
    return {
        "license": "gemma",
        "template": "{{ .Prompt }}",
        "details": {"family": "gemma3", "parameter_size": "4.3B", "quantization_level": "Q4_K_M"},
        "model_info": {"general.architecture": "gemma3", "gemma3.context_length": 131072},
        "capabilities": ["completion"],
    }


def tags_answer(model: str) -> dict[str, Any]:
    return {"models": [{"name": model, "model": model, "size": 3_338_801_804, "digest": "a2af6cc3eb7f"}]}


def not_found(model: str) -> bytes:
    """For a model that was not pulled."""
    return json.dumps(
        {"error": {"message": f'model "{model}" not found, try pulling it first', "type": "api_error"}}
    ).encode()


def router_error(code: int, message: str) -> bytes:
    """OpenRouter's form of an error."""
    return json.dumps({"error": {"code": code, "message": message}, "user_id": "user_1"}).encode()
