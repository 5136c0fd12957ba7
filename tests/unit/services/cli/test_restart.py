"""A service that keeps dying is started ever later; one that lived well is started at once."""

from services.cli.up.children import children
from services.cli.up.restart import FIRST_DELAY_SECONDS, LONGEST_DELAY_SECONDS, STEADY_SECONDS, Restarts


def test_the_pause_grows_and_has_a_bound() -> None:
    restarts = Restarts()
    restarts.begin(0)
    delays = [restarts.delay_seconds(1) for _ in range(10)]
    assert delays[0] == FIRST_DELAY_SECONDS
    assert delays == sorted(delays)
    assert delays[-1] == LONGEST_DELAY_SECONDS


def test_a_long_life_forgives() -> None:
    restarts = Restarts()
    for _ in range(5):
        restarts.delay_seconds(1)
    restarts.begin(100)
    assert restarts.delay_seconds(100 + STEADY_SECONDS) == FIRST_DELAY_SECONDS


def test_a_secret_reaches_the_service_that_needs_it_and_no_other() -> None:
    environment = {"GITHUB_WEBHOOK_SECRET": "s", "GITHUB_TOKEN": "t", "PATH": "/bin", "AWS_SECRET": "x"}
    knows = {child.name: child.environment for child in children(environment)}
    assert [name for name, env in knows.items() if "GITHUB_WEBHOOK_SECRET" in env] == ["ingress"]
    assert "GITHUB_TOKEN" not in knows["ingress"] | knows["console"] | knows["learner"] | knows["scheduler"]
    assert all("AWS_SECRET" not in env for env in knows.values())
    assert all(env["PATH"] == "/bin" for env in knows.values())


def test_the_models_service_is_started_where_it_is_wanted_and_knows_no_secret_but_its_own() -> None:
    secrets = {"GITHUB_WEBHOOK_SECRET": "s", "GITHUB_TOKEN": "t", "FIREBREAK_SECRETS_KEY": "k", "AWS_SECRET": "a"}
    secrets |= {"FIREBREAK_ANALYTICS_TOKEN": "n", "FIRECRACKER_AUTH_TOKEN": "f", "NATS_URL": "nats://127.0.0.1:4222"}
    environment = {**secrets, "OPENROUTER_API_KEY": "o", "OLLAMA_MODEL": "m", "FIREBREAK_LLM": "trial"}
    assert "model" not in {child.name for child in children(environment)}
    assert "model" not in {child.name for child in children({**environment, "USE_LLM_PARSER": "false"})}
    knows = {child.name: child.environment for child in children({**environment, "USE_LLM_PARSER": "True"})}
    assert knows["model"] == {
        "NATS_URL": "nats://127.0.0.1:4222",
        "OPENROUTER_API_KEY": "o",
        "OLLAMA_MODEL": "m",
        "FIREBREAK_LLM": "trial",
        "USE_LLM_PARSER": "True",
    }
    assert [name for name, env in knows.items() if "OPENROUTER_API_KEY" in env] == ["model"]


def test_what_asks_sql_over_http_has_its_token_alone() -> None:
    environment = {"FIREBREAK_ANALYTICS_TOKEN": "t", "FIREBREAK_SECRETS_KEY": "k", "GITHUB_TOKEN": "g", "PATH": "/bin"}
    knows = {child.name: child.environment for child in children(environment)}
    assert [name for name, env in knows.items() if "FIREBREAK_ANALYTICS_TOKEN" in env] == ["analytics"]
    assert set(knows["analytics"]) == {"FIREBREAK_ANALYTICS_TOKEN", "PATH"}


def test_what_jobs_are_to_be_given_reaches_the_agent_and_nobody_else() -> None:
    environment = {"FIREBREAK_JOB_ENV": "PIP_INDEX_URL, CACHE", "CACHE": "/c", "PIP_INDEX_URL": "u", "OTHER": "x"}
    knows = {child.name: child.environment for child in children(environment)}
    assert [name for name, env in knows.items() if "CACHE" in env] == ["vm_agent"]
    assert knows["vm_agent"]["PIP_INDEX_URL"] == "u"
    assert "OTHER" not in knows["vm_agent"]
