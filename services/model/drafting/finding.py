"""Which file of a repository a draft is made from, and the draft that needs no model."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec.structs import replace

from services.model.drafting import gitlab, jenkins, makefile, project, travis
from services.model.drafting.draft import Draft, Gap, SourceFile
from services.model.drafting.known_variables import with_known

READERS: Mapping[str, Callable[[SourceFile], Draft]] = {
    ".gitlab-ci.yml": gitlab.read,
    ".travis.yml": travis.read,
    "Jenkinsfile": jenkins.read,
    "Makefile": makefile.read,
}
"""In the order in which one is chosen: what another CI ran says more than what could be run."""
ALL = (*READERS, *project.FILES, *project.FILES_TOO)
TOLD = project.READ
"""Of a repository without any CI, what a model may read."""


def sources(files: Mapping[str, SourceFile]) -> list[str]:
    """Those of other CIs that are there, the first being the one that is taken."""
    return [name for name in READERS if name in files]


def draft_of(files: Mapping[str, SourceFile], source: str = "") -> Draft:
    """Of the named file, or else of the repository's own ones."""
    if not source:
        return project.read(files)
    file = files[source]
    draft = with_known(READERS[source](file))
    if not file.cut:
        return draft
    cut = Gap(f"the end of {source}: only its first {len(file.text)} characters were read")
    return replace(draft, gaps=(cut, *draft.gaps))
