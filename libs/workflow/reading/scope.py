"""What an expression at some place may sensibly refer to: the jobs it needs, the steps before it, the matrix's keys.

GitHub does not check these references, and an unknown one is null there; so they are warnings here. None means that the
names cannot be known (a matrix that an expression makes) and anything goes.
"""

import msgspec

from libs.workflow.expressions import nodes


class Scope(msgspec.Struct, frozen=True):
    """The names that are known, in lower case, by context. `file` is what messages call what declares them."""

    inputs: frozenset[str] | None = None
    needs: frozenset[str] | None = None
    matrix: frozenset[str] | None = None
    steps: frozenset[str] | None = None
    background: frozenset[str] = frozenset()
    """Ids of the steps before that run in the background."""
    file: str = "workflow"

    def complaint(self, context: str, name: str) -> str | None:
        """Why ``context.name`` refers to nothing, or None when it does or cannot be known."""
        match context:
            case "inputs" if self.inputs is not None and name.lower() not in self.inputs:
                return f"`inputs.{name}` is no input of this {self.file}, and is empty"
            case "needs" if self.needs is not None and name.lower() not in self.needs:
                return f"`needs.{name}` is empty, because this job's `needs` does not list `{name}`"
            case "matrix" if self.matrix is not None and name.lower() not in self.matrix:
                return f"`matrix.{name}` is no key of this job's matrix, and is empty"
            case "steps" if self.steps is not None and name.lower() not in self.steps:
                return f"`steps.{name}` is empty, because no step before this one has the id `{name}`"
            case _:
                return None


Reference = tuple[str, str, int]
"""``context.name``, and the 1-based column of the context."""


def references(tree: nodes.Node) -> list[Reference]:
    """Each of them where the name is written out."""
    found: list[Reference] = []
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, nodes.Index) and isinstance(node.target, nodes.Context):
            key = node.key
            if isinstance(key, nodes.Literally) and isinstance(key.value, str):
                found.append((node.target.name, key.value, node.target.column))
        waiting.extend(nodes.children(node))
    return found
