"""Live activity: what the ledger gets and who connects, told as it happens, to whoever may listen."""
import json
import shutil
import threading
import time

import pytest

import mqtt
import own
import postgres
import session
import sse
import vouch

WATCH = (["vouch:WatchEvents"], "*")


def provision(server, claim, thing):
    with mqtt.Client(server, claim) as client:
        client.connect(f"new-{thing}")
        accepted, made = client.request(mqtt.CREATE, {})
        assert accepted, made
        accepted, answer = client.request(mqtt.register_topic(vouch.TEMPLATE), {
            "certificateOwnershipToken": made["certificateOwnershipToken"], "parameters": {"ThingName": thing}})
        assert accepted, answer
    return vouch.Identity(server.home, made["certificateId"], made["certificatePem"], made["privateKey"])


def touch(server, name):
    """One more row of the ledger."""
    server.vouch("user", "create", name)


def streams(server):
    return own.metric(server, "vouch_event_streams")


def until_streams(server, count, seconds=10):
    deadline = time.monotonic() + seconds
    while streams(server) != count:
        assert time.monotonic() < deadline, f"{streams(server)} streams instead of {count}"
        time.sleep(0.02)


def test_a_row_comes_as_the_ledger_has_it(server):
    with sse.Listener(server) as listener:
        event, data = listener.block()
        assert (event, data) == (None, None) and listener.last_id == len(own.ledger(server))
        touch(server, "row-1")
        row = listener.row(event="user-created")
    assert row == own.ledger(server)[row["sequence"] - 1] and listener.last_id == row["sequence"]


def test_a_provisioning_is_seen_whole(server):
    """The workshop, live: claim, certificate, registration, and the thing's own connection."""
    with sse.Listener(server) as listener:
        identity = provision(server, server.claim(), "seen-whole")
        events = []
        while "thing-registered" not in events:
            events.append(listener.row()["event"])
        assert events.index("claim-created") < events.index("thing-registered")
        with mqtt.Client(server, identity) as device:
            before = time.time() * 1000
            device.connect("seen-whole")
            _, up = listener.next(kind="connection")
            while up["clientId"] != "seen-whole" or not up["connected"]:
                _, up = listener.next(kind="connection")
        _, down = listener.next(kind="connection")
    assert up["thingName"] == "seen-whole" and abs(up["atMillis"] - before) < 5000
    assert (down["clientId"], down["connected"], down["thingName"]) == ("seen-whole", False, "seen-whole")


def test_a_thing_alone(server):
    first, second = provision(server, server.claim(), "alone-1"), provision(server, server.claim(), "alone-2")
    with sse.Listener(server, thingName="alone-2") as listener:
        touch(server, "alone-user")
        for identity, name in ((first, "alone-1"), (second, "alone-2")):
            with mqtt.Client(server, identity) as device:
                device.connect(name)
        seen = [listener.next()[1] for _ in range(2)]
        assert [(d["clientId"], d["connected"]) for d in seen] == [("alone-2", True), ("alone-2", False)]
    with sse.Listener(server, thingName="alone-1", after=0) as listener:
        assert listener.row()["thingName"] == "alone-1"


def test_who_was_away_reads_on(server):
    with sse.Listener(server) as listener:
        touch(server, "away-1")
        last = listener.row(event="user-created")["sequence"]
    for i in range(300):
        own.call(server, "PUT", "/_vouch/users/away-1/policies/P", {"policyDocument": json.dumps(
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iot:ListThings", "Resource": "*", "Sid": f"n{i}"}]})})
    expected = [r["sequence"] for r in own.ledger(server) if r["sequence"] > last]
    assert len(expected) >= 300
    for how in ({"last_id": str(last)}, {"after": last}, {"after": 0, "last_id": str(last)}):
        with sse.Listener(server, **how) as listener:
            assert [listener.row()["sequence"] for _ in expected] == expected
            touch(server, "away-more-" + str(how).encode().hex()[:24])
            expected.append(listener.row()["sequence"])
            assert expected[-1] == expected[-2] + 1  # from the past into the present without a gap


def test_a_place_that_is_none(server):
    end = len(own.ledger(server))
    with sse.Listener(server, after=end + 1000) as listener:  # of another registry: from now on
        listener.block()
        assert listener.last_id == end
    for how in ({"after": -1}, {"after": "x"}, {"last_id": "x"}, {"last_id": "-5"}, {"last_id": "9" * 20}, {"thingName": "a$b"},
                {"pairingId": "x" * 65}):
        with pytest.raises(sse.Refused) as refused:
            sse.Listener(server, **how)
        assert (refused.value.status, refused.value.code) == (400, "InvalidRequestException"), how


def test_http_1_0_has_no_chunks(server):
    with sse.Listener(server, http10=True) as listener:
        touch(server, "old-client")
        assert listener.row(event="user-created")


def test_many_things_at_once_come_once_and_in_order(server):
    def work(n):
        for i in range(20):
            own.call(server, "PUT", f"/_vouch/users/crowd-{n}/policies/P{i % 3}", {"policyDocument": json.dumps(
                {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iot:ListThings", "Resource": "*"}]})})
    for n in range(6):
        touch(server, f"crowd-{n}")
    end = len(own.ledger(server))
    listeners = [sse.Listener(server) for _ in range(5)]
    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for listener in listeners:
        assert [listener.row()["sequence"] for _ in range(120)] == list(range(end + 1, end + 121))
        listener.close()


# ---- who may, and how many


def test_without_the_right(server):
    key = own.user(server, "blind", (["vouch:ListLedger"], "*"))
    with pytest.raises(sse.Refused) as refused:
        sse.Listener(server, key=key)
    assert (refused.value.status, refused.value.code) == (403, "AccessDeniedException")
    with pytest.raises(sse.Refused) as refused:
        sse.Listener(server, key={**key, "secretAccessKey": "x" * 40})
    assert refused.value.status == 403


def test_a_right_that_is_taken_away_ends_it(server):
    key = own.user(server, "dismissed", WATCH)
    with sse.Listener(server, key=key) as listener, sse.Listener(server) as admins:
        own.call(server, "DELETE", "/_vouch/users/dismissed/policies/Own")
        said = listener.ended()
        assert said["reason"] == "policy-silent" and "vouch:WatchEvents" in said["message"]
        assert admins.row(event="user-policy-deleted")  # nobody else is concerned
        touch(server, "after-dismissal")
        assert admins.row(event="user-created")


def test_a_key_that_is_taken_away_ends_it(server):
    for act in ("Inactive", "delete", "user"):
        key = own.user(server, f"key-{act}", WATCH)
        with sse.Listener(server, key=key) as listener:
            path = f"/_vouch/users/key-{act}"
            if act == "Inactive":
                own.call(server, "PUT", f"{path}/access-keys/{key['accessKeyId']}", {"status": "Inactive"})
            elif act == "delete":
                own.call(server, "DELETE", f"{path}/access-keys/{key['accessKeyId']}")
            else:
                own.call(server, "DELETE", path)
            assert listener.ended()["reason"] in ("access-key-unknown", "policy-silent"), act


def test_temporary_credentials_end_in_their_time(clock_server):
    server = clock_server
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{vouch.ACCOUNT}:root"},
                                                     "Action": "sts:AssumeRole"}]}
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "vouch:WatchEvents", "Resource": "*"}]}
    own.call(server, "POST", "/_vouch/roles/watcher", {"assumeRolePolicyDocument": json.dumps(trust)})
    own.call(server, "PUT", "/_vouch/roles/watcher/policies/P", {"policyDocument": json.dumps(document)})
    role = server.boto("sts").assume_role(RoleArn=f"arn:aws:iam::{vouch.ACCOUNT}:role/watcher", RoleSessionName="live", DurationSeconds=900)
    given = role["Credentials"]
    key = {"accessKeyId": given["AccessKeyId"], "secretAccessKey": given["SecretAccessKey"], "sessionToken": given["SessionToken"]}
    with sse.Listener(server, key=key) as listener, sse.Listener(server) as admins:
        for one in (listener, admins):
            one.block()
        server.advance_clock(890)  # both are looked at, and may go on
        for one in (listener, admins):
            assert one.block() == (None, None)
        server.advance_clock(20)
        assert listener.ended()["reason"] == "session-expired"
        assert admins.block() == (None, None)
    with pytest.raises(sse.Refused) as refused:
        sse.Listener(server, key=key)
    assert refused.value.status == 403


def test_a_session_in_a_browser(clock_server):
    """Its cookie is enough, listening does not keep it alive, and its end is the stream's."""
    server = clock_server
    browser = session.admin(server)
    cookie = f"{session.NAME}={browser.cookie}"
    with sse.Listener(server, cookie=cookie) as listener:
        touch(server, "seen-by-a-page")
        assert listener.row(event="user-created")
        other = session.admin(server)
        with sse.Listener(server, cookie=f"{session.NAME}={other.cookie}") as beside:
            browser.call("DELETE", "/_vouch/session")
            assert listener.ended(5)["reason"] == "session-ended"  # at once: a heartbeat comes every 15 seconds
            touch(server, "seen-by-another-page")
            assert beside.row(event="user-created", detail='{"userName":"seen-by-another-page"}')
            own.call(server, "DELETE", "/_vouch/users/admin/sessions")
            assert beside.ended(5)["reason"] == "session-ended"
    with pytest.raises(sse.Refused) as refused:
        sse.Listener(server, cookie=cookie)
    assert (refused.value.status, refused.value.code) == (401, "UnauthorizedException")
    browser = session.admin(server)
    with sse.Listener(server, cookie=f"{session.NAME}={browser.cookie}") as listener:
        listener.block()
        server.advance_clock(1700)
        assert listener.block() == (None, None)
        server.advance_clock(200)
        assert listener.ended()["reason"] == "session-ended"


def test_places_are_bounded_by_user_and_in_all(server):
    until_streams(server, 0)
    key = own.user(server, "greedy", WATCH)
    mine = [sse.Listener(server, key=key) for _ in range(8)]
    with pytest.raises(sse.Refused) as refused:
        sse.Listener(server, key=key)
    assert (refused.value.status, refused.value.code) == (429, "TooManyRequestsException")
    sse.Listener(server).close()  # others are not concerned
    mine.pop().close()
    until_streams(server, 7)
    mine.append(sse.Listener(server, key=key))
    keys = [own.user(server, f"crowded-{n}", WATCH) for n in range(32)]
    others = [sse.Listener(server, key=k) for k in keys[:31] for _ in range(8)]
    assert streams(server) == 256
    with pytest.raises(sse.Refused) as refused:
        sse.Listener(server, key=keys[31])
    assert refused.value.status == 429
    touch(server, "told-to-256")
    for listener in (mine[0], others[0], others[-1]):
        assert listener.row(event="user-created")
    for listener in mine + others:
        listener.close()
    until_streams(server, 0)


# ---- the end


def test_a_server_that_stops_ends_it():
    with vouch.Server() as server:
        listener = sse.Listener(server)
        listener.block()
        server.stop()
        assert listener.ended() is None
        listener.close()


def test_events_of_another_server_on_the_same_registry(tmp_path):
    with postgres.Cluster() as cluster:
        url = cluster.schema("live")
        with vouch.Server("--store", url) as first:
            first.prepare_workshop()
            shutil.copytree(first.data, tmp_path / "data", ignore=shutil.ignore_patterns("run", "*.lock", "lock"))
            second = vouch.Server("--store", url, data=tmp_path / "data")
            try:
                second.start()
                with sse.Listener(first) as here, sse.Listener(second) as there:
                    for server, name in ((first, "by-first"), (second, "by-second")):
                        server.vouch("user", "create", name)
                        rows = [listener.row(event="user-created") for listener in (here, there)]
                        assert rows[0] == rows[1]
                    key = own.user(second, "elsewhere", WATCH)
                    with sse.Listener(first, key=key) as listener:
                        own.call(second, "DELETE", "/_vouch/users/elsewhere/policies/Own")
                        assert listener.ended()["reason"] == "policy-silent"
            finally:
                second.close()
