"""How a process tells of itself: its figures, its log, its traces."""
