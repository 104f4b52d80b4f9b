"""The API of webhooks. Docker Hub has none; this one is in its style."""
