"""vouch-fleet against the server: everybody is provisioned, and the figures add up."""
import json
import os
import subprocess

import pytest

import vouch

FLEET = str(vouch.BUILD / "vouch-fleet")
PHASES = ["claim", "claim-connect", "create", "register", "reconnect", "all"]


def fleet(server, *words, env=None, data=True):
    command = [FLEET, words[0], *(["--data", str(server.data)] if data else []), *words[1:]]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env=dict(os.environ, **(env or {})))


def summary(server, *words):
    done = fleet(server, *words, "--json", "--pid", str(server.process.pid))
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def things(server, prefix):
    iot = server.boto()
    found, token = [], {}
    while True:
        page = iot.list_things(maxResults=250, **token)
        found += [t["thingName"] for t in page["things"] if t["thingName"].startswith(prefix)]
        if not page.get("nextToken"):
            return found
        token = {"nextToken": page["nextToken"]}


@pytest.mark.parametrize("extra", [[], ["--csr"]])
def test_everybody_is_provisioned(server, extra):
    before = set(things(server, "fleet-"))
    found = summary(server, "provision", "--devices", "24", "--concurrency", "6", *extra)
    assert (found["done"], found["failed"], found["errors"]) == (24, 0, {})
    made = set(things(server, "fleet-")) - before
    assert sorted(int(n.rsplit("-", 1)[1]) for n in made) == list(range(24))
    assert sorted(found["phases"]) == sorted(PHASES)
    for phase in found["phases"].values():
        assert phase["count"] == 24
        assert 0 < phase["p50Ms"] <= phase["p99Ms"] <= phase["p999Ms"] <= phase["maxMs"]
    whole = sum(found["phases"][p]["meanMs"] for p in PHASES[:-1])
    assert whole <= found["phases"]["all"]["meanMs"] * 1.05
    assert found["server"]["processes"] >= 2 and found["server"]["peakKiB"] > 0 and found["server"]["cpuSeconds"] >= 0
    iot = server.boto()
    thing = sorted(made)[0]
    (arn,) = iot.list_thing_principals(thingName=thing)["principals"]
    assert [p["policyName"] for p in iot.list_attached_policies(target=arn)["policies"]] == ["fleet-policy"]


def test_time_bounds_the_run(server):
    found = summary(server, "provision", "--seconds", "1", "--concurrency", "4")
    assert found["done"] > 0 and found["failed"] == 0
    assert 0.9 < found["seconds"] < 10


def test_idle_connections(server):
    found = summary(server, "idle", "--devices", "40", "--concurrency", "8", "--seconds", "1")
    assert (found["mode"], found["done"], found["failed"]) == ("idle", 40, 0)
    assert "bytesPerIdleConnection" in found["server"]


def test_text_for_people(server):
    done = fleet(server, "provision", "--devices", "3")
    assert done.returncode == 0, done.stderr
    assert "3 provisioned in" in done.stdout and "claim-connect" in done.stdout


def test_another_template(server):
    done = fleet(server, "provision", "--devices", "2", "--template", vouch.TEMPLATE, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["done"] == 2


def test_failures_are_counted_by_cause(server):
    done = fleet(server, "provision", "--devices", "4", "--template", "NoSuchTemplate", "--json")
    assert done.returncode == 2
    found = json.loads(done.stdout)
    assert (found["done"], found["failed"]) == (0, 4)
    ((cause, count),) = found["errors"].items()
    assert cause.startswith("claim: ") and "404" in cause and count == 4


def test_without_the_folder(server):
    flags = ["--endpoint", "localhost", "--mqtt-port", str(server.mqtt_port), "--api", server.api, "--ca", server.ca, "--region", vouch.REGION]
    keys = {"AWS_ACCESS_KEY_ID": server.admin["accessKeyId"], "AWS_SECRET_ACCESS_KEY": server.admin["secretAccessKey"]}
    done = fleet(server, "provision", "--devices", "3", *flags, env=keys, data=False)
    assert done.returncode == 0, done.stdout + done.stderr
    wrong = fleet(server, "provision", "--devices", "3", *flags, env=dict(keys, AWS_SECRET_ACCESS_KEY="wrong"), data=False)
    assert wrong.returncode == 3 and "cannot be used" in wrong.stderr
    none = fleet(server, "provision", "--devices", "3", *flags, env=dict(keys, AWS_ACCESS_KEY_ID=""), data=False)
    assert none.returncode == 3 and "access key" in none.stderr


def test_usage(server):
    assert fleet(server, "provision", "--data", "twice").returncode == 1
    assert fleet(server, "dance").returncode == 1
    assert fleet(server, "provision", "--help").returncode == 0
