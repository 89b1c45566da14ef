"""What belongs to a workspace beside its definitions and runs, over HTTP."""
