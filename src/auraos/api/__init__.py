"""The door that programs and browsers come through: HTTP, JSON, one route a thing that can be done."""
