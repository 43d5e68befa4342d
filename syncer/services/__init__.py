"""Use cases, one a module; the outside is reached through ports only."""
