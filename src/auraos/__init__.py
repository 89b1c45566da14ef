"""AuraOS Automation: workflows that survive, and that can be checked, tested, replayed and explained."""

__version__ = "0.1.0.dev0"
