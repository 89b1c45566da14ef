"""What people set: the settings of an installation, of its workspaces and of people, and its feature flags."""
