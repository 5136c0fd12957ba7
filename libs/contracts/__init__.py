"""The messages that the services share: frozen structs, subjects and ids, and nothing that does I/O.

Names and fields are storage format: a field is only ever added, with a default; a new meaning is a new type.
"""
