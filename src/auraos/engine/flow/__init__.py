"""Who may go on, and when: runs before the gates of their workflow, and steps in line for slots of pools."""
