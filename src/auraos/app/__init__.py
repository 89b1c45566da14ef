"""The wiring: the only place that knows every part."""
