"""kill -9 of the server at random moments of a provisioning storm.

Every registration that a device saw accepted is whole after the restart, none is half there, and the ledger verifies.
VOUCH_CRASH_ROUNDS sets the number of kills.
"""
import json
import os
import random
import threading
import time

import mqtt
import vouch

ROUNDS = int(os.environ.get("VOUCH_CRASH_ROUNDS", "200"))


def storm(server, accepted, stop, worker):
    """Provisions devices until the server goes away; remembers each acceptance the moment it is read."""
    iot = server.boto(connect_timeout=5, read_timeout=5)
    n = 0
    while not stop.is_set():
        thing = f"storm-{server.round}-{worker}-{n}"
        n += 1
        try:
            claim = server.claim(iot)
            with mqtt.Client(server, claim, timeout=5) as client:
                client.connect(thing)
                made = client.request(mqtt.CREATE, {})[1]
                ok, _ = client.request(mqtt.register_topic(vouch.TEMPLATE), {
                    "certificateOwnershipToken": made["certificateOwnershipToken"], "parameters": {"ThingName": thing}})
                if ok:
                    accepted.append((thing, made["certificateId"]))
            os.unlink(claim.cert_file)
            os.unlink(claim.key_file)
        except Exception:  # the server was killed under it
            return


def check_whole(server, accepted):
    iot = server.boto()
    status, marker = {}, {}
    while True:
        page = iot.list_certificates(pageSize=250, **marker)
        status.update((c["certificateId"], c["status"]) for c in page["certificates"])
        if "nextMarker" not in page:
            break
        marker = {"marker": page["nextMarker"]}
    things, token = set(), {}
    while True:
        page = iot.list_things(maxResults=250, **token)
        things.update(t["thingName"] for t in page["things"])
        if "nextToken" not in page:
            break
        token = {"nextToken": page["nextToken"]}
    for thing, certificate in accepted:
        assert thing in things and status.get(certificate) == "ACTIVE", (thing, certificate)
    prefix = f"arn:aws:iot:us-east-1:{vouch.ACCOUNT}:cert/"
    known = dict(accepted)
    recent = set(sorted(t for t in things if t.startswith(f"storm-{server.round}-")))
    for thing in recent:
        principals = iot.list_thing_principals(thingName=thing)["principals"]
        assert len(principals) == 1, (thing, principals)
        certificate = principals[0].removeprefix(prefix)
        assert status[certificate] == "ACTIVE"
        assert known.get(thing, certificate) == certificate
        assert [p["policyName"] for p in iot.list_attached_policies(target=principals[0])["policies"]] == ["pubsub"]
    # No ACTIVE certificate without a thing: as many of one as of the other.
    assert sum(1 for s in status.values() if s == "ACTIVE") == len(things)
    verified = json.loads(server.vouch("ledger", "verify", "--output", "json").stdout)
    assert verified["verified"] is True and verified["entries"] > 0


def test_kill_at_random_moments():
    random.seed(20261123)
    server = vouch.Server().start()
    server.prepare_workshop()
    accepted, killed, seen = [], 0, 0
    try:
        while killed < ROUNDS:
            server.round = killed
            stop = threading.Event()
            workers = [threading.Thread(target=storm, args=(server, accepted, stop, i)) for i in range(3)]
            for worker in workers:
                worker.start()
            time.sleep(random.uniform(0.02, 0.35))
            server.kill()
            stop.set()
            for worker in workers:
                worker.join()
            server.start()
            check_whole(server, accepted[seen:])
            seen = len(accepted)
            killed += 1
        check_whole(server, accepted)
        print(f"{killed} kills, {len(accepted)} accepted registrations, all whole")
        assert accepted
    finally:
        server.close()
