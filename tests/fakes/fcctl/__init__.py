"""A server with the management API's rules, as the reference describes it: tokens, states, limits and real machines'
commands. `python -m tests.fakes.fcctl FOLDER SECRET` prints its port, and ends with its standard input.
"""
