"""What stays on the box: calls and the alert outbox in SQLite, recordings as FLAC."""
