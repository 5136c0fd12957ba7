"""The GitHub Actions language, pure: text in, values out. Nothing below here does any I/O.

Nothing is imported here, so that `firebreak expr` loads no YAML. The entrances:

- ``reading.workflow.read_workflow(file, content)``: bytes to the model and every problem (``lint.lint``: the latter).
- ``triggers.match(on, event)``, ``triggers.needs_changed_paths``, ``triggers.skip_instruction``: what starts it.
- ``inputs.resolve_inputs(trigger, given)``: the inputs of a ``workflow_dispatch``.
- ``planning.make_plan(workflow, occasion)``: the plan of a run.
- ``actions.manifest.read_action``: an ``action.yml``; ``calls``: whether a call fits what it calls.
- ``cron.next_after``: when a line of ``schedule`` is due.
- ``matrix.expand(matrix)``: a matrix to its combinations, after its expressions were evaluated.
- ``expressions``: the expression language; ``runner``: the files and commands of a running step.
"""
