"""Servers that share one PostgreSQL: what one does the others know, and a database that goes away comes back."""
import json
import shutil
import signal
import threading
import time

import botocore.exceptions
import pytest

import mqtt
import postgres
import vouch

TEMPLATE = vouch.TEMPLATE


@pytest.fixture(scope="module")
def cluster():
    with postgres.Cluster() as running:
        yield running


def copy_site(first, home):
    """A second server of the same site has the same authority and the same sealing key."""
    data = home / "data"
    shutil.copytree(first.data, data, ignore=shutil.ignore_patterns("run", "*.lock", "lock"))
    return data


@pytest.fixture
def pair(cluster, tmp_path):
    url = cluster.schema(f"pair_{time.monotonic_ns()}")
    with vouch.Server("--store", url) as a:
        a.prepare_workshop()
        b = vouch.Server("--store", url, data=copy_site(a, tmp_path))
        try:
            yield a, b.start()
        finally:
            b.close()


def provision(server, claim, thing):
    """The device's part: its permanent identity."""
    with mqtt.Client(server, claim) as client:
        client.connect(thing)
        accepted, made = client.request(mqtt.CREATE, {})
        assert accepted, made
        accepted, answer = client.request(mqtt.register_topic(TEMPLATE), {
            "certificateOwnershipToken": made["certificateOwnershipToken"], "parameters": {"ThingName": thing}})
        assert accepted, answer
    return vouch.Identity(server.home, made["certificateId"], made["certificatePem"], made["privateKey"])


def until_closed(client, seconds):
    """How long it took until the server closed the connection; it must within that time."""
    start = time.monotonic()
    with pytest.raises(mqtt.Closed):
        client.receive(seconds)
    return time.monotonic() - start


def test_revoked_through_one_cut_off_at_the_other(pair):
    a, b = pair
    device = provision(a, a.claim(), "shared-1")
    with mqtt.Client(b, device) as client:
        client.connect("shared-1")
        client.publish("shared-1/x", "hello")
        a.boto().update_certificate(certificateId=device.id, newStatus="REVOKED")
        assert until_closed(client, 1.0) < 1.0
    with pytest.raises(mqtt.Closed):
        with mqtt.Client(b, device) as client:
            client.connect("shared-1")


def test_certificate_back_in_force_is_known_everywhere(pair):
    a, b = pair
    device = provision(b, a.claim(), "shared-2")
    for status, server, other in (("INACTIVE", a, b), ("ACTIVE", b, a), ("INACTIVE", b, a), ("ACTIVE", a, b)):
        server.boto().update_certificate(certificateId=device.id, newStatus=status)
        deadline = time.monotonic() + 1
        while True:
            try:
                with mqtt.Client(other, device) as client:
                    client.send(mqtt.connect("shared-2"))
                    works = client.expect(mqtt.CONNACK)[2][1] == 0
            except mqtt.Closed:
                works = False
            if works == (status == "ACTIVE"):
                break
            assert time.monotonic() < deadline, f"{status} is not known to the other after a second"


def test_policy_changed_through_one_holds_on_the_others_connections(pair):
    a, b = pair
    device = provision(a, a.claim(), "shared-3")
    iot = a.boto()
    with mqtt.Client(b, device) as client:
        client.connect("shared-3")
        client.publish("shared-3/x", "may")
        nothing = json.dumps({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "iot:Connect", "Resource": "*"}]})
        iot.create_policy_version(policyName="pubsub", policyDocument=nothing, setAsDefault=True)
        time.sleep(1)
        client.send(mqtt.publish("shared-3/x", "may no longer", 1, 9))
        assert until_closed(client, 2) < 2


def test_template_and_users_changed_through_one_hold_at_the_other(pair):
    a, b = pair
    users = json.loads(a.vouch("user", "create", "installer", "--allow-claims", TEMPLATE, "--output", "json").stdout)
    installer = b.boto(key=users)
    assert installer.create_provisioning_claim(templateName=TEMPLATE)["certificateId"]
    a.boto().update_provisioning_template(templateName=TEMPLATE, enabled=False)
    with pytest.raises(installer.exceptions.InvalidRequestException):
        installer.create_provisioning_claim(templateName=TEMPLATE)
    a.boto().update_provisioning_template(templateName=TEMPLATE, enabled=True)
    a.vouch("user", "delete", "installer")
    deadline = time.monotonic() + 1
    while True:
        try:
            installer.create_provisioning_claim(templateName=TEMPLATE)
        except botocore.exceptions.ClientError as error:
            assert error.response["Error"]["Code"] == "UnrecognizedClientException", error
            break
        assert time.monotonic() < deadline


def test_one_claim_at_two_servers_registers_once(pair):
    a, b = pair
    for turn in range(5):
        claim = a.claim()
        barrier = threading.Barrier(2)
        results = []

        def race(server, thing):
            with mqtt.Client(server, claim) as client:
                client.connect(thing)
                accepted, made = client.request(mqtt.CREATE, {})
                barrier.wait(10)
                if accepted:
                    results.append(client.request(mqtt.register_topic(TEMPLATE), {
                        "certificateOwnershipToken": made["certificateOwnershipToken"], "parameters": {"ThingName": thing}})[0])

        threads = [threading.Thread(target=race, args=(s, f"race-{turn}-{i}")) for i, s in enumerate((a, b))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(results) == [False, True], results
    names = {t["thingName"] for t in a.boto().list_things()["things"]}
    assert len([n for n in names if n.startswith("race-")]) == 5


def test_changes_of_a_time_without_a_connection_are_not_missed(pair, cluster):
    a, b = pair
    device = provision(a, a.claim(), "shared-4")
    with mqtt.Client(b, device) as client:
        client.connect("shared-4")
        client.publish("shared-4/x", "hello")
        # Done by someone whom nobody hears; then every server loses its connections.
        cluster.sql(f"UPDATE certificates SET status = 'REVOKED' WHERE id = '{device.id}'", schema_of(b))
        cluster.sql("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'vouch'")
        assert until_closed(client, 2) < 2
    assert a.boto().describe_thing(thingName="shared-4")["thingName"] == "shared-4"


def schema_of(server):
    return server.flags[server.flags.index("--store") + 1].rsplit("%3D", 1)[1]


class Load:
    """Clients that make things through a server without a pause, and write down what each was told."""

    def __init__(self, servers, clients=3):
        self.stop = threading.Event()
        self.acknowledged, self.codes, self.odd = [], [], []
        self.threads = [threading.Thread(target=self.run, args=(server, f"load-{i}-{k}"))
                        for i, server in enumerate(servers) for k in range(clients)]

    def run(self, server, name):
        iot = server.boto(read_timeout=30, connect_timeout=10)
        count = 0
        while not self.stop.is_set():
            count += 1
            thing = f"{name}-{count}"
            try:
                iot.create_policy(policyName=thing, policyDocument=vouch.policy_text("pubsub-policy.json"))
                self.acknowledged.append((time.monotonic(), thing))
            except botocore.exceptions.ClientError as error:
                status = error.response["ResponseMetadata"]["HTTPStatusCode"]
                self.codes.append((time.monotonic(), status, error.response["Error"]["Code"]))
                time.sleep(0.02)
            except Exception as error:  # a connection that broke is not a clean answer
                self.odd.append(error)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["stopped", "crashed"])
def test_database_stopped_and_started_under_load(pair, cluster, how):
    a, b = pair
    device = provision(a, a.claim(), "steady")
    with mqtt.Client(b, device) as client, Load((a, b)) as load:
        client.connect("steady")
        time.sleep(1)
        cluster.stop(how)
        down = time.monotonic()
        client.publish("steady/x", "messages need no database")
        time.sleep(1.5)
        with pytest.raises(botocore.exceptions.ClientError) as refused:
            a.boto().list_things()
        assert refused.value.response["Error"]["Code"] == "ServiceUnavailableException"
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503
        cluster.start()
        up = time.monotonic()
        time.sleep(4)
        client.publish("steady/x", "still here")
        recovered = [when for when, _ in load.acknowledged if when > up]
        assert recovered and recovered[0] - up < 3, f"recovered after {recovered[:1]}"
    assert not load.odd, load.odd[:3]
    assert load.codes and {(status, code) for _, status, code in load.codes} == {(503, "ServiceUnavailableException")}, load.codes[:5]
    assert [when for when, _ in load.acknowledged if when < down]
    there = set()
    for page in a.boto().get_paginator("list_policies").paginate(PaginationConfig={"PageSize": 250}):
        there |= {p["policyName"] for p in page["policies"]}
    lost = {thing for _, thing in load.acknowledged} - there
    assert not lost, f"{len(lost)} of {len(load.acknowledged)} lost"
    verified = json.loads(a.vouch("ledger", "verify", "--output", "json").stdout)
    assert verified
    # Still in step: a change through one is heard by the other.
    with mqtt.Client(b, device) as client:
        client.connect("steady")
        a.boto().update_certificate(certificateId=device.id, newStatus="REVOKED")
        assert until_closed(client, 1.0) < 1.0


def test_database_away_at_the_start_is_said(cluster):
    with pytest.raises(AssertionError) as refused:
        with vouch.Server("--store", "postgresql:///none?host=/nonexistent"):
            pass
    assert "The database cannot be reached" in str(refused.value)
