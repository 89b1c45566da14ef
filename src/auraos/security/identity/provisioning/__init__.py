"""Provisioning: a directory elsewhere says who there is here, and in which groups they are (SCIM 2.0)."""
