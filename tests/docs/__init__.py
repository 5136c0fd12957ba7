"""The parts of docs/ that are drawn from the code itself: `python -m tests.docs` writes them, a unit test compares.

It lives beside the tests because nothing that Firebreak does at run time needs it.
"""
