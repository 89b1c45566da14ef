"""HTTP: how a request is read, allowed, answered and described, whatever it is about."""
