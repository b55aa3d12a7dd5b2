"""Domain values as documents that leave the program, and back. Nothing here holds a key."""
