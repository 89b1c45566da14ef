"""Chores: long work for a whole workspace, whose progress can be looked at: it is exported, or deleted."""
