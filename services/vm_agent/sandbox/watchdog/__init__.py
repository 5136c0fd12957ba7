"""A process that stands beside all sandboxes of one agent and stops them when the agent stands still or dies.

One for an agent, not one for a sandbox: a process more for each job would cost more than a job that does nothing, and
this one has the same reach, for it lives in a session of its own and needs nothing of the agent but its footprints.
`client` is the agent's side; `__main__` is the process, `guard` its rules. They speak lines of JSON over two pipes:

    agent:    {"beat": true}   {"register": footprint}   {"unregister": id}   {"close": true}
    watchdog: {"paused": [ids], "after": seconds}   {"trouble": text}

The end of the pipe without a `close` is the agent's death.
"""
