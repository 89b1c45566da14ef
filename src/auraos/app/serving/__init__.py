"""One process that serves: what it is made of, how it does, and who looks after it."""
