"""The page: a chat, a canvas on which the answer comes out of its masks, and an API endpoint."""
