"""Definitions and a git repository, kept the same from both sides."""
