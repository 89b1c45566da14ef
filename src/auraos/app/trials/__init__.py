"""Trying out a part of a draft: with data that is pinned, up to a step, from a step on, from breakpoint to breakpoint."""
