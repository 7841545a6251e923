"""The ledger: what its rows say, what they leave out, that a changed byte is found, its signatures, export and what may be taken away."""
import json
import os
import sqlite3
import subprocess

import pytest

import mqtt
import own
import vouch
from test_claims import connected, register
from test_workshop import provision

REGISTER = mqtt.register_topic(vouch.TEMPLATE)
ON_SQLITE = os.environ.get("VOUCH_STORE", "sqlite") == "sqlite"


def test_a_registration_is_told_whole(server):
    claim = server.claim()
    with connected(server, claim, "told-client") as client:
        accepted, _, made = register(client, "told", WifiPassword="hunter2", Key="-----BEGIN PRIVATE KEY-----", Site="Oslo", ApiToken="t0ps3cret")
        assert accepted
    row = own.ledger(server, event="thing-registered", thingName="told")[0]
    assert row["actor"] == "claim/" + claim.id and row["claimId"] == claim.id and row["sourceIp"] == "127.0.0.1"
    assert row["clientId"] == "told-client" and row["templateName"] == vouch.TEMPLATE and row["templateVersion"] == 1
    assert row["certificateId"] == made["certificateId"] and row["outcome"] == "ok"
    detail = json.loads(row["detail"])
    assert detail["parameters"] == {"ThingName": "told", "Site": "Oslo", "WifiPassword": "(left out)", "Key": "(left out)", "ApiToken": "(left out)"}
    created = own.ledger(server, event="claim-created", claimId=claim.id)[0]
    assert created["actor"] == f"arn:aws:iam::{vouch.ACCOUNT}:user/admin" and json.loads(created["detail"]) == {"uses": 1, "seconds": 300}
    text = json.dumps(own.ledger(server))
    for secret in ("hunter2", "t0ps3cret", "PRIVATE KEY", made["certificateOwnershipToken"]):
        assert secret not in text
    shown = json.loads(server.vouch("ledger", "show", str(row["sequence"])).stdout)
    assert shown["hash"] == row["hash"] and shown["previousHash"] == row["previousHash"]
    own.refused(server, 404, "ResourceNotFoundException", "GET", "/_vouch/ledger/999999")


def test_a_part_of_the_ledger_by_api_and_command(server):
    for name in ("search.a", "search.b"):
        own.call(server, "POST", f"/_vouch/users/{name}")
    keys = own.call(server, "POST", "/_vouch/users/search.a/access-keys")
    newest = own.call(server, "GET", "/_vouch/ledger?newestFirst=true&maxResults=1")
    assert newest["entries"][0]["event"] == "access-key-created" and keys["userName"] == "search.a"
    before = own.call(server, "GET", f"/_vouch/ledger?newestFirst=true&maxResults=2&nextToken={newest['nextToken']}")["entries"]
    assert [json.loads(row["detail"]).get("userName") for row in before] == ["search.b", "search.a"]
    assert own.call(server, "GET", "/_vouch/ledger?any=nobody-of-this-name")["entries"] == []
    made = own.call(server, "GET", "/_vouch/ledger?event=user-created&any=admin&newestFirst=true")["entries"]
    assert made[0]["sequence"] == before[0]["sequence"] and {row["event"] for row in made} == {"user-created"}
    assert all(row["actor"].endswith(":user/admin") for row in made)
    listed = json.loads(server.vouch("ledger", "list", "admin", "--event", "user-created", "--outcome", "ok", "--newest").stdout)
    assert [row["sequence"] for row in listed["entries"]] == [row["sequence"] for row in made]
    own.refused(server, 400, "InvalidRequestException", "GET", "/_vouch/ledger?newestFirst=perhaps")


def test_words_for_secrets_are_the_operators():
    with vouch.Server("--ledger-secrets", "serial") as server:
        server.prepare_workshop()
        with connected(server, server.claim(), "words") as client:
            assert register(client, "words", SerialNumber="123", Password="shown")[0]
        detail = json.loads(own.ledger(server, event="thing-registered")[0]["detail"])
        assert detail["parameters"] == {"ThingName": "words", "SerialNumber": "(left out)", "Password": "shown"}


def test_refusals_are_recorded_with_their_code_and_within_bounds(server):
    claim = server.claim()
    with connected(server, claim, "refused-client") as client:
        accepted, made = client.request(mqtt.CREATE, {})
        for _ in range(30):
            accepted, _ = client.request(REGISTER, {"certificateOwnershipToken": made["certificateOwnershipToken"],
                                                    "parameters": {"ThingName": "not a name"}})
            assert not accepted
        client.request(REGISTER, b"{")
    rows = own.ledger(server, event="provisioning-refused", claimId=claim.id)
    assert 1 <= len(rows) <= 10
    assert rows[0]["outcome"] == "parameter-invalid" and rows[0]["templateName"] == vouch.TEMPLATE and rows[0]["clientId"] == "refused-client"
    detail = json.loads(rows[0]["detail"])
    assert detail["operation"] == "RegisterThing" and detail["parameters"] == {"ThingName": "not a name"} and detail["message"]
    other = server.claim()
    with connected(server, other, "refused-2") as client:
        client.request(mqtt.CREATE_CSR, {"certificateSigningRequest": "x"})
    row = own.ledger(server, event="provisioning-refused", claimId=other.id)[0]
    assert row["outcome"] == "csr-invalid" and json.loads(row["detail"])["leftOut"] >= 20
    assert own.metric(server, "vouch_provisioning_refusals_unrecorded") == 0


def change_a_byte(server, sequence, column, turn):
    """One character of one column of one row, behind the server's back."""
    if ON_SQLITE:
        with sqlite3.connect(server.data / "store" / "registry.db") as db:
            old = db.execute(f"SELECT {column} FROM ledger WHERE seq = ?", (sequence,)).fetchone()[0]
            db.execute(f"UPDATE ledger SET {column} = ? WHERE seq = ?", (turn(old), sequence))
            return old
    url = vouch.Stores.urls[str(server.data)]
    ask = ["psql", "-X", "-q", "-A", "-t", url, "-c"]
    is_blob, is_number = column in ("prev_hash", "hash"), column in ("time_ms", "template_version")
    text = subprocess.run(ask + [f"SELECT {column} FROM ledger WHERE seq = {sequence}"], check=True, capture_output=True, text=True).stdout[:-1]
    old = bytes.fromhex(text[2:]) if is_blob else int(text) if is_number else text
    new = turn(old)
    literal = f"'\\x{new.hex()}'" if is_blob else str(new) if is_number else "'" + new.replace("'", "''") + "'"
    subprocess.run(ask + [f"UPDATE ledger SET {column} = {literal} WHERE seq = {sequence}"], check=True, capture_output=True)
    return old


def flip(value):
    if isinstance(value, bytes):
        return bytes([value[0] ^ 1]) + value[1:]
    if isinstance(value, int):
        return value + 1
    return (chr(ord(value[0]) ^ 1) + value[1:]) if value else "x"


@pytest.mark.parametrize("column", ["time_ms", "event", "actor", "source_ip", "client_id", "claim_id", "template_name", "template_version",
                                    "certificate_id", "thing_name", "outcome", "detail", "prev_hash", "hash"])
def test_one_changed_byte_is_found_and_named(server, column):
    if not own.ledger(server, thingName="victim"):
        provision(server, server.claim(), "victim")
    row = own.ledger(server, event="thing-registered", thingName="victim")[0]["sequence"]
    old = change_a_byte(server, row, column, flip)
    try:
        message = own.refused(server, 409, "ConflictingResourceUpdateException", "POST", "/_vouch/ledger/verify")
        assert f"row {row} " in message, message
        done = server.vouch("ledger", "verify", check=False)
        assert done.returncode == 2 and f"row {row} " in done.stderr
    finally:
        change_a_byte(server, row, column, lambda _: old)
    assert own.call(server, "POST", "/_vouch/ledger/verify")["verified"] is True


def test_an_exported_ledger_is_verified_without_the_server(server, tmp_path):
    own.call(server, "POST", "/_vouch/ledger/checkpoint")
    file, key = tmp_path / "ledger.json", server.data / "ledger.pub.pem"
    server.vouch("ledger", "export", "--out", str(file))
    told = json.loads(server.vouch("ledger", "verify-file", str(file), str(key), data=False).stdout)
    assert told["verified"] is True and told["first"] == 1 and told["entries"] == told["last"] and told["checkpoints"] >= 1
    lines = file.read_text().splitlines()

    def broken(change, words):
        changed = list(lines)
        change(changed)
        bad = tmp_path / "bad.json"
        bad.write_text("\n".join(changed) + "\n")
        done = server.vouch("ledger", "verify-file", str(bad), str(key), data=False, check=False)
        assert done.returncode == 2 and words in done.stderr, (words, done.stderr)

    def put(at, old, new):
        def change(changed):
            assert old in changed[at]
            changed[at] = changed[at].replace(old, new, 1)
        return change

    broken(put(3, '"outcome":"ok"', '"outcome":"OK"'), "row 3 does not match its hash")
    broken(put(3, '"sequence":3', '"sequence":4'), "row 3 is missing")
    broken(lambda c: c.pop(3), "row 3 is missing")
    broken(lambda c: c.__setitem__(5, c[5][:-2]), "row 5 cannot be read")
    broken(put(1, '"previousHash":"0', '"previousHash":"1'), "row 1 does not")
    signed = next(i for i, line in enumerate(lines) if line.startswith('{"checkpoint"'))
    broken(put(signed, '"signature":"30', '"signature":"31'), "signature does not hold")
    broken(put(signed, '"publicKey":"30', '"publicKey":"31'), "checkpoint of another key")
    broken(lambda c: c.__setitem__(4, c[4].replace(json.loads(c[4])["entry"]["hash"], json.loads(c[4])["entry"]["hash"].upper())), "row 4 has no hash")
    put_off = [line for line in lines if not line.startswith('{"checkpoint"')]
    broken(lambda c: c.__setitem__(slice(None), put_off), "No checkpoint signs a row")
    broken(put(0, vouch.ACCOUNT, "000000000000"), "signature does not hold")
    # Rewritten whole, hashes and all, it is not the one that was signed: and the last rows cannot be cut off before a checkpoint.
    last = json.loads(lines[signed])["checkpoint"]["sequence"]
    broken(lambda c: c.__delitem__(slice(last, last + 1)), f"row {last} is missing")
    other = own.key_pair()[1]
    (tmp_path / "other.pem").write_text(other)
    done = server.vouch("ledger", "verify-file", str(file), str(tmp_path / "other.pem"), data=False, check=False)
    assert done.returncode == 2 and "signature does not hold" in done.stderr
    for nothing in ("", "{}", "not json\n"):
        (tmp_path / "none").write_text(nothing)
        assert server.vouch("ledger", "verify-file", str(tmp_path / "none"), str(key), data=False, check=False).returncode == 2


def test_what_was_exported_may_go_and_the_rest_still_verifies(tmp_path):
    with vouch.Server() as server:
        server.prepare_workshop()
        provision(server, server.claim(), "long-ago")
        point = own.call(server, "POST", "/_vouch/ledger/checkpoint")
        provision(server, server.claim(), "lately")
        key = str(server.data / "ledger.pub.pem")
        own.refused(server, 404, "ResourceNotFoundException", "POST", "/_vouch/ledger/prune", {"until": point["sequence"] + 1})
        server.vouch("ledger", "export", "--until", str(point["sequence"]), "--out", str(tmp_path / "old.json"))
        assert json.loads(server.vouch("ledger", "prune", str(point["sequence"])).stdout) == {"removed": point["sequence"]}
        rows = own.ledger(server)
        assert rows[0]["sequence"] == point["sequence"] + 1 and rows[0]["previousHash"] == point["hash"]
        assert rows[-1]["event"] == "ledger-pruned"
        assert own.call(server, "POST", "/_vouch/ledger/verify")["entries"] == len(rows)
        # The two halves, each by itself, and the seam between them.
        own.call(server, "POST", "/_vouch/ledger/checkpoint")
        server.vouch("ledger", "export", "--out", str(tmp_path / "new.json"))
        old = json.loads(server.vouch("ledger", "verify-file", str(tmp_path / "old.json"), key, data=False).stdout)
        new = json.loads(server.vouch("ledger", "verify-file", str(tmp_path / "new.json"), key, data=False).stdout)
        assert old["last"] + 1 == new["first"] and old["signedUpTo"] == old["last"]
        server.kill()
        server.start()
        assert own.call(server, "POST", "/_vouch/ledger/verify")["verified"] is True
        if ON_SQLITE:
            # Rows that merely vanish are missed: nobody signed for that.
            with sqlite3.connect(server.data / "store" / "registry.db") as db:
                db.execute("DELETE FROM ledger WHERE seq = ?", (rows[0]["sequence"],))
            assert "is missing" in own.refused(server, 409, "ConflictingResourceUpdateException", "POST", "/_vouch/ledger/verify")
            with sqlite3.connect(server.data / "store" / "registry.db") as db:
                db.execute("UPDATE ledger SET hash = zeroblob(32) WHERE seq = ?", (rows[1]["sequence"],))
            own.refused(server, 409, "ConflictingResourceUpdateException", "POST", "/_vouch/ledger/prune", {"until": point["sequence"]})


def test_the_end_is_signed_from_time_to_time(clock_server):
    server = clock_server
    server.advance_clock(3601)
    import time
    deadline = time.monotonic() + 15
    key = dict(server.admin)
    while True:
        with sqlite3.connect(f"file:{server.data}/store/registry.db?mode=ro", uri=True) if ON_SQLITE else None as db:
            if db.execute("SELECT count(*) FROM ledger_checkpoints").fetchone()[0]:
                break
        assert time.monotonic() < deadline and key
        time.sleep(0.1)


if not ON_SQLITE:
    del test_the_end_is_signed_from_time_to_time  # it looks into the file


def test_pages_of_checkpoints(server):
    server.boto().create_policy(policyName="Page1", policyDocument=vouch.policy_text("pubsub-policy.json"))
    first = own.call(server, "POST", "/_vouch/ledger/checkpoint")
    server.boto().delete_policy(policyName="Page1")
    second = own.call(server, "POST", "/_vouch/ledger/checkpoint")
    assert second["sequence"] > first["sequence"]
    assert own.call(server, "POST", "/_vouch/ledger/checkpoint") == second  # nothing new is nothing to sign again
    page = own.call(server, "GET", f"/_vouch/ledger-checkpoints?maxResults=1&nextToken={first['sequence'] - 1}")
    assert page["checkpoints"] == [first] and page["nextToken"] == str(first["sequence"])
    own.refused(server, 400, "InvalidRequestException", "GET", "/_vouch/ledger-checkpoints?nextToken=x")


def test_many_ask_at_once(server):
    """Checkpoints, verifications and new rows side by side: nobody is refused for having been slower."""
    import threading
    errors = []

    def ask(path):
        try:
            for _ in range(10):
                own.call(server, "POST", path)
        except own.Refused as error:
            errors.append(error)

    def write():
        iot = server.boto()
        for _ in range(10):
            iot.create_provisioning_claim(templateName=vouch.TEMPLATE)

    threads = [threading.Thread(target=ask, args=(path,)) for path in ("/_vouch/ledger/checkpoint", "/_vouch/ledger/verify") for _ in range(2)]
    threads += [threading.Thread(target=write) for _ in range(2)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert errors == []
    assert own.call(server, "POST", "/_vouch/ledger/verify")["verified"] is True
