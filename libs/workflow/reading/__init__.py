"""From a tree of YAML nodes to the model, with every problem of the file in one go."""
