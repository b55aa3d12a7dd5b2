"""Values and pure functions: no clock, no I/O, no asyncio, no Qt."""
