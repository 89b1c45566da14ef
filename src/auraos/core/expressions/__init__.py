"""The one expression language: Python's expression syntax over plain values, compiled to closures."""
