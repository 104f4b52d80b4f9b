"""The form of a repository's immutable tags. The action checks again; what it refuses is put under the fields."""

from django import forms
from django.utils.text import format_lazy  # `%` would translate once, at the start
from django.utils.translation import gettext_lazy as _

from repositories.models import Immutability
from repositories.tag_rules import RULE_MAX, RULES_MAX

CHOICES = [
    (Immutability.OFF, _("No tag\nEvery tag can be pushed again with another image, rolled back and deleted.")),
    (
        Immutability.MATCHING,
        _("Tags that match a rule\nOnce pushed, a release such as 1.4.2 stays what it is; latest goes on moving."),
    ),
    (Immutability.ALL, _("All tags\nEvery tag is written once: latest, too, unless an exception frees it.")),
]
TEXT_MAX = RULES_MAX * (RULE_MAX + 2)


def _patterns(placeholder: str) -> forms.Textarea:
    attributes = {"rows": 4, "class": "mono", "spellcheck": "false", "autocapitalize": "none", "autocomplete": "off"}
    return forms.Textarea(attrs={**attributes, "placeholder": placeholder})


class ProtectForm(forms.Form):
    immutability = forms.ChoiceField(label=_("Immutable"), choices=CHOICES, widget=forms.RadioSelect)
    rules = forms.CharField(
        label=_("Rules"),
        required=False,
        max_length=TEXT_MAX,
        help_text=format_lazy(
            _(
                "One regular expression (RE2) a line, of the whole tag: <code>v.*</code>, "
                "<code>\\d+\\.\\d+\\.\\d+</code>. At most {max}."
            ),
            max=RULES_MAX,
        ),
        widget=_patterns("v.*"),
    )
    exceptions = forms.CharField(
        label=_("Exceptions"),
        required=False,
        max_length=TEXT_MAX,
        help_text=_(
            "Likewise: tags that stay free whatever is chosen above, such as <code>.*-dev</code>, or "
            "<code>sha256-.*</code> for what cosign attaches."
        ),
        widget=_patterns("latest"),
    )
