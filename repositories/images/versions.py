"""Puts tags in the order of versions: 1.9 before 1.10, 2.0-rc1 before 2.0, v2.0 beside 2.0. Pure."""

import re

_RUNS = re.compile(r"[0-9]+|[A-Za-z_]+|[.-]")
_V = re.compile(r"[vV](?=[0-9])")
# Their order is that of these digits.
_HYPHEN, _END, _DOT, _NUMBER, _WORD = "12345"


def version_key(tag: str) -> str:
    """A text of hexadecimal digits whose order, in any collation, is the order of versions.

    A run of digits counts as a number, whatever its length; the end of a name comes after `-` (semver 2.0 clause 11: a
    pre-release is before its release) and before everything else.
    """
    return "".join(map(_run, _RUNS.findall(_V.sub("", tag, count=1) if _V.match(tag) else tag))) + _END


def _run(run: str) -> str:
    if run == "-":
        return _HYPHEN
    if run == ".":
        return _DOT
    if run.isdigit():
        digits = run.lstrip("0") or "0"
        return f"{_NUMBER}{len(digits):02x}{digits}"
    return _WORD + run.lower().encode().hex() + "00"
