"""What is typed on the pages of history, roll back, restore and copy."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from repositories.images.history import Filters
from repositories.images.models import TagHistory
from repositories.names import DIGEST, NAME_MAX

TAG_MAX = 128
DIGEST_MAX = 135
REPOSITORY_MAX = NAME_MAX * 2
_NAME = {"autocapitalize": "none", "autocomplete": "off", "spellcheck": "false"}


def _text(label: Any, maximum: int, placeholder: Any) -> forms.CharField:
    widget = forms.TextInput(attrs={**_NAME, "placeholder": placeholder})
    return forms.CharField(label=label, required=False, max_length=maximum, widget=widget)


class HistoryFilterForm(forms.Form):
    """Bound to the query string; every field may be left out."""

    tag = _text(_("Tag"), TAG_MAX, _("Any tag"))
    action = forms.ChoiceField(
        label=_("What"), required=False, choices=lambda: [("", _("Anything")), *TagHistory.Action.choices]
    )
    person = _text(_("Who"), 64, _("Name"))
    digest = forms.CharField(required=False, max_length=DIGEST_MAX, widget=forms.HiddenInput)

    def filters(self) -> Filters:
        """After `is_valid`."""
        return Filters(**self.cleaned_data)


class DigestForm(forms.Form):
    """Which image a tag is to have, and what the page showed that it has now."""

    digest = forms.RegexField(regex=rf"^(?:{DIGEST.pattern})\Z", widget=forms.HiddenInput)
    current = forms.CharField(required=False, max_length=DIGEST_MAX, widget=forms.HiddenInput)


class RestoreForm(forms.Form):
    """Without a digest: what the tag pointed to last."""

    digest = forms.RegexField(regex=rf"^(?:{DIGEST.pattern})\Z", required=False, widget=forms.HiddenInput)


class CopyForm(forms.Form):
    repository = forms.CharField(
        label=_("To repository"),
        max_length=REPOSITORY_MAX,
        help_text=_("One that you may push to. Within the same repository, the image just gets another tag."),
    )
    tag = forms.CharField(
        label=_("Tag"),
        max_length=TAG_MAX * 2,  # the rule itself says it better
        help_text=_("Letters, digits, and . _ - after the first."),
        widget=forms.TextInput(attrs=_NAME),
    )
    move = forms.BooleanField(
        label=_("If there is such a tag, move it"),
        required=False,
        help_text=_("Its former image stays in its history, and it can be rolled back."),
    )

    def __init__(self, *args: Any, search_url: str, **kwargs: Any) -> None:
        """`search_url` answers with the options for what was typed."""
        super().__init__(*args, **kwargs)
        self.fields["repository"].widget = forms.TextInput(
            attrs={
                **_NAME,
                "list": "copy-targets",
                "maxlength": REPOSITORY_MAX,
                "hx-get": search_url,
                "hx-target": "#copy-targets",
                "hx-swap": "innerHTML",
                "hx-trigger": "input changed delay:300ms",
                "hx-params": "repository",
            }
        )
