"""Forms of the repository pages. The actions check again; what they refuse is put under the fields."""

from typing import Any

from django import forms
from django.utils.text import format_lazy  # `%` would translate once, at the start
from django.utils.translation import gettext_lazy as _

from portal.kit.errors import Text
from repositories.models import COMMENT_MAX, DESCRIPTION_MAX, FULL_DESCRIPTION_MAX, Visibility
from repositories.names import NAME_MAX

PUBLIC = _("Public\nEverybody can see and pull it, without an account. Only who has access can push.")
OWN = [
    (
        Visibility.PRIVATE,
        _("Private\nOnly you can see, pull and push it, until you share it. You can make it public later."),
    ),
    (Visibility.PUBLIC, PUBLIC),
]
IN_ORGANIZATION = [
    (
        Visibility.PRIVATE,
        _("Private\nOnly who has access sees and pulls it: by the base permission, by a team, or shared with them."),
    ),
    (Visibility.PUBLIC, PUBLIC),
]


class RepositoryForm(forms.Form):
    """`namespaces`: the names of those that the actor may create in. `in_organization`: whether the one that is chosen
    is an organization's; `refusal`: why nothing can be made public there.
    """

    namespace = forms.ChoiceField(label=_("Namespace"))
    name = forms.CharField(
        label=_("Name"),
        strip=False,
        max_length=NAME_MAX * 2,  # the rule itself says it better
        help_text=_("Lower-case letters and digits, with . _ - or / between them, such as myfirstapp or payments/api."),
        widget=forms.TextInput(
            attrs={
                "autocapitalize": "none",
                "autocorrect": "off",
                "autocomplete": "off",
                "spellcheck": "false",
                "maxlength": NAME_MAX,
            }
        ),
    )
    description = forms.CharField(
        label=_("Description"),
        required=False,
        max_length=DESCRIPTION_MAX,
        help_text=format_lazy(_("One line, shown in lists and search. At most {max} characters."), max=DESCRIPTION_MAX),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    visibility = forms.ChoiceField(
        label=_("Who can see it"), widget=forms.RadioSelect, choices=OWN, initial=Visibility.PRIVATE
    )

    def __init__(
        self, *args: Any, namespaces: list[str], in_organization: bool = False, refusal: Text = "", **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["namespace"]
        field.choices = [(name, name) for name in namespaces]  # type: ignore[attr-defined]
        field.initial = namespaces[0] if namespaces else None
        if in_organization:
            self.fields["visibility"].choices = IN_ORGANIZATION  # type: ignore[attr-defined]
        self.fields["visibility"].help_text = str(refusal)


class DescriptionForm(forms.Form):
    description = forms.CharField(
        label=_("Description"),
        required=False,
        max_length=DESCRIPTION_MAX,
        help_text=format_lazy(_("One line, shown in lists and search. At most {max} characters."), max=DESCRIPTION_MAX),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    full_description = forms.CharField(
        label=_("Overview"),
        required=False,
        strip=False,
        max_length=FULL_DESCRIPTION_MAX,
        help_text=_("What the image is and how to run it, in Markdown. Shown on the repository's first page."),
        widget=forms.Textarea(attrs={"rows": 12, "class": "mono"}),
    )


class CommentForm(forms.Form):
    text = forms.CharField(
        label=_("Your comment"),
        max_length=COMMENT_MAX,
        help_text=format_lazy(_("Plain text, at most {max} characters."), max=COMMENT_MAX),
        error_messages={"required": _("Write a comment first.")},
        widget=forms.Textarea(attrs={"rows": 3}),
    )
