"""Replies and error bodies that no server should send, and what must hold for them nevertheless."""
