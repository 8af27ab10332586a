"""The Learn tab: how an answer comes out of its masks."""
