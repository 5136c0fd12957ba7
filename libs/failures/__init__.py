"""What the end of a command says of why it failed, and what kind of command it was: text in, words out, no I/O."""
