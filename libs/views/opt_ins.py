"""What a repository opts into, in one sentence. Pure; whether the operator forbids it is not known here."""

from __future__ import annotations

from libs.contracts.opt_ins import OptInsDeclared
from libs.views.listing import counted

FILE = ".github/firebreak.yml"


def opted_into(declared: OptInsDeclared | None) -> str:
    """None and an empty declaration are the same: nothing is applied."""
    if declared is not None and declared.problems:
        first = declared.problems[0]
        more = f", and {len(declared.problems) - 1} more" if len(declared.problems) > 1 else ""
        at = f"{first.file}:{first.line}:{first.column}"
        return f"opts into nothing, for its file has an error: {at}: {first.message}{more}"
    parts: list[str] = []
    if declared is not None and declared.opt_ins.timeouts == "apply":
        parts.append("learned time limits are applied")
    if declared is not None and declared.opt_ins.retry_flaky:
        parts.append(f"a flaky job is run again {counted(declared.opt_ins.retry_flaky, 'time')} at most")
    if declared is not None and declared.opt_ins.fork_text_to_hosted_model:
        parts.append("strangers' text may go to a hosted model")
    return (
        f"opted in: {'; '.join(parts)}" if parts else f"opts into nothing (`{FILE}`): what is learned is only measured"
    )
