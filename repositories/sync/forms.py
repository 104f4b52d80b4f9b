"""What the operators' buttons send."""

from django import forms


class CompareForm(forms.Form):
    """One repository, or all of them."""

    repository = forms.CharField(max_length=255, required=False)


class DecisionForm(CompareForm):
    """What was decided about was so many tags of so many repositories: a plan that grew since is shown anew."""

    tags = forms.IntegerField(min_value=1)
