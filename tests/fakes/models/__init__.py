"""A server that speaks the wire protocols of Ollama and of OpenRouter, and can be as bad as one likes."""
