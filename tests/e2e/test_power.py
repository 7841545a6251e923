"""The power fails at every write of a claim, a certificate, a registration, a rotation and a succession.

The test build dies by SIGKILL at a point that the test names (src/base/fault.h): at each step of each plan, before and after
each commit, and where the use case goes on. After the restart the device simply tries again, and in the end there is one thing
with one certificate in force, claims and tokens agree with it, the ledger verifies, and after the token's hour nothing is left over.
"""
import json
import time

import pytest

import mqtt
import own
import vouch
from test_claims import ARN, device_of, status
from test_rotation import MAY_ROTATE
from test_workshop import provision

REGISTER = mqtt.register_topic(vouch.TEMPLATE)
AROUND = ["store.committing", "store.committed"]
STEPS_MAX = 40


class Rig:
    """A server that can be made to die, and to come back."""

    def __init__(self):
        self.server = vouch.Server("--test-clock", env={"VOUCH_FAULT_FILE": "/nonexistent"})
        self.file = self.server.data / "run" / "fault"
        self.server.env["VOUCH_FAULT_FILE"] = str(self.file)
        self.server.start()
        iot = self.server.prepare_workshop()
        iot.create_policy(policyName="MayRotate", policyDocument=json.dumps(MAY_ROTATE))
        own.call(self.server, "PUT", f"/_vouch/templates/{vouch.TEMPLATE}/settings", {"rotation": True})
        self.count = self.deaths = 0

    def arm(self, point, times=1):
        self.count += 1
        self.file.write_text(f"{point} {times} #{self.count}\n")

    def name(self):
        self.count += 1
        return f"power-{self.count}"

    def died(self):
        """Whether it did; it serves again."""
        self.file.unlink()
        deadline = time.monotonic() + 5
        while self.server.process.poll() is None and time.monotonic() < deadline:
            try:
                own.call(self.server, "GET", "/_vouch/claims?maxResults=1")
                return False
            except OSError:
                time.sleep(0.05)
        self.server.kill()
        self.deaths += 1
        self.server.start()
        return True

    def connected(self, identity, client_id):
        client = mqtt.Client(self.server, identity, timeout=5)
        client.connect(client_id)
        return client


@pytest.fixture(scope="module")
def rig():
    made = Rig()
    yield made
    made.server.close()


def attempt(act):
    """What it gave, or None when the server died under it."""
    try:
        return act()
    except (mqtt.Closed, OSError, TimeoutError, own.Refused, AssertionError):
        return None
    except Exception as error:  # botocore wraps the connection that broke
        assert "Connection" in type(error).__name__ or "Endpoint" in type(error).__name__, error
        return None


def points(*named):
    """Every step of the plan, by number, then what stands around it."""
    return [("store.step", n) for n in range(1, STEPS_MAX)] + [(p, 1) for p in (*AROUND, *named)]


def each_point(rig, named, scenario):
    """Runs the scenario once for each point; the steps end where it lives through one."""
    passed_all_steps, deaths = False, rig.deaths
    for point, times in points(*named):
        if point == "store.step" and passed_all_steps:
            continue
        died = scenario(point, times)
        if point == "store.step":
            passed_all_steps = not died
        else:
            assert died, f"{point} is not on the way"
    assert passed_all_steps and rig.deaths - deaths >= 4
    assert own.call(rig.server, "POST", "/_vouch/ledger/verify")["verified"] is True


def one_thing(rig, thing, certificate):
    """The thing has this certificate in force and no other."""
    iot = rig.server.boto()
    held = [p.rsplit("/", 1)[1] for p in iot.list_thing_principals(thingName=thing)["principals"]]
    assert [c for c in held if status(iot, {"certificateId": c}) == "ACTIVE"] == [certificate]


def test_making_a_claim(rig):
    def scenario(point, times):
        before = len(own.call(rig.server, "GET", "/_vouch/claims?maxResults=250")["claims"])
        name = rig.name()
        rig.arm(point, times)
        made = attempt(lambda: own.claim(rig.server, thingName=name))
        died = rig.died()
        claims = own.call(rig.server, "GET", "/_vouch/claims?maxResults=250")["claims"]
        assert len(claims) - before <= 1 and (made is None or len(claims) - before == 1)
        # What the ledger tells of is there, and the other way round.
        told = [r["claimId"] for r in own.ledger(rig.server, event="claim-created")]
        assert {c["claimId"] for c in claims} == set(told) and len(told) == len(set(told))
        return died

    each_point(rig, ["claim.issued", "claim.saved"], scenario)


def test_making_a_certificate(rig):
    def scenario(point, times):
        claim = rig.server.claim()
        client = rig.connected(claim, rig.name())
        rig.arm(point, times)
        attempt(lambda: client.request(mqtt.CREATE, {}))
        died = rig.died()
        client.close()
        shown = own.call(rig.server, "GET", f"/_vouch/claims/{claim.id}")
        made = [c["certificateId"] for c in own.ledger(rig.server, event="certificate-created", claimId=claim.id)]
        assert shown["certificatesCreated"] == len(made) <= 1 and shown["state"] == "LIVE" and shown["uses"] == 0
        assert all(status(rig.server.boto(), {"certificateId": c}) == "PENDING_ACTIVATION" for c in made)
        return died

    each_point(rig, ["certificate.issued", "certificate.saved"], scenario)


def test_registering(rig):
    def scenario(point, times):
        thing, claim = rig.name(), rig.server.claim()
        client = rig.connected(claim, thing)
        made = client.request(mqtt.CREATE, {})[1]
        request = json.dumps({"certificateOwnershipToken": made["certificateOwnershipToken"], "parameters": {"ThingName": thing}}).encode()
        rig.arm(point, times)
        attempt(lambda: client.request(REGISTER, request))
        died = rig.died()
        client.close()
        shown = own.call(rig.server, "GET", f"/_vouch/claims/{claim.id}")
        things = [t["thingName"] for t in rig.server.boto().list_things(maxResults=250)["things"]]
        assert (shown["state"], shown["uses"]) == (("SPENT", 1) if thing in things else ("LIVE", 0))
        # The same bytes again, whether the answer was lost or the deed.
        with rig.connected(claim, thing) as client:
            assert client.request(REGISTER, request) == (True, {"deviceConfiguration": {}, "thingName": thing})
        one_thing(rig, thing, made["certificateId"])
        assert len(own.ledger(rig.server, event="thing-registered", thingName=thing)) == 1
        with rig.connected(device_of(rig.server, made), thing) as client:
            client.ping()
        return died

    each_point(rig, ["register.planned", "register.saved"], scenario)


def rotating(rig):
    thing = rig.name()
    old = provision(rig.server, rig.server.claim(), thing)
    rig.server.boto().attach_policy(policyName="MayRotate", target=f"{ARN}cert/{old.id}")
    return thing, old


def settled(rig, thing, old, new):
    with rig.connected(new, thing) as client:
        client.ping()
        deadline = time.monotonic() + 5
        while status(rig.server.boto(), {"certificateId": old.id}) == "ACTIVE":
            assert time.monotonic() < deadline
            time.sleep(0.05)
    one_thing(rig, thing, new.id)


def test_rotating(rig):
    def scenario(point, times):
        thing, old = rotating(rig)
        client = rig.connected(old, thing)
        made = client.request(mqtt.CREATE, {})[1]
        request = json.dumps({"certificateOwnershipToken": made["certificateOwnershipToken"]}).encode()
        rig.arm(point, times)
        attempt(lambda: client.request(REGISTER, request))
        died = rig.died()
        client.close()
        assert status(rig.server.boto(), {"certificateId": old.id}) == "ACTIVE"
        with rig.connected(old, thing) as client:  # the old one is good until the new one has come
            assert client.request(REGISTER, request) == (True, {"deviceConfiguration": {}, "thingName": thing})
        assert len(own.ledger(rig.server, event="certificate-rotated", thingName=thing)) == 1
        settled(rig, thing, old, device_of(rig.server, made))
        return died

    each_point(rig, ["register.planned", "register.saved"], scenario)


def test_the_successor_comes(rig):
    def scenario(point, times):
        thing, old = rotating(rig)
        with rig.connected(old, thing) as client:
            made = client.request(mqtt.CREATE, {})[1]
            assert client.request(REGISTER, {"certificateOwnershipToken": made["certificateOwnershipToken"]})[0]
        new = device_of(rig.server, made)
        rig.arm(point, times)
        client = attempt(lambda: rig.connected(new, thing))
        deadline = time.monotonic() + 2
        while rig.server.process.poll() is None and time.monotonic() < deadline:
            if attempt(lambda: status(rig.server.boto(), {"certificateId": old.id})) == "INACTIVE" and point == "store.step":
                break
            time.sleep(0.02)
        died = rig.died()
        if client:
            client.close()
        settled(rig, thing, old, new)
        assert len(own.ledger(rig.server, event="certificate-retired", certificateId=old.id)) == 1
        return died

    each_point_of_a_small_plan(rig, scenario)


def each_point_of_a_small_plan(rig, scenario):
    deaths = rig.deaths
    for point, times in [("store.step", 1), ("store.step", 2), *((p, 1) for p in AROUND), ("succession.planned", 1), ("succession.saved", 1)]:
        assert scenario(point, times), f"{point} {times} is not on the way"
    assert rig.deaths - deaths == 6
    assert own.call(rig.server, "POST", "/_vouch/ledger/verify")["verified"] is True


def test_after_the_hour_nothing_is_left_over(rig):
    waiting = [o for o in own.call(rig.server, "GET", "/_vouch/orphans?maxResults=250")["orphans"]]
    assert waiting and {o["kind"] for o in waiting} == {"certificate-pending"}
    rig.server.advance_clock(3700)
    deadline = time.monotonic() + 20
    while own.metric(rig.server, "vouch_certificates_swept_total") < len(waiting):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    rig.server.stop()
    rig.server.start()  # on the true clock again
    assert json.loads(rig.server.vouch("orphans").stdout) == {"orphans": []}
    assert own.call(rig.server, "POST", "/_vouch/ledger/verify")["verified"] is True
    print(f"{rig.deaths} deaths")
