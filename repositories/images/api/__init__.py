"""The API of tags and images."""
