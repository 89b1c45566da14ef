"""Drawings of workflows: one layout, painted with characters or as SVG."""
