"""Bytes of the protocol to domain values and back, sans-I/O."""
