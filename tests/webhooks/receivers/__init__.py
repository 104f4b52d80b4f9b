"""Receivers that webhooks are made for, as far as they read a request: which fields, of which types.

Written by us after their source or documentation, which each names. Those in Go decode into structs: a field that is
there has to have its type, others are ignored. A reader returns what it understood, or raises Refused.
"""

from tests.webhooks.receivers.fake import Fake, Reader, Refused

__all__ = ["Fake", "Reader", "Refused"]
