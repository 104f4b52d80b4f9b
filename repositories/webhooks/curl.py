"""A delivery as commands of a shell: the same bytes to the same address, and a signature that is made anew.

What is secret stands there as a variable that whoever runs it sets. Pure.
"""

import base64
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from repositories.webhooks.placeholders import MASK

INLINE_MAX = 100_000
"""Bytes: Linux takes no argument longer than 128 KiB."""
SECRET, URL = "WEBHOOK_SECRET", "WEBHOOK_URL"  # names of variables
_SIGNED = frozenset({"webhook-timestamp", "webhook-signature", "x-hub-signature-256"})
_UNSAFE = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]")
"""What a terminal, a clipboard or a shell may change on the way."""
_WIDTH = 76
_KEY = f'key=$(printf %s "${{{SECRET}:?}}" | sed "s/^whsec_//" | base64 -d | od -An -v -tx1 | tr -d " \\n")'
"""In hexadecimal, by what every system has: openssl takes no other form of a key that is not text."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What went out, or would. `url` and `headers` as they are recorded: with MASK for what is secret."""

    url: str
    has_query: bool
    """Which is left out of `url`."""
    headers: Mapping[str, str]
    body: bytes
    webhook_id: str
    signs: bool
    github: bool


def command(sent: Sent) -> str:
    """Lines for sh or bash."""
    text = _inline(sent.body)
    address = shlex.quote(sent.url)
    if sent.has_query or MASK in sent.url:
        address = _variable(URL)
    data = '--data-raw "$body"' if text is not None else '--data-binary @"$body"'
    call = [f"curl -i -X POST {address}", *_headers(sent), data]
    lines = [_body(sent.body, text), *_signatures(sent, as_file=text is None), " \\\n  ".join(call)]
    return "\n".join([*_wanted(lines[1:], sent), *lines])


def _variable(name: str) -> str:
    """A shell that finds it empty stops and says so."""
    return f'"${{{name}:?}}"'


def variable_of(header: str) -> str:
    """`Authorization` is `$WEBHOOK_AUTHORIZATION`."""
    return "WEBHOOK_" + re.sub(r"[^A-Z0-9]+", "_", header.upper()).strip("_")


def _inline(body: bytes) -> str | None:
    """The body as text that survives a shell's quotes; None: it has to be decoded there."""
    if len(body) > INLINE_MAX or _UNSAFE.search(body):
        return None
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None


def _body(body: bytes, text: str | None) -> str:
    if text is not None:
        return f"body={shlex.quote(text)}"
    coded = base64.b64encode(body).decode()
    lines = [coded[begin : begin + _WIDTH] for begin in range(0, len(coded), _WIDTH)]
    return "\n".join(["body=$(mktemp)", "base64 -d > \"$body\" <<'END'", *lines, "END"])


def _headers(sent: Sent) -> Iterator[str]:
    for name, value in sent.headers.items():
        if name.lower() in _SIGNED:
            continue
        if value == MASK:
            yield f"-H {shlex.quote(name + ': ')}{_variable(variable_of(name))}"
        else:
            yield f"-H {shlex.quote(f'{name}: {value}')}"
    if sent.signs:
        yield '-H "Webhook-Timestamp: $now" -H "Webhook-Signature: v1,$signature"'
    if sent.github:
        yield '-H "X-Hub-Signature-256: sha256=$github"'


def _signatures(sent: Sent, *, as_file: bool) -> Iterator[str]:
    whole = 'cat "$body"' if as_file else 'printf %s "$body"'
    if sent.signs:
        yield "now=$(date +%s)"
        yield _KEY
        head = f'printf %s {shlex.quote(sent.webhook_id)}".$now."'
        made = 'openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" -binary | base64'
        yield f"signature=$({{ {head}; {whole}; }} | {made})"
    if sent.github:
        yield f'github=$({whole} | openssl dgst -sha256 -hmac {_variable(SECRET)} -r | cut -d " " -f 1)'


def _wanted(lines: Sequence[str], sent: Sent) -> list[str]:
    """Comments that say which variables to set; none when none is needed."""
    names = list(dict.fromkeys(re.findall(r'"\$\{(WEBHOOK_[A-Z0-9_]+):\?\}"', "\n".join(lines))))
    if not names:
        return []
    told = [f"# {_('Set first:')} {' '.join(names)}"]
    return [*told, f"# {URL}: {shlex.quote(sent.url)[:200]}"] if URL in names else told
