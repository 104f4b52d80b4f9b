"""The filter of the page that deletes many tags, and what is posted to start a job."""

from datetime import datetime
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from portal.kit.errors import Invalid
from repositories.deletion import bulk_filter
from repositories.deletion.bulk_filter import DAYS_MAX, KEEP_MAX, Selection
from repositories.images.models import ManifestKind
from repositories.tag_rules import RULE_MAX

_PLAIN = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}


class BulkFilterForm(forms.Form):
    name = forms.CharField(
        label=_("Name contains"), required=False, max_length=128, widget=forms.TextInput(attrs=_PLAIN)
    )
    pattern = forms.CharField(
        label=_("Name matches the pattern"),
        required=False,
        max_length=RULE_MAX,
        help_text=_("RE2, of the whole name: <code>pr-\\d+</code>"),
        widget=forms.TextInput(attrs={**_PLAIN, "class": "mono"}),
    )
    kind = forms.ChoiceField(label=_("Kind"), required=False, choices=[("", _("All kinds")), *ManifestKind.choices])
    older_than = forms.IntegerField(
        label=_("Pushed more than … days ago"), required=False, min_value=0, max_value=DAYS_MAX
    )
    unpulled_for = forms.IntegerField(
        label=_("Neither pulled nor pushed for … days"), required=False, min_value=0, max_value=DAYS_MAX
    )
    keep = forms.IntegerField(
        label=_("Keep the newest …"),
        required=False,
        min_value=0,
        max_value=KEEP_MAX,
        help_text=_("Of those that name, pattern and kind match."),
    )

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = self.cleaned_data
        if not self.errors:
            try:
                bulk_filter.check(self.selection)
            except Invalid as error:
                for name, sentences in error.fields.items():
                    self.add_error(name, [str(sentence) for sentence in sentences])
        return values

    @property
    def selection(self) -> Selection:
        """As of now."""
        return Selection(**{name: value for name, value in self.cleaned_data.items() if value})


class BulkForm(BulkFilterForm):
    """`scope` is `all` that match the filter, or `picked`: the names. `expected` and `as_of` are what was shown."""

    scope = forms.ChoiceField(choices=[("all", "all"), ("picked", "picked")])
    as_of = forms.CharField(max_length=40)
    expected = forms.IntegerField(required=False, min_value=0)
    confirm = forms.CharField(required=False)
    confirmed = forms.BooleanField(required=False)

    def clean_as_of(self) -> datetime:
        """Never later than now: or a tag that nobody saw would be among them."""
        try:
            moment = datetime.fromisoformat(self.cleaned_data["as_of"])
        except ValueError:
            moment = timezone.now()
        return min(moment if timezone.is_aware(moment) else timezone.now(), timezone.now())

    def __init__(self, data: QueryDict) -> None:
        super().__init__(data)
        self.picked = tuple(dict.fromkeys(data.getlist("tag")))

    @property
    def selection(self) -> Selection:
        as_of = self.cleaned_data.get("as_of") or timezone.now()
        if self.cleaned_data.get("scope") == "picked":
            return Selection(names=self.picked, as_of=as_of)
        names = BulkFilterForm.base_fields
        chosen = {name: self.cleaned_data[name] for name in names if self.cleaned_data.get(name)}
        return Selection(**chosen, as_of=as_of)
