"""Pages that no app owns, and health."""
