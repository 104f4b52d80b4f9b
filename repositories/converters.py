"""Path converters: a repository's name may hold slashes, and `-` can be no part of it."""

from django.urls import register_converter

from repositories.names import COMPONENT, DIGEST, RESERVED_COMPONENTS

# A component that is none of the words that stand behind a name in the API's paths, so that `app/tags` is never a name.
_PART = rf"(?!(?:{'|'.join(sorted(RESERVED_COMPONENTS))})(?:/|$)){COMPONENT}"


class NamespaceConverter:
    regex = r"[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*"

    def to_python(self, value: str) -> str:
        """Clients and people write names in any case; ours are lower-case."""
        return value.lower()

    def to_url(self, value: str) -> str:
        return value


class RepositoryNameConverter:
    regex = rf"{_PART}(?:/{_PART})*"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


class TagConverter:
    regex = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


class DigestConverter:
    regex = DIGEST.pattern

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


def register() -> None:
    """Called when the app is ready, before any URL configuration is loaded."""
    register_converter(NamespaceConverter, "namespace")
    register_converter(RepositoryNameConverter, "repository")
    register_converter(TagConverter, "tag")
    register_converter(DigestConverter, "digest")
