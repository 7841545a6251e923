"""Our own operations: users and their keys, claims, the ledger; and the pages that everybody may read."""
import json
import re
import sqlite3
import ssl
import urllib.parse
import urllib.request

import pytest

import vouch
from test_api import send, signed
from test_api_iam import AD, AE, DC, IR, LE, MP, NF, allow, call, document

NO_ONE = "0" * 64


def quoted(token):
    return urllib.parse.quote(token, safe="")


def test_users(server):
    made = call(server, "POST", "/users/ada")
    assert made["userArn"] == f"arn:aws:iam::{vouch.ACCOUNT}:user/ada"
    call(server, "POST", "/users/ada", expect=AE)
    call(server, "POST", "/users/bad%20name", expect=IR)
    assert {"ada", "admin"} <= {user["userName"] for user in call(server, "GET", "/users")["users"]}
    first = call(server, "GET", "/users?maxResults=1")
    assert len(first["users"]) == 1 and call(server, "GET", "/users?nextToken=" + quoted(first["nextToken"]))["users"]
    call(server, "DELETE", "/users/ada")
    call(server, "DELETE", "/users/ada", expect=NF)
    call(server, "DELETE", "/users/admin", expect=DC)


def test_policies_of_users(server):
    call(server, "POST", "/users/grace")
    for number in range(10):
        call(server, "PUT", f"/users/grace/policies/p{number}", {"policyDocument": document(allow("iot:ListThings"))})
    call(server, "PUT", "/users/grace/policies/p10", {"policyDocument": document(allow("*"))}, expect=LE)
    call(server, "PUT", "/users/grace/policies/p9", {"policyDocument": document(allow("iot:ListPolicies"))})
    call(server, "PUT", "/users/grace/policies/p9", {"policyDocument": "{"}, expect=MP)
    call(server, "PUT", "/users/grace/policies/p9", {}, expect=IR)
    listed = {p["policyName"]: p["policyDocument"] for p in call(server, "GET", "/users/grace/policies")["policies"]}
    assert len(listed) == 10 and "iot:ListPolicies" in listed["p9"]
    call(server, "DELETE", "/users/grace/policies/p0")
    call(server, "DELETE", "/users/grace/policies/p0", expect=NF)
    everything = {"policyDocument": document(allow("*"))}
    for method, path, body in (("PUT", "policies/p", everything), ("GET", "policies", None), ("DELETE", "policies/p", None)):
        call(server, method, f"/users/nobody/{path}", body, expect=NF)
    # Nobody takes the administrator's right away, himself included.
    call(server, "PUT", "/users/admin/policies/AdministratorAccess", everything, expect=DC)
    call(server, "DELETE", "/users/admin/policies/AdministratorAccess", expect=DC)


def test_access_keys(server):
    call(server, "POST", "/users/keys")
    key = call(server, "POST", "/users/keys/access-keys")
    call(server, "PUT", "/users/keys/policies/all", {"policyDocument": document(allow("vouch:ListUsers"))})
    assert call(server, "GET", "/users", key=key)["users"]
    call(server, "GET", "/claims", key=key, expect=AD)
    call(server, "POST", "/users/keys/access-keys")
    call(server, "POST", "/users/keys/access-keys", expect=LE)
    listed = call(server, "GET", "/users/keys/access-keys")["accessKeys"]
    assert len(listed) == 2 and all("secretAccessKey" not in shown for shown in listed)
    call(server, "DELETE", f"/users/keys/access-keys/{key['accessKeyId']}")
    call(server, "DELETE", f"/users/keys/access-keys/{key['accessKeyId']}", expect=NF)
    call(server, "GET", "/users", key=key, expect=(403, "UnrecognizedClientException"))
    for method, path in (("POST", ""), ("GET", ""), ("DELETE", "/AKIAXXXXXXXXXXXXXXXX")):
        call(server, method, f"/users/nobody/access-keys{path}", expect=NF)


def test_claims(server):
    claim = server.boto().create_provisioning_claim(templateName=vouch.TEMPLATE)["certificateId"]
    shown = call(server, "GET", f"/claims/{claim}")
    assert (shown["templateName"], shown["uses"], shown["createdBy"]) == (vouch.TEMPLATE, 0, f"arn:aws:iam::{vouch.ACCOUNT}:user/admin"), shown
    assert claim in {listed["claimId"] for listed in call(server, "GET", "/claims")["claims"]}
    call(server, "DELETE", f"/claims/{claim}")
    assert call(server, "GET", f"/claims/{claim}")["state"] != shown["state"]
    for method in ("GET", "DELETE"):
        call(server, method, f"/claims/{NO_ONE}", expect=NF)
        call(server, method, "/claims/short", expect=IR)


def test_the_ledger_notices_a_changed_row():
    with vouch.Server() as server:
        call(server, "POST", "/users/ledger")
        entries = call(server, "GET", "/ledger")["entries"]
        assert [e["event"] for e in entries][-1] == "user-created"
        verified = call(server, "POST", "/ledger/verify")
        assert verified["verified"] is True and verified["entries"] >= len(entries)
        if "--store" in " ".join(vouch.Stores.flags(server.data)):
            return
        server.stop()
        with sqlite3.connect(server.data / "store" / "registry.db") as registry:
            triggers = [row[0] for row in registry.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'ledger'")]
            for trigger in triggers:
                registry.execute(f'DROP TRIGGER "{trigger}"')
            changed = registry.execute("UPDATE ledger SET actor = 'somebody else' WHERE seq = ?", (entries[-1]["sequence"],)).rowcount
        registry.close()
        assert changed == 1
        server.start()
        call(server, "POST", "/ledger/verify", expect=(409, "ConflictingResourceUpdateException"))


def test_pages():
    with vouch.Server("--log-level", "debug") as server:
        context = ssl.create_default_context(cafile=server.ca)
        pages = {path: urllib.request.urlopen(server.api + path, context=context) for path in
                 ("/", "/ca.pem", "/healthz", "/readyz", "/metrics", "/_vouch/openapi.json")}
        texts = {path: page.read().decode() for path, page in pages.items()}
        assert all(page.status == 200 for page in pages.values())
        assert texts["/ca.pem"] == (server.data / "ca.pem").read_text()
        assert re.search(r"^vouch_\w+ \d+$", texts["/metrics"], re.M)
        assert json.loads(texts["/_vouch/openapi.json"])["openapi"].startswith("3.")
        assert server.boto().describe_endpoint()["endpointAddress"]
        assert send(server, signed(server, "POST", "/healthz"))[0] in (404, 405)


@pytest.mark.parametrize("path", ("/users", "/claims", "/ledger"))
def test_pages_of_lists_are_bound_to_their_query(server, path):
    call(server, "GET", path + "?nextToken=AAAA", expect=IR)
    call(server, "GET", path + "?maxResults=0", expect=IR)
    first = call(server, "GET", path + "?maxResults=1")
    other = "/claims" if path == "/users" else "/users"
    if "nextToken" in first:
        call(server, "GET", f"{other}?nextToken={quoted(first['nextToken'])}", expect=IR)
