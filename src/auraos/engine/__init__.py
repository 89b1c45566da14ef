"""The engine: it obeys the run machine, makes facts durable, and does what the machine wishes."""
