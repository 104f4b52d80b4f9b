"""Namespaces, users and their credentials; who acts."""
