"""Forms of the account pages."""

from django import forms


class SignupForm(forms.Form):
    """Extended by allauth with the fields of `ACCOUNT_SIGNUP_FIELDS`."""

    def signup(self, request: object, user: object) -> None:
        """Nothing beyond allauth's own fields."""
