"""One wish for many runs: what is meant is looked at first, and what became of it is told of each run."""
