"""Where and when work runs in this process, and the real clock, ids and chance."""
