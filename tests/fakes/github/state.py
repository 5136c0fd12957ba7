"""GitHub's rules for statuses and comments, as its documentation and its answers state them. No HTTP, no clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

STATES = {"error", "failure", "pending", "success"}
DESCRIPTION_CHARACTERS = 140
CONTEXT_CHARACTERS = 255
BODY_CHARACTERS = 65_536
STATUSES_A_CONTEXT = 1_000


class Refusal(Exception):
    def __init__(self, status: int, message: str, errors: list[dict[str, str]] | None = None, **headers: str) -> None:
        super().__init__(message)
        self.status, self.message, self.errors = status, message, errors
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


def invalid(resource: str, field_name: str, message: str) -> Refusal:
    error = {"resource": resource, "code": "custom", "field": field_name, "message": message}
    return Refusal(422, "Validation Failed", [error])


@dataclass(frozen=True)
class Token:
    """`app`: an installation's; it may not ask `/user`, and its comments are by a bot."""

    login: str
    statuses: bool = True
    comments: bool = True
    app: bool = False

    @property
    def account(self) -> dict[str, Any]:
        return {"login": self.login, "id": sum(self.login.encode()), "type": "Bot" if self.app else "User"}


@dataclass
class Repository:
    commits: set[str] = field(default_factory=set)
    issues: set[int] = field(default_factory=set)
    private: bool = False
    statuses: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """By commit, oldest first."""
    comments: dict[int, dict[str, Any]] = field(default_factory=dict)


@dataclass
class State:
    repositories: dict[str, Repository] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    last_id: int = 1000

    def repository(self, full_name: str) -> Repository:
        for name, repository in self.repositories.items():
            if name.lower() == full_name.lower():
                return repository
        raise Refusal(404, "Not Found")

    def next_id(self) -> int:
        self.last_id += 1
        return self.last_id

    def set_status(self, full_name: str, sha: str, token: Token, data: dict[str, Any]) -> dict[str, Any]:
        repository = self.repository(full_name)
        if not token.statuses:
            raise Refusal(403, "Resource not accessible by personal access token")
        if sha not in repository.commits:
            raise Refusal(422, f"No commit found for SHA: {sha}")
        state, context = data.get("state"), data.get("context", "default")
        description, target_url = data.get("description"), data.get("target_url")
        if state not in STATES:
            raise Refusal(422, "Validation Failed", [{"resource": "Status", "code": "invalid", "field": "state"}])
        for name, value, most in (
            ("context", context, CONTEXT_CHARACTERS),
            ("description", description or "", DESCRIPTION_CHARACTERS),
        ):
            if len(value) > most:
                raise invalid("Status", name, f"{name} is too long (maximum is {most} characters)")
            if any(character > "\uffff" for character in value):
                raise invalid("Status", name, f"{name} contains unicode characters above 0xffff")
        if target_url is not None and not target_url.startswith(("http://", "https://")):
            raise invalid("Status", "target_url", "target_url must use http(s) scheme")
        there = repository.statuses.setdefault(sha, [])
        if sum(status["context"] == context for status in there) >= STATUSES_A_CONTEXT:
            raise Refusal(
                422,
                "Validation Failed",
                [{"code": "custom", "message": "This SHA and context has reached the maximum number of statuses."}],
            )
        status = {
            "id": self.next_id(),
            "state": state,
            "context": context,
            "description": description,
            "target_url": target_url,
            "creator": token.account,
        }
        there.append(status)
        return status

    def statuses(self, full_name: str, sha: str) -> list[dict[str, Any]]:
        repository = self.repository(full_name)
        if sha not in repository.commits:
            raise Refusal(422, f"No commit found for SHA: {sha}")
        return list(reversed(repository.statuses.get(sha, [])))

    def create_comment(self, full_name: str, issue: int, token: Token, data: dict[str, Any]) -> dict[str, Any]:
        repository = self.repository(full_name)
        if not token.comments:
            raise Refusal(403, "Resource not accessible by personal access token")
        if issue not in repository.issues:
            raise Refusal(404, "Not Found")
        comment = {"id": self.next_id(), "issue": issue, "body": _body(data), "user": token.account}
        repository.comments[comment["id"]] = comment
        return comment

    def update_comment(self, full_name: str, comment_id: int, token: Token, data: dict[str, Any]) -> dict[str, Any]:
        comment = self.comment(full_name, comment_id)
        if not token.comments or comment["user"]["login"] != token.login:
            raise Refusal(403, "Must have admin rights to Repository.")
        comment["body"] = _body(data)
        return comment

    def delete_comment(self, full_name: str, comment_id: int, token: Token) -> None:
        self.comment(full_name, comment_id)
        if not token.comments:
            raise Refusal(403, "Resource not accessible by personal access token")
        del self.repository(full_name).comments[comment_id]

    def comment(self, full_name: str, comment_id: int) -> dict[str, Any]:
        try:
            return self.repository(full_name).comments[comment_id]
        except KeyError:
            raise Refusal(404, "Not Found") from None

    def comments(self, full_name: str, issue: int) -> list[dict[str, Any]]:
        repository = self.repository(full_name)
        if issue not in repository.issues:
            raise Refusal(404, "Not Found")
        return [comment for comment in repository.comments.values() if comment["issue"] == issue]


def _body(data: dict[str, Any]) -> str:
    body = data.get("body")
    if not isinstance(body, str) or not body.strip():
        raise Refusal(
            422, "Validation Failed", [{"resource": "IssueComment", "code": "missing_field", "field": "body"}]
        )
    if len(body) > BODY_CHARACTERS:
        raise invalid("IssueComment", "body", f"body is too long (maximum is {BODY_CHARACTERS} characters)")
    return body
