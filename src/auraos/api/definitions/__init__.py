"""Definitions over HTTP."""
