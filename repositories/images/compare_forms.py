"""What is compared with what."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from portal.kit.errors import Text
from repositories.images.compare_reads import REFERENCE_MAX


class CompareForm(forms.Form):
    """Bound to the query string; every field may be left out. `from` is a word of Python."""

    platform = forms.CharField(required=False, max_length=REFERENCE_MAX * 2, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **values: Any) -> None:
        super().__init__(*args, **values)
        self.fields["from"] = _reference(_("From"))
        self.fields["to"] = _reference(_("To"))


def _reference(label: Text) -> forms.CharField:
    attributes = {
        "autocapitalize": "none",
        "autocomplete": "off",
        "spellcheck": "false",
        "list": "compare-tags",
        "placeholder": _("Tag or digest"),
        "hx-get": "?options=1",
        "hx-target": "#compare-tags",
        "hx-swap": "innerHTML",
        "hx-trigger": "input changed delay:300ms",
        "hx-params": "from,to",
    }
    return forms.CharField(
        label=str(label), required=False, max_length=REFERENCE_MAX, widget=forms.TextInput(attrs=attributes)
    )
