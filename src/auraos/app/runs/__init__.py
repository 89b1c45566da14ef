"""Runs: started, shown and led, one by one."""
