"""Manifests, tags and their history; reading and reconciling them."""
