"""Addresses to fetch from: what may be asked for, how they are shown, what things are called that come from them."""

from __future__ import annotations

import httpx
import pytest

from runner.errors import BadRequest, Forbidden
from runner.fetching.addresses import MAX_URL, parse_address, require_allowed, shown
from runner.fetching.names import file_name, is_archive

LONG = "https://h/" + "x" * MAX_URL


@pytest.mark.parametrize(
    "text",
    ["", "data.csv", "ftp://h/x", "file:///etc/passwd", "http://", "http:///x", "http://h:99999/", "http://[::1", LONG],
)
def test_what_is_no_address_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(BadRequest) as told:
        parse_address(text)
    assert "https://example.org" in told.value.hint


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        (" https://h/a b#top ", "https://h/a%20b"),
        ("https://ann:secret@h:8443/x", "https://h:8443/x"),
        ("https://h/x?part=1&X-Amz-Signature=abc&apikey=k", "https://h/x?part=1&X-Amz-Signature=***&apikey=***"),
        ("https://h/x?a=1;b=%2F", "https://h/x?a=1;b=%2F"),
    ],
)
def test_what_logs_in_is_not_shown(text: str, seen: str) -> None:
    assert shown(parse_address(text)) == seen


@pytest.mark.parametrize("address", ["169.254.169.254", "fe80::1%eth0", "::ffff:169.254.169.254", "fd00:ec2::254"])
def test_where_credentials_are_handed_out_nobody_fetches(address: str) -> None:
    for own in (True, False):
        with pytest.raises(Forbidden, match="credentials"):
            require_allowed(address, own)


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.9.1", "::1", "0.0.0.0", "::", "::ffff:127.0.0.1"])
def test_the_host_itself_is_for_the_runners_user(address: str) -> None:
    require_allowed(address, own=True)
    with pytest.raises(Forbidden, match="this host itself"):
        require_allowed(address, own=False)


@pytest.mark.parametrize("address", ["10.0.0.7", "192.168.1.2", "93.184.216.34", "2001:db8::1", "fd12::1"])
def test_the_network_of_the_host_is_for_everybody(address: str) -> None:
    require_allowed(address, own=False)


@pytest.mark.parametrize(
    ("asked", "answered", "header", "name"),
    [
        ("https://h/a/b.csv?x=1", "https://h/a/b.csv", "", "b.csv"),
        ("https://h/a/b.csv", "https://cdn/0af3", "", "b.csv"),
        ("https://h/latest", "https://cdn/v3/songs.csv", "", "songs.csv"),
        ("https://h/latest/", "https://h/latest/", "", "latest"),
        ("https://h/", "https://h/", "", "data"),
        ("https://h/..", "https://h/..", "", "data"),
        ("https://h/%2e%2e%2fx.y", "https://h/", "", "x.y"),
        ("https://h/x", "https://h/x", 'attachment; filename="two words.tar.gz"', "two words.tar.gz"),
        ("https://h/x", "https://h/x", "attachment; filename*=UTF-8''na%C3%AFve.txt", "naïve.txt"),
        ("https://h/x", "https://h/x", 'attachment; filename="../../etc/passwd"', "passwd"),
        ("https://h/x", "https://h/x", 'attachment; filename="C:\\\\data\\\\x.csv"', "x.csv"),
        ("https://h/x.y", "https://h/x.y", 'attachment; filename=".."', "x.y"),
        ("https://h/x.y", "https://h/x.y", "inline", "x.y"),
        ("https://h/x", "https://h/x", f'attachment; filename="{"n" * 300}.zip"', "n" * 251 + ".zip"),
    ],
)
def test_a_file_is_called_as_its_server_says_or_its_address(asked: str, answered: str, header: str, name: str) -> None:
    headers = {"Content-Disposition": header} if header else {}
    answer = httpx.Response(200, headers=headers, request=httpx.Request("GET", answered))
    assert file_name(httpx.URL(asked), answer) == name


def test_archives_are_told_by_their_names() -> None:
    for name in ("a.tar", "a.tar.gz", "A.TGZ", "a.tar.bz2", "a.tbz2", "a.tar.xz", "a.txz", "a.zip"):
        assert is_archive(name)
    for name in ("model.pt", "a.npz", "a.csv.gz", "a.docx", "tar", "zip", "a.zip.txt"):
        assert not is_archive(name)
