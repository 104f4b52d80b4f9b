"""Keeps what the portal knows in step with what the registry holds: reconcile, drift, adoption."""
