"""The application without a face: HTTP, keys, runs."""
