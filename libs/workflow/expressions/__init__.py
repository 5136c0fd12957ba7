"""GitHub's expression language: `parse`, `evaluate`, and templates of `${{ }}`. Pure; knows no file, clock or network.

Rules follow GitHub's documentation ("Evaluate expressions", "Contexts reference") and, where that is silent, the
source of GitHub's runner.
"""

from libs.workflow.expressions.answer import answer, error_answer
from libs.workflow.expressions.availability import Availability, availability_of, everywhere, nowhere
from libs.workflow.expressions.condition import (
    evaluate_condition,
    has_literal_text,
    parse_condition,
    uses_status_function,
)
from libs.workflow.expressions.errors import ErrorKind, ExpressionError, HashFilesWanted
from libs.workflow.expressions.evaluator import Scope, evaluate
from libs.workflow.expressions.foresight import foreseen_errors
from libs.workflow.expressions.functions import follow_links_option
from libs.workflow.expressions.nodes import Node
from libs.workflow.expressions.parser import parse
from libs.workflow.expressions.printer import to_source
from libs.workflow.expressions.properties import doubtful_properties
from libs.workflow.expressions.status import Status, status_of_job
from libs.workflow.expressions.template import (
    Template,
    evaluate_string,
    evaluate_template,
    evaluate_text,
    has_expression,
    parse_template,
)
from libs.workflow.expressions.values import CaseSensitive, Kind, Value, is_truthy, kind_of, to_string

__all__ = [
    "Availability",
    "CaseSensitive",
    "ErrorKind",
    "ExpressionError",
    "HashFilesWanted",
    "Kind",
    "Node",
    "Scope",
    "Status",
    "Template",
    "Value",
    "answer",
    "availability_of",
    "doubtful_properties",
    "error_answer",
    "evaluate",
    "evaluate_condition",
    "evaluate_string",
    "evaluate_template",
    "evaluate_text",
    "everywhere",
    "follow_links_option",
    "foreseen_errors",
    "has_expression",
    "has_literal_text",
    "is_truthy",
    "kind_of",
    "nowhere",
    "parse",
    "parse_condition",
    "parse_template",
    "status_of_job",
    "to_source",
    "to_string",
    "uses_status_function",
]
