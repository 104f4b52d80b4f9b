"""Token service, and HTTP client of the registry."""
