"""`container:`, `services:` and `docker://`: containers within a job's sandbox, made by the engine that it has.

It knows podman and Docker as programs that are run in the sandbox, and nothing of machines or of the host that they are
on. What a key asks for becomes values first (`wanted`), then arguments (`command_line`), both pure; `containers` runs
them in the order of GitHub's runner.
"""
