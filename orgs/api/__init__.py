"""The API of organizations, at Docker Hub's paths."""
