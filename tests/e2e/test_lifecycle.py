"""Lifecycle events, connectivity, and what a change in the registry does to connections that are open."""
import json
import re
import time

import pytest

import mqtt
import mqtt5
import vouch
from test_hostile import provision

UUID = re.compile(r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
EVERYTHING = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iot:*", "Resource": "*"}]})


def arn(kind, name):
    return f"arn:aws:iot:{vouch.REGION}:{vouch.ACCOUNT}:{kind}/{name}"


@pytest.fixture(scope="module")
def server():
    with vouch.Server() as made:
        iot = made.prepare_workshop()
        iot.create_policy(policyName="everything", policyDocument=EVERYTHING)
        made.watcher_identity = provision(made, iot, "Watcher")
        iot.attach_policy(policyName="everything", target=arn("cert", made.watcher_identity.id))
        yield made


@pytest.fixture
def watcher(server):
    with mqtt.Client(server, server.watcher_identity) as client:
        client.connect("Watcher")
        assert client.subscribe("$aws/events/#") == [1]
        time.sleep(0.05)
        yield client


def free_device(server, name):
    """A device that may do everything."""
    iot = server.boto()
    identity = provision(server, iot, name)
    iot.attach_policy(policyName="everything", target=arn("cert", identity.id))
    return identity


def event(watcher, kind, client_id, timeout=10):
    """The next event of this kind and client; the others are passed over."""
    deadline = time.monotonic() + timeout
    while True:
        topic, payload = watcher.message(max(0.1, deadline - time.monotonic()))
        if topic == f"$aws/events/{kind}/{client_id}":
            return json.loads(payload)


def silence(watcher, client_id, seconds=0.5):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            topic, payload = watcher.message(0.1)
        except TimeoutError:
            continue
        assert json.loads(payload)["clientId"] != client_id, (topic, payload)


def test_a_life_in_events(server, watcher):
    identity = free_device(server, "Living")
    before = time.time() * 1000
    with mqtt.Client(server, identity) as client:
        client.connect("Living")
        up = event(watcher, "presence/connected", "Living")
        assert set(up) == {"clientId", "timestamp", "eventType", "sessionIdentifier", "principalIdentifier", "ipAddress", "versionNumber"}
        assert up["clientId"] == "Living" and up["eventType"] == "connected" and up["ipAddress"] == "127.0.0.1"
        assert up["principalIdentifier"] == identity.id and UUID.match(up["sessionIdentifier"])
        assert before - 1000 < up["timestamp"] < time.time() * 1000 + 1000
        client.subscribe("a/+", "b/c")
        on = event(watcher, "subscriptions/subscribed", "Living")
        assert set(on) == {"clientId", "timestamp", "eventType", "sessionIdentifier", "principalIdentifier", "topics"}
        assert on["topics"] == ["a/+", "b/c"] and on["sessionIdentifier"] == up["sessionIdentifier"] and on["eventType"] == "subscribed"
        client.send(mqtt.unsubscribe(9, "b/c"))
        client.expect(mqtt.UNSUBACK)
        off = event(watcher, "subscriptions/unsubscribed", "Living")
        assert off["topics"] == ["b/c"] and off["eventType"] == "unsubscribed"
        client.disconnect()
    down = event(watcher, "presence/disconnected", "Living")
    assert set(down) == {"clientId", "timestamp", "eventType", "sessionIdentifier", "principalIdentifier", "versionNumber",
                         "clientInitiatedDisconnect", "disconnectReason"}
    assert down["clientInitiatedDisconnect"] is True and down["disconnectReason"] == "CLIENT_INITIATED_DISCONNECT"
    assert down["versionNumber"] == up["versionNumber"] and down["sessionIdentifier"] == up["sessionIdentifier"]


def test_versions_grow(server, watcher):
    identity = free_device(server, "Counting")
    seen = []
    for _ in range(3):
        with mqtt.Client(server, identity) as client:
            client.connect("Counting")
            up = event(watcher, "presence/connected", "Counting")
            client.disconnect()
        down = event(watcher, "presence/disconnected", "Counting")
        assert up["versionNumber"] == down["versionNumber"]
        seen.append((up["versionNumber"], up["sessionIdentifier"]))
    first = seen[0][0]
    assert [v for v, _ in seen] == [first, first + 1, first + 2]
    assert len({s for _, s in seen}) == 3


def test_versions_start_again_after_an_hour():
    with vouch.Server("--test-clock") as server:
        iot = server.prepare_workshop()
        iot.create_policy(policyName="everything", policyDocument=EVERYTHING)
        watching, identity = free_device(server, "Watching"), free_device(server, "Counting")

        def version():
            with mqtt.Client(server, watching) as watcher:
                watcher.connect("Watching")
                watcher.subscribe("$aws/events/#")
                with mqtt.Client(server, identity) as client:
                    client.connect("Counting")
                    return event(watcher, "presence/connected", "Counting")["versionNumber"]
        assert [version(), version()] == [0, 1]
        server.wait_log("mqtt-closed reason=client client=Counting")
        server.advance_clock(2 * 3600)
        assert version() == 0


def test_why_it_ended(server, watcher):
    iot = server.boto()
    identity = free_device(server, "Ending")

    def ended():
        got = event(watcher, "presence/disconnected", "Ending")
        assert got["clientInitiatedDisconnect"] is False
        return got["disconnectReason"]

    client = mqtt.Client(server, identity)
    client.connect("Ending")
    client.close()
    assert ended() == "CONNECTION_LOST"
    client = mqtt.Client(server, identity)
    client.connect("Ending")
    with mqtt.Client(server, identity) as second:
        second.connect("Ending")
        assert ended() == "DUPLICATE_CLIENTID"
        second.send(b"\xf0\x00")
        second.expect_closed()
    assert ended() == "CLIENT_ERROR"
    client.close()
    client = mqtt.Client(server, identity)
    client.connect("Ending")
    iot.update_certificate(certificateId=identity.id, newStatus="INACTIVE")
    client.expect_closed()
    client.close()
    assert ended() == "AUTH_ERROR"
    data = json.loads(server.vouch("thing", "connectivity", "Ending").stdout)
    found = iot.search_index(queryString="thingName:Ending")["things"][0]["connectivity"]
    assert found["connected"] is False and found["disconnectReason"] == "AUTH_ERROR"
    assert data["connected"] is False and data["disconnectReason"] == found["disconnectReason"]


def test_a_connect_that_failed(server, watcher):
    identity = provision(server, server.boto(), "Failing")
    with mqtt.Client(server, identity) as client:
        client.connect("not-my-name", expect=5)
    got = event(watcher, "presence/connect_failed", "not-my-name")
    assert set(got) == {"clientId", "timestamp", "eventType", "sessionIdentifier", "principalIdentifier", "ipAddress", "connectFailureReason"}
    assert got["connectFailureReason"] == "AUTHORIZATION_FAILED" and got["eventType"] == "connect_failed"
    assert got["principalIdentifier"] == identity.id
    with mqtt.Client(server, identity) as client:  # a will that may not be published is refused at CONNECT
        client.connect("Failing", expect=5, will=("other/x", b"gone", 0, False))
    assert event(watcher, "presence/connect_failed", "Failing")["connectFailureReason"] == "AUTHORIZATION_FAILED"
    told = json.loads(server.vouch("why", "--client", "Failing").stdout)["refusals"][0]
    assert (told["action"], told["resource"]) == ("iot:Publish", "topic/other/x")


def test_client_ids_with_wildcards_have_no_events(server, watcher):
    identity = free_device(server, "Wild")
    for name in ("wild+card", "wild#card"):
        with mqtt.Client(server, identity) as client:
            client.connect(name)
            client.subscribe("a/b")
            client.disconnect()
        silence(watcher, name)


def test_claims_have_events(server, watcher):
    claim = server.claim()
    with mqtt.Client(server, claim) as client:
        client.connect("claim-of-events")
        assert event(watcher, "presence/connected", "claim-of-events")["principalIdentifier"] == claim.id
        client.disconnect()
    assert event(watcher, "presence/disconnected", "claim-of-events")["disconnectReason"] == "CLIENT_INITIATED_DISCONNECT"


def test_nobody_may_say_so(server, watcher):
    identity = free_device(server, "Liar")
    for topic in ("$aws/events/presence/connected/Liar", "$aws/events/subscriptions/subscribed/x"):
        with mqtt.Client(server, identity) as client:
            client.connect("Liar")
            client.send(mqtt.publish(topic, b"{}", 1, 5))
            assert client.expect_closed()
    assert event(watcher, "presence/connected", "Liar")["clientId"] == "Liar"
    assert json.loads(server.vouch("why", "--client", "Liar").stdout)["refusals"][0]["reason"] == "topic-reserved"


def test_an_exclusive_thing_is_named(server, watcher):
    iot = server.boto()
    made = iot.create_keys_and_certificate(setAsActive=True)
    identity = vouch.Identity(server.home, made["certificateId"], made["certificatePem"], made["keyPair"]["PrivateKey"])
    iot.create_thing(thingName="OnlyOne")
    server.vouch("thing", "attach", "OnlyOne", identity.id, "--exclusive", check=False)
    attached = server.aws("iot", "list-thing-principals", "--thing-name", "OnlyOne")["principals"]
    if not attached:
        import botocore.auth  # the model of this boto3 does not know the parameter: sign by hand
        import botocore.awsrequest
        import botocore.credentials
        import ssl
        import urllib.request
        url = server.api + "/things/OnlyOne/principals?thingPrincipalType=EXCLUSIVE_THING"
        request = botocore.awsrequest.AWSRequest("PUT", url, headers={"x-amzn-principal": made["certificateArn"]})
        botocore.auth.SigV4Auth(botocore.credentials.Credentials(server.admin["accessKeyId"], server.admin["secretAccessKey"]),
                                "iot", vouch.REGION).add_auth(request)
        urllib.request.urlopen(urllib.request.Request(url, headers=dict(request.headers), method="PUT"),
                               context=ssl.create_default_context(cafile=server.ca)).close()
    iot.attach_policy(policyName="everything", target=made["certificateArn"])
    with mqtt.Client(server, identity) as client:
        client.connect("another-client-id")
        assert event(watcher, "presence/connected", "another-client-id")["thingName"] == "OnlyOne"


# ---- changes act on connections that are open


def thing_policy(*actions):
    """What the connection's thing may do, by its name."""
    return json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "iot:Connect", "Resource": "*"},
        {"Effect": "Allow", "Action": list(actions), "Resource": [arn("topic", "${iot:Connection.Thing.ThingName}/*"),
                                                                 arn("topicfilter", "${iot:Connection.Thing.ThingName}/*")]}]})


@pytest.fixture(scope="module")
def by_thing(server):
    server.boto().create_policy(policyName="by-thing", policyDocument=thing_policy("iot:Publish", "iot:Subscribe", "iot:Receive"))
    return "by-thing"


def thing_device(server, by_thing, name):
    iot = server.boto()
    made = iot.create_keys_and_certificate(setAsActive=True)
    iot.create_thing(thingName=name)
    iot.attach_thing_principal(thingName=name, principal=made["certificateArn"])
    iot.attach_policy(policyName=by_thing, target=made["certificateArn"])
    return iot, made["certificateArn"], vouch.Identity(server.home, made["certificateId"], made["certificatePem"],
                                                       made["keyPair"]["PrivateKey"])


CHANGES = {
    "detach_thing": lambda iot, a, n: iot.detach_thing_principal(thingName=n, principal=a),
    "detach_policy": lambda iot, a, n: iot.detach_policy(policyName="by-thing", target=a),
    "delete_thing": lambda iot, a, n: (iot.detach_thing_principal(thingName=n, principal=a), iot.delete_thing(thingName=n)),
}


@pytest.mark.parametrize("change", sorted(CHANGES))
def test_a_change_is_felt_by_the_next_packet(server, by_thing, change):
    name = "Changed-" + change
    iot, certificate, identity = thing_device(server, by_thing, name)
    with mqtt.Client(server, identity) as client:
        client.connect(name)
        client.publish(name + "/x", b"1")
        CHANGES[change](iot, certificate, name)
        client.send(mqtt.publish(name + "/x", b"2", 1, 77))
        assert client.expect_closed()


def test_a_new_version_of_a_policy(server):
    iot = server.boto()
    iot.create_policy(policyName="versions", policyDocument=EVERYTHING)
    made = iot.create_keys_and_certificate(setAsActive=True)
    iot.attach_policy(policyName="versions", target=made["certificateArn"])
    identity = vouch.Identity(server.home, made["certificateId"], made["certificatePem"], made["keyPair"]["PrivateKey"])
    with mqtt.Client(server, identity) as client:
        client.connect("versions")
        client.publish("any/x", b"1")
        iot.create_policy_version(policyName="versions", policyDocument=thing_policy("iot:Publish"), setAsDefault=True)
        client.send(mqtt.publish("any/x", b"2", 1, 77))
        assert client.expect_closed()


def test_policies_of_groups(server):
    iot = server.boto()
    iot.create_policy(policyName="of-the-group", policyDocument=EVERYTHING)
    made = iot.create_keys_and_certificate(setAsActive=True)
    identity = vouch.Identity(server.home, made["certificateId"], made["certificatePem"], made["keyPair"]["PrivateKey"])
    iot.create_thing(thingName="Grouped")
    iot.attach_thing_principal(thingName="Grouped", principal=made["certificateArn"])
    iot.create_policy(policyName="connect-only", policyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "iot:Connect", "Resource": "*"}]}))
    iot.attach_policy(policyName="connect-only", target=made["certificateArn"])
    group = iot.create_thing_group(thingGroupName="fleet")["thingGroupArn"]
    iot.add_thing_to_thing_group(thingGroupName="fleet", thingName="Grouped")
    for take_back in (lambda: iot.detach_policy(policyName="of-the-group", target=group),
                      lambda: iot.remove_thing_from_thing_group(thingGroupName="fleet", thingName="Grouped")):
        iot.attach_policy(policyName="of-the-group", target=group)
        iot.add_thing_to_thing_group(thingGroupName="fleet", thingName="Grouped")
        with mqtt.Client(server, identity) as client:
            client.connect("Grouped")
            client.publish("any/x", b"1")
            take_back()
            client.send(mqtt.publish("any/x", b"2", 1, 77))
            assert client.expect_closed()
    with mqtt.Client(server, identity) as client:  # and the other way: what is given counts at once
        client.connect("Grouped")
        iot.add_thing_to_thing_group(thingGroupName="fleet", thingName="Grouped")
        client.publish("any/x", b"1")


def test_a_forbidden_subscription_hears_nothing_more(server, by_thing):
    iot, certificate, identity = thing_device(server, by_thing, "Hearing")
    loud = free_device(server, "Loud")
    with mqtt.Client(server, identity) as client, mqtt.Client(server, loud) as speaker:
        client.connect("Hearing")
        speaker.connect("Loud")
        assert client.subscribe("Hearing/news") == [1]
        speaker.publish("Hearing/news", b"1")
        assert client.message() == ("Hearing/news", b"1")
        iot.create_policy(policyName="receive-only", policyDocument=thing_policy("iot:Receive", "iot:Publish"))
        iot.attach_policy(policyName="receive-only", target=certificate)
        iot.detach_policy(policyName="by-thing", target=certificate)
        client.publish("Hearing/x", b"the next packet is judged afresh")
        for number in range(5):
            speaker.publish("Hearing/news", b"%d" % number)
        with pytest.raises(TimeoutError):
            client.message(0.5)
        client.ping()
        assert [t["what"] for t in json.loads(server.vouch("why", "Hearing").stdout)["refusals"]] == ["subscribe"]


def test_a_revoked_certificate_is_gone_at_once(server):
    identity = free_device(server, "Revoked")
    with mqtt.Client(server, identity) as client:
        client.connect("Revoked")
        started = time.monotonic()
        server.boto().update_certificate(certificateId=identity.id, newStatus="REVOKED")
        client.expect_closed()
        print(f"closed {time.monotonic() - started:.3f} s after the call began")
    with pytest.raises(mqtt.Closed):
        with mqtt.Client(server, identity) as client:
            client.connect("Revoked")


def test_what_was_on_its_way_to_a_forbidden_subscription(server, by_thing):
    """The change is met by the delivery itself."""
    iot, certificate, identity = thing_device(server, by_thing, "OnTheWay")
    loud = free_device(server, "LoudToo")
    with mqtt.Client(server, identity) as client, mqtt.Client(server, loud) as speaker:
        client.connect("OnTheWay")
        speaker.connect("LoudToo")
        assert client.subscribe("OnTheWay/a", "OnTheWay/b") == [1, 1]
        narrow = json.loads(thing_policy("iot:Publish", "iot:Receive"))
        narrow["Statement"].append({"Effect": "Allow", "Action": "iot:Subscribe", "Resource": arn("topicfilter", "OnTheWay/b")})
        iot.create_policy(policyName="only-b", policyDocument=json.dumps(narrow))
        iot.attach_policy(policyName="only-b", target=certificate)
        iot.detach_policy(policyName="by-thing", target=certificate)
        for number in range(3):
            speaker.publish("OnTheWay/a", b"%d" % number)
            speaker.publish("OnTheWay/b", b"%d" % number)
        assert [client.message() for _ in range(3)] == [("OnTheWay/b", b"%d" % n) for n in range(3)]
        with pytest.raises(TimeoutError):
            client.message(0.3)


# ---- what MQTT 5 hears


def test_refusals_by_reason_code(server):
    identity = provision(server, server.boto(), "Five")
    with mqtt5.Peer(server, identity, 5) as peer:
        peer.connect("Five")
        assert peer.publish("Five/x", qos=1).reason in (0x00, 0x10)
        assert peer.publish("other/x", qos=1).reason == 0x87
        assert peer.publish("$aws/events/presence/connected/Five", qos=1).reason in (0x87, 0x90)
        assert peer.subscribe("other/#").codes == [0x87]
        peer.ping()  # it is still there
        peer.publish("other/x")
        peer.ended(0x87)
    with mqtt5.Peer(server, identity, 5) as peer:
        peer.send(mqtt5.connect(5, "not-mine"))
        assert peer.refused(0x87).get("reason-string") is None
    with mqtt5.Peer(server, identity, 5) as peer:
        peer.connect("Five")
        server.boto().update_certificate(certificateId=identity.id, newStatus="INACTIVE")
        peer.ended(0x98)
    told = json.loads(server.vouch("why", "--client", "Five").stdout)["refusals"]
    assert {"certificate-inactive", "policy-silent"} <= {t["reason"] for t in told}


def test_reserved_topics_are_named_so(server):
    identity = free_device(server, "FiveReserved")
    with mqtt5.Peer(server, identity, 5) as peer:
        peer.connect("FiveReserved")
        assert peer.publish("$aws/events/presence/connected/x", qos=1).reason == 0x90
        peer.ping()


def test_developers_hear_why():
    with vouch.Server("--connack-reasons", "real") as server:
        server.prepare_workshop()
        identity = provision(server, server.boto(), "Curious")
        with mqtt5.Peer(server, identity, 5) as peer:
            peer.send(mqtt5.connect(5, "not-mine"))
            assert "client/not-mine" in peer.refused(0x87).get("reason-string")
        with mqtt5.Peer(server, identity, 5) as peer:
            peer.connect("Curious")
            assert "topic/other/x" in peer.publish("other/x", qos=1).get("reason-string")


def test_a_stop_is_announced():
    server = vouch.Server().start()
    try:
        server.prepare_workshop()
        identity = provision(server, server.boto(), "Announced")
        with mqtt5.Peer(server, identity, 5) as peer:
            peer.connect("Announced")
            server.process.terminate()
            peer.ended(0x8B)
        assert server.process.wait(20) == 0
        server.process.stdout.close()
        server.process = None
    finally:
        server.close()


def test_one_session_over_two_connections(server, watcher):
    identity = free_device(server, "Lasting")
    seen = []
    for clean in (False, False):
        with mqtt.Client(server, identity) as client:
            client.connect("Lasting", clean=clean)
            seen.append(event(watcher, "presence/connected", "Lasting"))
            client.disconnect()
        event(watcher, "presence/disconnected", "Lasting")
    assert seen[0]["sessionIdentifier"] == seen[1]["sessionIdentifier"]
    assert seen[1]["versionNumber"] == seen[0]["versionNumber"] + 1


def test_a_kept_subscription_is_judged_when_its_client_returns(server, by_thing):
    iot, certificate, identity = thing_device(server, by_thing, "Returning")
    loud = free_device(server, "LoudAgain")
    with mqtt.Client(server, identity) as client:
        client.connect("Returning", clean=False)
        assert client.subscribe("Returning/news") == [1]
        client.disconnect()
    iot.create_policy(policyName="no-subscribe", policyDocument=thing_policy("iot:Receive", "iot:Publish"))
    iot.attach_policy(policyName="no-subscribe", target=certificate)
    iot.detach_policy(policyName="by-thing", target=certificate)
    with mqtt.Client(server, identity) as client, mqtt.Client(server, loud) as speaker:
        assert client.connect("Returning", clean=False) == 1
        speaker.connect("LoudAgain")
        client.ping()
        speaker.publish("Returning/news", b"unheard")
        with pytest.raises(TimeoutError):
            client.message(0.3)
