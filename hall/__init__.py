"""The web face: two Starlette apps, one for candidates and one for the office."""
