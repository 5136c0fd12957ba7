"""Problem matchers: patterns that find errors and warnings in what a step prints.

`configuration` reads and checks a matchers' file, `regular_expression` compiles .NET's patterns, `matching` runs them
line by line, `finding` says what a match means. Only the standard library: a process of its own imports this, because a
pattern may take for ever.
"""
