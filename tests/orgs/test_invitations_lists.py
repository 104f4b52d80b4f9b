"""Reading lists of people: pasted, and as CSV files good and bad."""

import pytest

from orgs.invitations.lists import MOST_BYTES, MOST_CHARACTERS, MOST_ENTRIES, parse_csv, parse_text
from portal.kit.errors import Invalid


def read(text: str) -> list[tuple[str, int]]:
    return [(entry.text, entry.line) for entry in parse_text(text)]


def read_csv(raw: bytes) -> list[tuple[str, int, str]]:
    return [(entry.text, entry.line, str(entry.problem)) for entry in parse_csv(raw)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("bob", [("bob", 1)]),
        ("bob,carol@example.org;dave eve\n\nfrank\r\ngina", "bob carol@example.org dave eve frank gina"),
        (" ,; \n bob ,, ;\t", "bob"),
        ("Carol Smith <carol@example.org>, bob", "carol@example.org bob"),
        ("Carol <carol@example.org>;Dave <dave@example.org>", "carol@example.org dave@example.org"),
        ("bob carol@example.org <dave@example.org>", "bob carol@example.org <dave@example.org>"),
        ("bob <script>", "bob <script>"),
        ("bob\u00a0carol\u2028dave", "bob carol dave"),
    ],
)
def test_a_pasted_list_is_parted_by_anything(text: str, expected: object) -> None:
    found = read(text)
    if isinstance(expected, str):
        assert [word for word, _line in found] == expected.split()
    else:
        assert found == expected


def test_an_entry_knows_its_line() -> None:
    assert read("bob, carol\n\ndave") == [("bob", 1), ("carol", 1), ("dave", 3)]


@pytest.mark.parametrize("text", ["", " \n ", ",;,"])
def test_an_empty_list(text: str) -> None:
    with pytest.raises(Invalid, match="Name at least one person"):
        parse_text(text)


def test_a_thousand_are_allowed_and_one_more_is_named_by_its_line() -> None:
    thousand = "\n".join(f"user{number}" for number in range(MOST_ENTRIES))
    assert len(parse_text(thousand)) == MOST_ENTRIES
    with pytest.raises(Invalid, match="1000 people can be invited at once; line 1001 holds one more"):
        parse_text(f"{thousand}\none-more")


def test_a_text_without_end_is_refused_before_it_is_read() -> None:
    with pytest.raises(Invalid, match="too long"):
        parse_text("x" * (MOST_CHARACTERS + 1))


ADDRESSES = [("bob@example.org", 2, ""), ("carol@example.org", 3, "")]


@pytest.mark.parametrize(
    "raw",
    [
        b"email\nbob@example.org\ncarol@example.org",
        b"\xef\xbb\xbfEmail\r\nbob@example.org\r\ncarol@example.org\r\n",
        b'Name;"E-Mail";"EMAIL"\n"Bob; really";x;bob@example.org\nCarol;y;carol@example.org\n',
        b"email\tname\nbob@example.org\tBob\ncarol@example.org\t\n",
        b"email\rbob@example.org\rcarol@example.org\r",
        b' "email" , name\n bob@example.org ,Bob\ncarol@example.org,\n,\n\n',
    ],
)
def test_files_as_programs_write_them(raw: bytes) -> None:
    assert read_csv(raw) == ADDRESSES


def test_lines_that_are_broken_do_not_keep_the_others_out() -> None:
    raw = (
        b"name,email\r\n"
        b"Bob,bob@example.org\r\n"
        b'"Broken"x,carol@example.org\r\n'
        b"Dave\r\n"
        b"Eve,\r\n"
        b'"Frank\nof two lines",frank@example.org\r\n'
        b"Gina,gina\r\n"
    )
    assert read_csv(raw) == [
        ("bob@example.org", 2, ""),
        ('"Broken"x,carol@example.org', 3, "This line is no valid CSV."),
        ("Dave", 4, "This line has no column “email”."),
        ("", 5, "There is no address in this line."),
        ("frank@example.org", 6, ""),
        ("gina", 8, "This is not an e-mail address."),
    ]


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (b"", "The file is empty."),
        (b"\n \r\n", "The file is empty."),
        (b"\xef\xbb\xbf", "The file is empty."),
        (b"email\n", "Name at least one person."),
        (b"bob@example.org\n", "Line 1 must name the columns, and one of them must be called “email”."),
        (b"\n\nname\nBob", "Line 3 must name the columns"),
        (b"email\nbob@example.org\n\xff@example.org\n", "Line 3 is not in UTF-8."),
        ("email\nbob@example.org\n".encode("utf-16"), "Line 1 is not in UTF-8."),
        (b'email\nbob@example.org\n"carol@example.org\ndave@example.org\n', "In line 3 a quotation mark opens"),
        (b"email\n" + b"x" * MOST_BYTES, "The file is too large"),
    ],
)
def test_what_leaves_no_list_to_speak_of_names_the_line(raw: bytes, sentence: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse_csv(raw)
    assert sentence in str(caught.value.message)
    assert list(caught.value.fields) in (["file"], ["people"])


def test_a_file_of_a_thousand_rows_and_one_more() -> None:
    rows = "".join(f"user{number}@example.org\n" for number in range(MOST_ENTRIES))
    assert len(parse_csv(f"email\n{rows}".encode())) == MOST_ENTRIES
    with pytest.raises(Invalid, match="1000 people can be invited at once; line 1002 holds one more"):
        parse_csv(f"email\n{rows}one@example.org\n".encode())


def test_a_cell_longer_than_the_reader_takes_is_one_broken_line() -> None:
    raw = b"email\n" + b"x" * 200_000 + b"\nbob@example.org\n"
    assert [(line, bool(problem)) for _text, line, problem in read_csv(raw)] == [(2, True), (3, False)]
