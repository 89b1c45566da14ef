"""Definitions: out of files and folders, and out of the store."""
