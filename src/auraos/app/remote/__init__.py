"""Servers as the commands talk to them."""
