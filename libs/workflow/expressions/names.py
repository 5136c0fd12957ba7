"""Which contexts and functions a name can mean at a key, and what to say when it means none.

Names ignore case. A special function (a status function, hashFiles) exists only where the key allows it.
"""

from collections.abc import Iterable

from libs.workflow.expressions.availability import Availability, everywhere, special_functions
from libs.workflow.expressions.errors import nearest, shortened
from libs.workflow.expressions.functions import Function, functions, unlimited_arguments

job_condition_key = "jobs.<job_id>.if"
"""The one key where success() and failure() take names of jobs."""

_keywords = ("true", "false", "null")


def context_named(name: str, availability: Availability) -> str | None:
    """The known context's own spelling."""
    lower = name.lower()
    return next((known for known in availability.contexts if known.lower() == lower), None)


def function_named(name: str, availability: Availability) -> Function | None:
    function = functions.get(name.lower())
    return function if function and _is_allowed(function, availability) else None


def unknown_context(name: str, availability: Availability) -> str:
    exists = name.lower() in everywhere.contexts
    hint = _hint(name, exists, availability, availability.contexts)
    if exists and availability.key:
        hint = f"{hint[:-1]}, which has {', '.join(sorted(availability.contexts)) or 'no contexts'})"
    return f"Unrecognized named-value: '{shortened(name)}'{hint}"


def unknown_function(name: str, availability: Availability) -> str:
    known = [function.name for function in functions.values() if _is_allowed(function, availability)]
    hint = _hint(name, name.lower() in functions, availability, known)
    return f"Unrecognized function: '{shortened(name)}'{hint}"


def arity_problem(function: Function, name: str, count: int, availability: Availability) -> str | None:
    """What is wrong with this number of arguments; `name` is the function's name as it was written."""
    maximum = function.maximum
    if function.name in ("success", "failure") and availability.key == job_condition_key:
        maximum = unlimited_arguments
    if count < function.minimum:
        return f"Too few parameters supplied: '{name}'"
    if count > maximum:
        return f"Too many parameters supplied: '{name}'"
    if function.name == "case" and count % 2 == 0:
        return f"Even number of parameters supplied, requires an odd number of parameters: '{name}'"
    return None


def _is_allowed(function: Function, availability: Availability) -> bool:
    return function.name not in special_functions or function.name in availability.functions


def _hint(name: str, exists_elsewhere: bool, availability: Availability, known: Iterable[str]) -> str:
    if exists_elsewhere and availability.key:
        return f" (it cannot be used in {availability.key})"
    return nearest(name, (*known, *_keywords))
