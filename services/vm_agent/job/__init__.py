"""One job in one sandbox: its steps in order, with GitHub's contexts, conditions and results.

It knows nothing of the bus, of hosts or of other attempts; it touches the job's files only through `Sandbox`.
"""
