"""The Chat tab: a conversation about pictures, and the canvas on which its answers come out of their masks."""
