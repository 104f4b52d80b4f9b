"""Forms of the account pages. Field names are allauth's; labels, help and errors are ours."""

from typing import Any

from allauth.account import forms as allauth
from django import forms
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from portal.accounts.invited import invited_address
from portal.accounts.models import CreateOnPush

FULL_NAME_MAX = 100
PASSWORD_HELP = _("At least 8 characters. Not a common password, not only digits, and not like your name.")


def _plain_text(**attrs: str) -> forms.TextInput:
    """For names: a phone must neither correct nor capitalize them."""
    return forms.TextInput(attrs={"autocapitalize": "none", "autocorrect": "off", "spellcheck": "false", **attrs})


def _say_email(form: forms.Form) -> None:
    """One spelling on all pages, and the label instead of a placeholder."""
    form.fields["email"].label = _("E-mail address")
    form.fields["email"].widget.attrs.pop("placeholder", None)


def _no_placeholders(form: forms.Form) -> None:
    for field in form.fields.values():
        field.widget.attrs.pop("placeholder", None)


class SignupForm(allauth.SignupForm):  # type: ignore[misc]
    """Makes the person, their namespace and the address in one transaction."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # allauth's own length checks would say the same as ours, in other words and beside them.
        self.fields["username"] = forms.CharField(
            label=_("Username"),
            widget=_plain_text(autocomplete="username"),
            help_text=_(
                "Lower-case letters and digits, with single dots, dashes or underscores between them. "
                "Cannot be changed later."
            ),
        )
        self.order_fields(["username", "email", "password1"])
        _say_email(self)
        self.fields["email"].help_text = _("We send a link to it. Until you open it, you can look and pull.")
        self.fields["password1"].help_text = PASSWORD_HELP
        _no_placeholders(self)

    def save(self, request: HttpRequest) -> AbstractBaseUser:
        """Raises Conflict when somebody else took the name a moment ago."""
        with transaction.atomic():
            user: AbstractBaseUser = super().save(request)
        return user


class LoginForm(allauth.LoginForm):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"].label = _("Username or e-mail address")
        self.fields["login"].initial = invited_address(self.request) or None
        self.fields["login"].widget = _plain_text(autocomplete="username")
        self.fields["password"].help_text = ""  # the link stands beside the label
        self.fields["remember"].label = _("Keep me signed in")
        _no_placeholders(self)


class ResetPasswordForm(allauth.ResetPasswordForm):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _say_email(self)


class ResetPasswordKeyForm(allauth.ResetPasswordKeyForm):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password1"].label = _("New password")
        self.fields["password1"].help_text = PASSWORD_HELP
        self.fields["password2"].label = _("New password, again")
        _no_placeholders(self)


class ChangePasswordForm(allauth.ChangePasswordForm):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["oldpassword"].label = _("Current password")
        self.fields["oldpassword"].help_text = ""
        self.fields["password1"].label = _("New password")
        self.fields["password1"].help_text = PASSWORD_HELP
        self.fields["password2"].label = _("New password, again")
        _no_placeholders(self)


class AddEmailForm(allauth.AddEmailForm):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _say_email(self)


class ReauthenticateForm(allauth.ReauthenticateForm):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password"].help_text = ""
        _no_placeholders(self)


class ProfileForm(forms.Form):
    full_name = forms.CharField(
        label=_("Full name"),
        max_length=FULL_NAME_MAX,
        required=False,
        help_text=_("Shown beside your username."),
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )


class CreateOnPushForm(forms.Form):
    create_on_push = forms.ChoiceField(
        label=_("When an image is pushed to a repository that doesn't exist yet"),
        widget=forms.RadioSelect,
        choices=[
            (CreateOnPush.PRIVATE, _("Create a private repository\nOnly people with a grant see it. The safe choice.")),
            (CreateOnPush.PUBLIC, _("Create a public repository\nEverybody can see and pull it.")),
            (CreateOnPush.OFF, _("Refuse the push\nRepositories are only created by hand or through the API.")),
        ],
    )
