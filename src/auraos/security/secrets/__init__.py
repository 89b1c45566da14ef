"""The store of secrets: sealed at rest, bound to hosts, opened by Reveal alone, and never told to anybody."""
