"""Datasets from the net: a real runner, a real web server, lines that break and files that change."""

from __future__ import annotations

import io
import json
import os
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from runner.models import Fetch, from_dict
from tests.support.api import Api, Refused
from tests.support.runner import RunnerProcess
from tests.support.wait import wait_for
from tests.support.web import LONG_AGO, Page, Web

BYTES = os.urandom(2_500_000)
OTHER = os.urandom(2_500_000)
QUICK: dict[str, object] = {"fetch_silence": 1.0, "fetch_patience": 2.0}
# For tests that stop the runner at a byte: it shall not ask for the next ones meanwhile.
CALM: dict[str, object] = {"fetch_silence": 60.0}


@pytest.fixture
def web() -> Iterator[Web]:
    with Web() as server:
        yield server


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunnerProcess]:
    """One runner for all that do not end it; each test has its own datasets."""
    with RunnerProcess(tmp_path_factory.mktemp("shared") / "runner", settings=QUICK) as process:
        yield process


@pytest.fixture
def api(shared: RunnerProcess) -> Iterator[Api]:
    with shared.http() as http:
        yield Api(http)


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[RunnerProcess]:
    """One to be ended."""
    with RunnerProcess(tmp_path / "runner", settings=CALM) as process:
        yield process


def begin(api: Api, url: str, dataset: str, **more: Any) -> Fetch:
    """Ask for a fetch."""
    return from_dict(api.ask("POST", f"/v1/datasets/{dataset}/fetches", {"url": url, **more}), Fetch)


def now(api: Api, fetch: Fetch) -> Fetch:
    """How it is now."""
    return from_dict(api.ask("GET", "/v1/fetch", id=fetch.id), Fetch)


def ended(api: Api, fetch: Fetch) -> Fetch:
    """How it is at the end."""

    def look() -> Fetch | None:
        found = now(api, fetch)
        return found if found.ended else None

    return wait_for(look, f"the end of fetch {fetch.id}")


def fetched(api: Api, url: str, dataset: str, **more: Any) -> Fetch:
    """A fetch that must succeed, at its end."""
    done = ended(api, begin(api, url, dataset, **more))
    assert done.state == "done", done.problem
    assert done.added is not None
    return done


def refused(api: Api, url: str, **more: Any) -> str:
    """What a fetch that must fail says; no version is made of it."""
    failed = ended(api, begin(api, url, "refused", **more))
    assert failed.state == "failed"
    assert failed.problem is not None
    assert failed.problem.hint
    with pytest.raises(Refused):
        api.ask("GET", "/v1/dataset", name="refused")
    return failed.problem.detail


def tar_of(files: dict[str, bytes], mode: str = "w:gz") -> bytes:
    """An archive of plain files."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode=mode) as tar:  # type: ignore[call-overload]
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return packed.getvalue()


def test_a_file_becomes_a_version_that_remembers_where_it_is_from(api: Api, web: Web) -> None:
    url = web.serve("/data/digits%20one.bin", BYTES, modified=LONG_AGO)
    secret = url.replace("http://", "http://ann:secret@") + "?token=hidden&part=1"
    done = fetched(api, secret, "digits", message="first")
    assert done.added is not None
    version, origin = done.added.version, done.added.version.origin
    assert origin is not None
    assert (version.version, version.files, version.size, version.message) == (1, 1, len(BYTES), "first")
    assert api.content("digits/1", "digits one.bin") == BYTES
    assert (origin.url, origin.size) == (url + "?token=***&part=1", len(BYTES))
    assert (origin.etag, origin.modified, len(origin.sha256)) == (web.pages["/data/digits%20one.bin"].tag, LONG_AGO, 64)
    assert (done.done_bytes, done.total_bytes, done.url) == (len(BYTES), len(BYTES), origin.url)
    again = fetched(api, url, "digits")
    assert again.added is not None
    assert (again.added.created, again.added.version.version) == (False, 1)
    assert [fetch["id"] for fetch in api.ask("GET", "/v1/fetches")][:2] == [again.id, done.id]


def test_a_broken_line_is_taken_up_where_it_broke(api: Api, web: Web) -> None:
    url = web.serve("/cut", BYTES, cuts=[300_000, 500_000, 1])
    fetched(api, url, "cut")
    assert api.content("cut/1", "cut") == BYTES
    assert web.ranges("/cut") == ["", "bytes=300000-", "bytes=800000-", "bytes=800001-"]
    by_date = web.serve("/dated", BYTES, etag="", modified=LONG_AGO, cuts=[300_000])
    fetched(api, by_date, "dated")
    assert web.ranges("/dated") == ["", "bytes=300000-"]


@pytest.mark.parametrize("page", [Page(etag=""), Page(etag='W/"1"'), Page(ranges=False)], ids=["none", "weak", "whole"])
def test_without_a_sure_way_to_go_on_it_begins_anew(api: Api, web: Web, page: Page) -> None:
    url = web.serve("/anew", BYTES, etag=page.etag, ranges=page.ranges, cuts=[300_000])
    fetched(api, url, "anew")
    assert api.content("anew/1", "anew") == BYTES
    assert not page.ranges or web.ranges("/anew") == ["", ""]


def test_a_file_that_changes_in_between_is_never_spliced(api: Api, web: Web) -> None:
    url = web.serve("/new", BYTES, cuts=[300_000])

    def change() -> None:
        web.pages["/new"] = Page(OTHER)

    web.pages["/new"].then = change
    done = fetched(api, url, "new")
    assert api.content("new/1", "new") == OTHER
    assert done.added is not None
    assert done.added.version.origin is not None
    assert done.added.version.origin.etag == Page(OTHER).tag


def test_a_server_that_falls_silent_is_asked_again(api: Api, web: Web) -> None:
    hold = threading.Event()
    url = web.serve("/slow", BYTES, hold=hold, hold_at=400_000)
    fetch = begin(api, url, "slow")
    wait_for(lambda: now(api, fetch).done_bytes == 400_000, "its beginning")
    assert now(api, fetch).total_bytes == len(BYTES)
    wait_for(lambda: len(web.asked) > 1, "another request")
    assert web.ranges("/slow")[1] == "bytes=400000-"
    hold.set()
    assert ended(api, fetch).state == "done"


def test_what_cannot_be_fetched_says_why(api: Api, web: Web) -> None:
    assert "There is nothing at" in refused(api, web.url("/nowhere"))
    assert "promises 2,000 bytes and has only 1,000" in refused(api, web.serve("/short", BYTES[:1000], promised=2000))
    assert "503" in refused(api, web.serve("/busy", fails=[503] * 100))
    assert "not for everybody (401" in refused(api, web.serve("/login", fails=[401]))
    assert "cannot be reached" in refused(api, "http://127.0.0.1:1/x")
    assert "redirects more than 10 times" in refused(api, web.serve("/round", redirect="/round"))
    assert "comes compressed (br)" in refused(api, web.serve("/br", b"x", headers={"Content-Encoding": "br"}))
    zeros = "0" * 64
    assert f"not {zeros}" in refused(api, web.serve("/other", BYTES), sha256=zeros)
    assert "no tar or zip" in refused(api, web.serve("/page.zip", b"<html>Please log in</html>"))
    whole = tar_of({"a": BYTES})
    assert "cannot be read" in refused(api, web.serve("/torn.tgz", whole[:-1000]))
    for url in ("ftp://example.org/x", "/etc/passwd", "http://"):
        with pytest.raises(Refused, match="http or https address"):
            begin(api, url, "x")
    with pytest.raises(Refused, match="SHA-256"):
        begin(api, web.url("/x"), "x", sha256="abc")


def test_redirects_and_names_of_the_server(api: Api, web: Web) -> None:
    web.serve("/store/0af3", BYTES, headers={"Content-Disposition": 'attachment; filename="../songs.csv"'})
    url = web.serve("/latest", redirect="/store/0af3?signature=1")
    fetched(api, url, "named")
    assert list(api.files("named/1")) == ["songs.csv"]
    web.serve("/blob/77", OTHER)
    fetched(api, web.serve("/birds.csv", redirect="/blob/77"), "named")
    assert list(api.files("named/2")) == ["birds.csv"]


def test_archives_are_unpacked_or_kept(api: Api, web: Web) -> None:
    files = {"a/one": b"1", "a/two": BYTES, "b/one": b"1"}
    for ending, mode in ((".tar", "w:"), (".tar.gz", "w:gz"), (".tar.bz2", "w:bz2"), (".txz", "w:xz")):
        done = fetched(api, web.serve(f"/data{ending}", tar_of(files, mode)), "tars")
        assert done.added is not None
        assert done.added.created is (ending == ".tar"), "the same files are the same version"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    done = fetched(api, web.serve("/data.zip", packed.getvalue()), "tars")
    assert done.added is not None
    assert not done.added.created
    assert {path: api.content("tars/1", path) for path in api.files("tars/1")} == files
    fetched(api, web.url("/data.zip"), "kept", unpack=False)
    assert api.content("kept/1", "data.zip") == packed.getvalue()
    fetched(api, web.serve("/model.pt", packed.getvalue()), "model")
    assert list(api.files("model/1")) == ["model.pt"], "a zip inside, but no archive"
    fetched(api, web.url("/model.pt"), "model", unpack=True)
    assert set(api.files("model/2")) == set(files)


def test_a_killed_runner_goes_on_where_it_was(runner: RunnerProcess, web: Web) -> None:
    hold = threading.Event()
    data = os.urandom(70 << 20)
    url = web.serve("/large", data, hold=hold, hold_at=66 << 20)
    with runner.http() as http:
        fetch = begin(Api(http), url, "d")
        wait_for(lambda: now(Api(http), fetch).done_bytes == 66 << 20, "66 MiB")
    runner.kill()
    web.pages["/large"].hold = None
    runner.start()
    with runner.http() as http:
        assert ended(Api(http), fetch).state == "done"
        assert Api(http).content("d/1", "large") == data
    first, second = web.ranges("/large")
    assert first == ""
    assert 64 << 20 <= int(second[6:-1]) <= 66 << 20
    assert not list((runner.data_dir / "fetches").iterdir())


def test_a_runner_that_stops_in_order_loses_no_byte(runner: RunnerProcess, web: Web) -> None:
    url = web.serve("/part", BYTES, hold=threading.Event(), hold_at=1_234_567)
    with runner.http() as http:
        fetch = begin(Api(http), url, "d")
        wait_for(lambda: now(Api(http), fetch).done_bytes == 1_234_567, "its beginning")
    runner.stop()
    web.pages["/part"].hold = None
    runner.start()
    with runner.http() as http:
        assert ended(Api(http), fetch).state == "done"
    assert web.ranges("/part")[-1] == "bytes=1234567-"


def test_what_the_disk_changed_meanwhile_is_fetched_again(runner: RunnerProcess, web: Web) -> None:
    url = web.serve("/part", BYTES, hold=threading.Event(), hold_at=1_234_567)
    files = {f"{n}": os.urandom(2000) for n in range(4000)}
    with runner.http() as http:
        fetch = begin(Api(http), url, "part")
        wait_for(lambda: now(Api(http), fetch).done_bytes == 1_234_567, "its beginning")
        many = begin(Api(http), web.serve("/many.tar", tar_of(files, "w:")), "many")
        wait_for(lambda: now(Api(http), many).state == "unpacking", "the unpacking of the other")
    runner.stop()
    for part in (runner.data_dir / "fetches").iterdir():
        with part.open("r+b") as file:
            file.seek(700_000)
            file.write(b"flipped")
    web.pages["/part"].hold = None
    runner.start()
    with runner.http() as http:
        api = Api(http)
        assert [ended(api, one).state for one in (fetch, many)] == ["done", "done"]
        assert api.content("part/1", "part") == BYTES
        assert api.content("many/1", "350") == files["350"]
    assert web.ranges("/part") == ["", ""]


def test_one_that_is_cancelled_leaves_nothing(api: Api, web: Web, shared: RunnerProcess) -> None:
    fetch = begin(api, web.serve("/endless", BYTES, hold=threading.Event(), hold_at=1000), "endless")
    part = shared.data_dir / "fetches" / f"{fetch.id}.part"
    assert begin(api, web.url("/endless"), "endless").id == fetch.id, "the same again is the same"
    wait_for(lambda: now(api, fetch).done_bytes, "its beginning")
    assert part.stat().st_size
    assert api.ask("DELETE", "/v1/fetch", id=fetch.id)["state"] == "cancelled"
    assert "endless" not in [dataset["name"] for dataset in api.ask("GET", "/v1/datasets")]
    assert not part.exists()
    assert now(api, fetch).state == "cancelled"
    api.ask("DELETE", "/v1/fetch", id=fetch.id)
    assert fetch.id not in [each["id"] for each in api.ask("GET", "/v1/fetches")]
    with pytest.raises(Refused, match="no fetch"):
        now(api, fetch)


def test_one_that_failed_goes_on_when_it_is_asked_for_again(api: Api, web: Web) -> None:
    url = web.serve("/flaky", BYTES, cuts=[1_000_000])
    web.pages["/flaky"].then = lambda: web.pages["/flaky"].fails.extend([503] * 100)
    fetch = begin(api, url, "flaky")
    failed = ended(api, fetch)
    assert failed.problem is not None
    assert "Nothing more came after 976.6 KiB: 127.0.0.1 answered 503" in failed.problem.detail
    web.pages["/flaky"] = Page(BYTES)
    assert begin(api, url, "flaky").id == fetch.id
    assert ended(api, fetch).state == "done"
    assert web.ranges("/flaky")[-1] == "bytes=1000000-"


def test_how_it_goes_on_is_followed_to_its_end(api: Api, web: Web) -> None:
    hold = threading.Event()
    fetch = begin(api, web.serve("/watched", BYTES, hold=hold, hold_at=1000), "watched")
    seen = []
    with api.http.stream("GET", "/v1/fetch", params={"id": fetch.id, "follow": 1}) as answer:
        for line in answer.iter_lines():
            seen.append(from_dict(json.loads(line), Fetch))
            if seen[-1].done_bytes >= 1000:
                hold.set()
    assert [seen[0].id, seen[-1].state] == [fetch.id, "done"]
    assert seen[-1].added is not None


def test_a_disk_without_room_refuses_early(tmp_path: Path, web: Web) -> None:
    with RunnerProcess(tmp_path / "r", settings={"disk_reserve": 1 << 62}) as full, full.http() as http:
        api = Api(http)
        assert "2.4 MiB are to come" in refused(api, web.serve("/big", BYTES))
        assert "are to come" in refused(api, web.serve("/who-knows", BYTES, promised=-1))


def test_unpacking_is_cut_off_by_a_kill_and_done_again(runner: RunnerProcess, web: Web) -> None:
    files = {f"{n // 100}/{n}": os.urandom(2000) for n in range(6000)}
    with runner.http() as http:
        fetch = begin(Api(http), web.serve("/many.tar", tar_of(files, "w:")), "d")
        wait_for(lambda: now(Api(http), fetch).files, "the first files", 30)
    runner.kill()
    assert list((runner.data_dir / "fetches").iterdir())
    runner.start()
    with runner.http() as http:
        done = ended(Api(http), fetch)
        assert done.added is not None
        assert (done.added.version.files, len(web.asked)) == (len(files), 1)
        assert Api(http).content("d/1", "59/5999") == files["59/5999"]


def test_who_may_ask_for_which_address(api: Api, web: Web) -> None:
    for address in ("169.254.169.254", "[fe80::1]", "[::ffff:169.254.169.254]", "100.100.100.200", "168.63.129.16"):
        with pytest.raises(Refused, match="its own credentials"):
            begin(api, f"http://{address}/latest/meta-data", "x")
    moved = web.serve("/moved", redirect="http://169.254.169.254/latest/meta-data")
    assert "its own credentials" in refused(api, moved)


def certificate(folder: Path) -> Path:
    """A certificate for 127.0.0.1 that signs itself, with its key; the certificate alone is beside it."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    today, day = datetime.now(timezone.utc), timedelta(days=1)
    addresses = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), today - day, today + day)
    # Stricter readers, as in Python 3.13, want these of who signs.
    made = made.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    made = made.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    signed = made.add_extension(addresses, critical=False).sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
    (folder / "cert.pem").write_bytes(signed)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "web.pem").write_bytes(private + signed)
    return folder / "web.pem"


def test_certificates_are_checked_and_https_is_not_left(tmp_path: Path, web: Web) -> None:
    signed = certificate(tmp_path)
    trusting = {"SSL_CERT_FILE": str(tmp_path / "cert.pem")}
    with Web(signed) as secure:
        url = secure.serve("/data.bin", BYTES)
        with RunnerProcess(tmp_path / "strange", settings=QUICK) as one, one.http() as http:
            assert "certificate verify failed" in refused(Api(http), url)
        with RunnerProcess(tmp_path / "known", settings=QUICK, env=trusting) as one, one.http() as http:
            api = Api(http)
            fetched(api, url, "d")
            assert api.content("d/1", "data.bin") == BYTES
            down = secure.serve("/down", redirect=web.serve("/plain", BYTES))
            assert "redirects from https to http://" in refused(api, down)
            fetched(api, web.serve("/up", redirect=url), "up")


def test_the_proxy_of_the_environment_is_used(tmp_path: Path, web: Web) -> None:
    web.serve("http://data.example.org/x.csv", b"1,2\n")
    proxy = {"http_proxy": web.url("")}
    with RunnerProcess(tmp_path / "proxied", settings=QUICK, env=proxy) as one, one.http() as http:
        fetched(Api(http), "http://data.example.org/x.csv", "d")
        assert Api(http).content("d/1", "x.csv") == b"1,2\n"
        with pytest.raises(Refused, match="its own credentials"):
            begin(Api(http), "http://169.254.169.254/latest", "d")
