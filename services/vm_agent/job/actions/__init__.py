"""Steps with `uses`: where their actions come from, what they say of themselves, and how each kind runs.

They run in the job's sandbox like everything else; the host fetches their files and never executes any of them.
"""
