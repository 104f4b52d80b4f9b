"""Deletes tags and images, at first so that they can be restored."""
