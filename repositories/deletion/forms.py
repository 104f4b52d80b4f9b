"""What is posted to delete one tag or one image: what the person saw when they said yes."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from repositories.names import DIGEST, TAG

LOOK = _("Look at what goes first, then confirm it.")


class DeleteTagForm(forms.Form):
    digest = forms.RegexField(DIGEST, max_length=135, error_messages={"required": LOOK, "invalid": LOOK})
    """What the tag pointed to."""


class DeleteImageForm(forms.Form):
    """`tags` are those that were named; with several, `confirm` repeats the repository's name."""

    tags = forms.CharField(required=False, strip=False)
    seen = forms.BooleanField(error_messages={"required": LOOK})
    confirm = forms.CharField(required=False)

    def __init__(self, data: Any, *, full_name: str) -> None:
        super().__init__(data)
        self.full_name = full_name

    def clean_tags(self) -> list[str]:
        return [tag for tag in str(self.cleaned_data["tags"]).split() if TAG.fullmatch(tag)]

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = self.cleaned_data
        if len(values.get("tags") or ()) > 1 and values.get("confirm") != self.full_name:
            self.add_error("confirm", _("This is not the repository's name."))
        return values


class RestoreForm(forms.Form):
    tag = forms.RegexField(TAG, max_length=128, required=False)
    """To be restored with the image; empty: the image alone."""
