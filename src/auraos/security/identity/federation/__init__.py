"""People for whom somebody else vouches (OpenID Connect): by whom they are known, and who they are there."""
