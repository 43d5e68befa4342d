"""The local HTTP API: routes and bodies, one module a room."""
