"""SQLite to domain values and back."""
