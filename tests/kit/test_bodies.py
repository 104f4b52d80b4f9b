"""Bodies up to a limit: with a length that was told, chunked, cut off, too long."""

import io
from typing import Any

import pytest
from django.test import RequestFactory
from hypothesis import given, strategies as st

from portal.kit import bodies
from portal.kit.bodies import CutOff, TooLong, read_body

LIMIT = 100


class Slow(io.BytesIO):
    """Gives a byte at a time, as a socket may."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(min(1, size or 0) if size != -1 else 1)


class Broken(io.BytesIO):
    def read(self, size: int | None = -1) -> bytes:
        raise OSError("the connection is gone")


def request(stream: io.BytesIO, *, told: Any = "") -> Any:
    extra: dict[str, Any] = {"CONTENT_LENGTH": str(told), "wsgi.input": stream}
    return RequestFactory().generic("PUT", "/", b"", **extra)


@pytest.mark.parametrize("stream", [io.BytesIO, Slow])
@pytest.mark.parametrize("length", [0, 1, LIMIT - 1, LIMIT])
@pytest.mark.parametrize("chunked", [False, True])
def test_up_to_the_limit(stream, length, chunked) -> None:
    content = b"x" * length
    assert read_body(request(stream(content), told="" if chunked else length), limit=LIMIT) == content


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("length", [LIMIT + 1, 300_000])
def test_longer_than_the_limit_is_read_to_its_end(length, chunked) -> None:
    stream = io.BytesIO(b"x" * length)
    with pytest.raises(TooLong):
        read_body(request(stream, told="" if chunked else length), limit=LIMIT)
    assert stream.read() == b""


def test_endless_is_not_read_to_its_end(monkeypatch) -> None:
    monkeypatch.setattr(bodies, "_DRAINED", 200_000)
    stream = io.BytesIO(b"x" * 1_000_000)
    with pytest.raises(TooLong):
        read_body(request(stream), limit=LIMIT)
    assert len(stream.read()) > 700_000


def test_shorter_than_was_told() -> None:
    with pytest.raises(CutOff):
        read_body(request(io.BytesIO(b"x" * 10), told=11), limit=LIMIT)


def test_more_than_was_told_is_somebody_elses() -> None:
    """The next request on the same connection."""
    assert read_body(request(io.BytesIO(b"x" * 50), told=10), limit=LIMIT) == b"x" * 10


@pytest.mark.parametrize("told", ["", "10"])
def test_a_connection_that_breaks(told) -> None:
    with pytest.raises(CutOff):
        read_body(request(Broken(), told=told), limit=LIMIT)


@pytest.mark.parametrize("told", ["-1", "1.5", "x", "+3"])
def test_a_length_that_is_none_counts_as_not_told(told) -> None:
    assert read_body(request(io.BytesIO(b"abc"), told=told), limit=LIMIT) == b"abc"


@given(st.binary(max_size=2 * LIMIT), st.booleans())
def test_either_the_very_bytes_or_an_error(content, chunked) -> None:
    try:
        read = read_body(request(io.BytesIO(content), told="" if chunked else len(content)), limit=LIMIT)
    except TooLong:
        assert len(content) > LIMIT
    else:
        assert read == content
