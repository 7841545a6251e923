"""The console's files as the server hands them out: headers, forms, what is unchanged, and names that are no files."""
import gzip
import http.client
import json
import pathlib
import re
import ssl

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

import vouch

CONSOLE = pathlib.Path(__file__).resolve().parents[2] / "console"
PAGES = {"/console": "console.html", "/install": "install.html", "/sign-in": "sign-in.html"}
POLICY = {"default-src": "'none'", "script-src": "'self'", "style-src": "'self'", "img-src": "'self' data: blob:", "connect-src": "'self'",
          "media-src": "'self' blob:", "form-action": "'self'", "base-uri": "'none'", "frame-ancestors": "'none'",
          "require-trusted-types-for": "'script'", "trusted-types": "'none'"}


@pytest.fixture(scope="module")
def server():
    with vouch.Server("--log-level", "debug") as server:  # pages are not worth a line otherwise
        yield server


@pytest.fixture(scope="module")
def door(server):
    """One connection for all: an answer without its end would be seen by the next."""
    port = int(server.api.rsplit(":", 1)[1])
    connection = http.client.HTTPSConnection("localhost", port, context=ssl.create_default_context(cafile=server.ca), timeout=20)
    yield connection
    connection.close()


def ask(door, path, method="GET", body=None, **headers):
    door.request(method, path, body=body, headers={name.replace("_", "-"): value for name, value in headers.items()})
    answer = door.getresponse()
    return answer, answer.read()


def signed(server, method, path):
    """By admin, asking for gzip."""
    request = AWSRequest(method=method, url=server.api + path, data=b"", headers={"accept-encoding": "gzip"})
    SigV4Auth(Credentials(server.admin["accessKeyId"], server.admin["secretAccessKey"]), "iot", vouch.REGION).add_auth(request)
    connection = http.client.HTTPSConnection("localhost", int(server.api.rsplit(":", 1)[1]), context=ssl.create_default_context(cafile=server.ca), timeout=20)
    connection.request(method, path, headers=dict(request.headers.items()))
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer, body


def policy_of(answer):
    parts = [part.strip().partition(" ") for part in answer.getheader("content-security-policy").split(";")]
    return {name: value for name, _, value in parts}


@pytest.mark.parametrize("path", PAGES)
def test_page(door, path):
    answer, body = ask(door, path)
    assert answer.status == 200
    assert body == (CONSOLE / PAGES[path]).read_bytes()
    assert answer.getheader("content-type") == "text/html; charset=utf-8"
    assert policy_of(answer) == POLICY
    assert answer.getheader("cache-control") == "no-cache"
    assert answer.getheader("x-content-type-options") == "nosniff"
    assert answer.getheader("x-frame-options") == "DENY"
    assert answer.getheader("referrer-policy") == "no-referrer"
    assert answer.getheader("cross-origin-opener-policy") == "same-origin"
    assert answer.getheader("cross-origin-resource-policy") == "same-origin"
    assert answer.getheader("permissions-policy") == "camera=(self), microphone=(), geolocation=()"
    assert answer.getheader("set-cookie") is None
    # Each of these headers once: two would be read as the stricter, the looser or none.
    names = [name.lower() for name, _ in answer.getheaders()]
    assert len(names) == len(set(names))


def test_every_file_of_the_folder(door):
    types = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".html": "text/html; charset=utf-8", ".svg": "image/svg+xml"}
    files = sorted(file for file in CONSOLE.iterdir() if file.suffix in types)
    assert len(files) > 15
    for file in files:
        answer, body = ask(door, f"/assets/{file.name}", accept_encoding="gzip")
        assert answer.status == 200, file
        assert answer.getheader("content-type") == types[file.suffix]
        assert gzip.decompress(body) == file.read_bytes()
        assert len(body) < 60000


def test_assets_are_no_documents(door):
    """Opened as a page, a file may load and do nothing."""
    for name in ("app.js", "icon.svg", "console.html"):
        answer, _ = ask(door, f"/assets/{name}")
        assert policy_of(answer) == {"default-src": "'none'", "frame-ancestors": "'none'"}
        assert answer.getheader("x-content-type-options") == "nosniff"
        assert answer.getheader("cross-origin-resource-policy") == "same-origin"
        assert answer.getheader("cache-control") == "no-cache"


@pytest.mark.parametrize("path", ["/metrics", "/_vouch/openapi.json"])
def test_long_answers_come_smaller_to_whom_asks(door, path):
    plain, body = ask(door, path)
    assert plain.getheader("content-encoding") is None and plain.getheader("vary") == "accept-encoding"
    packed, small = ask(door, path, accept_encoding="gzip")
    assert packed.getheader("content-encoding") == "gzip" and packed.getheader("vary") == "accept-encoding"
    assert len(small) < len(body) / 2
    whole = gzip.decompress(small)
    assert whole == body if path.endswith(".json") else whole.startswith(b"# ")
    head, nothing = ask(door, "/_vouch/openapi.json", "HEAD", accept_encoding="gzip")
    assert nothing == b"" and head.getheader("content-encoding") == "gzip"


def test_lists_come_smaller_and_changes_do_not(server):
    iot = server.boto()
    for i in range(40):
        iot.create_thing(thingName=f"smaller-{i}", attributePayload={"attributes": {"serial": f"S{i:08}"}})
    answer, body = signed(server, "GET", "/things?maxResults=250")
    assert answer.getheader("content-encoding") == "gzip"
    assert len([one for one in json.loads(gzip.decompress(body))["things"] if one["thingName"].startswith("smaller-")]) == 40
    # A key and its certificate, more than a kilobyte, are never mixed into a compression.
    answer, body = signed(server, "POST", "/keys-and-certificate?setAsActive=false")
    assert answer.status == 200 and len(body) > 1024 and answer.getheader("content-encoding") is None
    # Neither is what is short.
    answer, body = signed(server, "GET", "/things/smaller-1")
    assert answer.status == 200 and answer.getheader("content-encoding") is None


def test_forms(door):
    plain, body = ask(door, "/assets/style.css")
    zipped, packed = ask(door, "/assets/style.css", accept_encoding="br, gzip")
    refused, again = ask(door, "/assets/style.css", accept_encoding="gzip;q=0")
    assert plain.getheader("content-encoding") is None and refused.getheader("content-encoding") is None and again == body
    assert zipped.getheader("content-encoding") == "gzip"
    assert gzip.decompress(packed) == body and len(packed) < len(body) / 2
    assert plain.getheader("vary") == zipped.getheader("vary") == "accept-encoding"
    assert plain.getheader("etag") != zipped.getheader("etag")
    for answer in (plain, zipped):
        assert re.fullmatch(r'"[0-9a-f]{32}(-gz)?"', answer.getheader("etag"))


@pytest.mark.parametrize("accept", ["identity", "gzip"])
def test_unchanged(door, accept):
    first, body = ask(door, "/console", accept_encoding=accept)
    etag = first.getheader("etag")
    for condition in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        answer, nothing = ask(door, "/console", accept_encoding=accept, if_none_match=condition)
        assert (answer.status, nothing) == (304, b""), condition
        assert answer.getheader("etag") == etag
        assert answer.getheader("cache-control") == "no-cache" and answer.getheader("vary") == "accept-encoding"
    for condition in ('"other"', etag.strip('"'), etag.replace('"', '"x', 1)):
        answer, whole = ask(door, "/console", accept_encoding=accept, if_none_match=condition)
        assert (answer.status, whole) == (200, body), condition


@pytest.mark.parametrize("path", ["/", "/console", "/install", "/sign-in", "/assets/app.js", "/ca.pem", "/healthz", "/readyz"])
def test_head(door, path):
    whole, body = ask(door, path)
    answer, nothing = ask(door, path, "HEAD")
    assert (answer.status, nothing) == (200, b"")
    assert answer.getheader("content-length") == str(len(body))
    assert answer.getheader("content-type") == whole.getheader("content-type")


@pytest.mark.parametrize("path", [
    "/assets/", "/assets", "/assets/none.js", "/assets/app.js/", "/assets//app.js", "/assets/./app.js", "/assets/../console/app.js",
    "/assets/..%2fconsole%2fapp.js", "/assets/%2e%2e/ca.pem", "/assets/..", "/assets/app.js%00", "/assets/app.js%00.css", "/assets/APP.JS",
    "/assets/app.js.gz", "/assets/%2fetc%2fpasswd", "/assets/....//....//etc/passwd", "/assets/app%zz.js", "/assets/app.js%0d%0aset-cookie:x=1",
    "/assets/..\\console\\app.js", "/console/", "/console/x", "/console.html", "/Console", "/install/..", "/sign-in/", "//console",
    "/assets/CMakeLists.txt", "/assets/" + "a" * 4000,
])
def test_no_such_file(door, path):
    for method in ("GET", "HEAD"):
        answer, body = ask(door, path, method)
        assert answer.status == 404, method
        assert answer.getheader("set-cookie") is None
        assert policy_of(answer)["default-src"] == "'none'"
        assert b"passwd" not in body and b"import" not in body


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("path", ["/console", "/assets/app.js"])
def test_files_are_read_only(door, method, path):
    answer, _ = ask(door, path, method, body="{}")
    assert answer.status == 404


def test_only_pages_have_heads(door):
    for path in ("/things", "/_vouch/session", "/policies/x"):
        answer, body = ask(door, path, "HEAD")
        assert (answer.status, body) == (404, b"")


def test_a_query_changes_nothing(door):
    assert ask(door, "/sign-in?return=//evil.test&error=<script>")[1] == ask(door, "/sign-in")[1]


def test_pages_ask_for_files_that_are_there(door):
    """Whatever a page or module names is carried, so that nothing is asked of another server."""
    wanted = set()
    for path in PAGES:
        wanted |= set(re.findall(r'(?:href|src)="([^"]+)"', ask(door, path)[1].decode()))
    assert {"/assets/style.css", "/assets/app.js", "/assets/sign-in.js", "/assets/install.js"} <= wanted
    seen = set()
    while wanted - seen:
        path = min(wanted - seen)
        seen.add(path)
        answer, body = ask(door, path)
        assert answer.status == 200, path
        if path.endswith(".js"):
            wanted |= {f"/assets/{name}" for name in re.findall(r'(?:from|import\()\s*"\./([^"]+)"', body.decode())}
    assert len(seen) > 20


def test_the_first_page_leads_on(door):
    body = ask(door, "/")[1].decode()
    for path in ("/console", "/install", "/ca.pem"):
        assert f'href="{path}"' in body


def test_errors_say_their_reason(door):
    answer, _ = ask(door, "/no/such/thing")
    assert answer.getheader("x-vouch-reason") == "unknown-operation"
    answer, _ = ask(door, "/things")
    assert answer.status == 403 and answer.getheader("x-amzn-errortype") == "MissingAuthenticationTokenException"
    assert answer.getheader("x-vouch-reason")
