"""What can go wrong with a format."""


class NotRendered(Exception):
    """The document cannot be put into the webhook's format. Its text is for users."""
