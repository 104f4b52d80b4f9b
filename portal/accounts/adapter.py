"""How allauth's sign-up reaches our actions."""

from allauth.account.adapter import DefaultAccountAdapter


class AccountAdapter(DefaultAccountAdapter):
    """Sign-up goes through `actions.create_user`."""
