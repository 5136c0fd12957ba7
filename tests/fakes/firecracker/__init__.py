"""A server with Firecracker's rules, for drivers where no KVM boots a guest: states, errors, limits and endings.

Behind its vsock socket the real guest agent runs, as an ordinary process in namespaces. It answers from no table: what
was started runs, what was saved is in the files, and what is loaded comes from them. The tests of
`tests/contract/sandbox/firecracker` hold its answers against those of the real program.
"""
