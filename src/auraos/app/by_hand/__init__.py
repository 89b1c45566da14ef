"""What is done with a data folder or a database that no process need serve, by whoever has it in hand."""
