"""Registries between databases by `vouch store`, and copies of running ones by `vouch backup`."""
import json
import os
import shutil
import sqlite3
import subprocess
import threading

import pytest

import mqtt
import postgres
import vouch


@pytest.fixture(scope="module")
def cluster():
    with postgres.Cluster() as running:
        yield running


def command(*words, check=True):
    done = subprocess.run([str(vouch.BUILD / "vouch"), *map(str, words)], capture_output=True, text=True, timeout=120)
    if check:
        assert done.returncode == 0, f"{words}: {done.returncode} {done.stderr}"
    return done


def provision(server, thing):
    with mqtt.Client(server, server.claim()) as client:
        client.connect(thing)
        accepted, made = client.request(mqtt.CREATE, {})
        assert accepted, made
        accepted, answer = client.request(mqtt.register_topic(vouch.TEMPLATE), {
            "certificateOwnershipToken": made["certificateOwnershipToken"], "parameters": {"ThingName": thing}})
        assert accepted, answer
    return vouch.Identity(server.home, made["certificateId"], made["certificatePem"], made["privateKey"])


def connects(server, device, name):
    with mqtt.Client(server, device) as client:
        client.connect(name)
        client.publish(f"{name}/x", "hello")


def ledger(server):
    verified = json.loads(server.vouch("ledger", "verify", "--output", "json").stdout)
    assert verified["verified"] is True
    return json.loads(server.vouch("ledger", "list", "--output", "json").stdout)["entries"]


@pytest.fixture(scope="module")
def source():
    with vouch.Server("--store", "sqlite") as server:
        server.prepare_workshop()
        server.devices = [provision(server, f"moved-{i}") for i in range(3)]
        server.boto().update_certificate(certificateId=server.devices[2].id, newStatus="REVOKED")
        yield server


def test_from_sqlite_to_postgresql_and_back(source, cluster, tmp_path):
    url = cluster.schema("moved")
    before = ledger(source)
    first, second, third = (tmp_path / name for name in ("first", "second", "third"))
    said = command("--data", source.data, "store", "export", first).stdout  # of a server that runs
    assert said.startswith("exported ") and first.stat().st_mode & 0o777 == 0o600
    data = tmp_path / "data"
    shutil.copytree(source.data, data, ignore=shutil.ignore_patterns("run", "registry.db*"))
    assert command("--data", data, "store", "import", "--store", url, first).stdout.split()[1] == said.split()[1]
    with vouch.Server("--store", url, data=data) as moved:
        assert ledger(moved) == before
        for i in range(2):
            connects(moved, source.devices[i], f"moved-{i}")
        with pytest.raises(mqtt.Closed):
            connects(moved, source.devices[2], "moved-2")
        assert len(moved.boto().list_things()["things"]) == 3
        provision(moved, "later")
        longer = ledger(moved)
        assert longer[:len(before)] == before and len(longer) > len(before)
    command("--data", data, "store", "export", "--store", url, second)
    back = tmp_path / "back"
    shutil.copytree(data, back, ignore=shutil.ignore_patterns("run"))
    command("--data", back, "store", "import", second)
    command("--data", back, "store", "export", third)
    assert second.read_bytes() == third.read_bytes()
    with vouch.Server("--store", "sqlite", data=back) as again:
        assert ledger(again) == longer
        connects(again, source.devices[0], "moved-0")
        assert len(again.boto().list_things()["things"]) == 4


def test_what_cannot_be_moved_is_said(source, cluster, tmp_path):
    file = tmp_path / "file"
    command("--data", source.data, "store", "export", file)
    running = command("--data", source.data, "store", "import", file, check=False)
    assert running.returncode == 2 and running.stderr.startswith("vouchd: "), running.stderr
    data = tmp_path / "data"
    command("--data", data, "store", "import", file)
    full = command("--data", data, "store", "import", file, check=False)
    assert full.returncode == 2 and "not empty" in full.stderr
    changed = tmp_path / "changed"
    changed.write_bytes(file.read_bytes().replace(b"moved-1", b"moved-7", 1))
    other = tmp_path / "other"
    refused = command("--data", other, "store", "import", changed, check=False)
    assert refused.returncode == 2 and "digest" in refused.stderr
    command("--data", other, "store", "import", file)  # nothing was left by the attempt
    for words in (("export", "--store", "postgresql:///none?host=/nonexistent", tmp_path / "x"),
                  ("export", tmp_path / "none" / "x"), ("import", tmp_path / "none"), ("export", "--store", "oracle:x", tmp_path / "x")):
        done = command("--data", tmp_path / "nothing", "store", *words, check=False)
        assert done.returncode == 2 and done.stderr.startswith("vouchd: "), (words, done)
    assert not (tmp_path / "x").exists() and not (tmp_path / "x.part").exists()
    assert command("store", "export", check=False).returncode == 1


def test_registry_of_another_key_is_refused(source, cluster, tmp_path):
    url = cluster.schema("sealed")
    file = tmp_path / "file"
    command("--data", source.data, "store", "export", file)
    command("--data", tmp_path / "data", "store", "import", "--store", url, file)
    with pytest.raises(AssertionError) as refused:
        with vouch.Server("--store", url, data=tmp_path / "data"):
            pass
    assert "sealed with another key" in str(refused.value)


def test_copy_of_a_running_server_under_load(source, tmp_path):
    stop, odd, made = threading.Event(), [], []

    def load(name):
        iot = source.boto()
        while not stop.is_set():
            try:
                iot.create_policy(policyName=f"{name}-{len(made)}", policyDocument=vouch.policy_text("pubsub-policy.json"))
                made.append(1)
            except Exception as error:
                odd.append(error)

    threads = [threading.Thread(target=load, args=(f"load-{i}",)) for i in range(2)]
    for thread in threads:
        thread.start()
    copies = [tmp_path / f"copy-{i}.db" for i in range(5)]
    for copy in copies:
        source.vouch("backup", str(copy))
    stop.set()
    for thread in threads:
        thread.join()
    assert not odd and made, odd[:3]
    assert not list((source.data / "run").glob("backup-*"))
    for copy in copies:
        assert copy.stat().st_mode & 0o777 == 0o600
        with sqlite3.connect(copy) as db:
            assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            assert db.execute("PRAGMA foreign_key_check").fetchall() == []
    data = tmp_path / "data"
    shutil.copytree(source.data, data, ignore=shutil.ignore_patterns("run", "registry.db*"))
    os.rename(copies[-1], data / "store" / "registry.db")
    with vouch.Server("--store", "sqlite", data=data) as restored:
        assert ledger(restored) == ledger(source)[:len(ledger(restored))]
        connects(restored, source.devices[0], "moved-0")
    entries = [e for e in ledger(source) if e["event"] == "registry-copied"]
    assert len(entries) == 5 and all(json.loads(e["detail"])["fileName"].startswith("backup-") for e in entries)


def keep_something(server, device, name):
    """A session that stays, a message that waits for it, and a retained one."""
    document = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iot:*", "Resource": "*"}]})
    iot = server.boto()
    iot.create_policy(policyName=f"all-{name}", policyDocument=document)
    iot.attach_policy(policyName=f"all-{name}", target=f"arn:aws:iot:{vouch.REGION}:{vouch.ACCOUNT}:cert/{device.id}")
    with mqtt.Client(server, device) as client:
        client.connect(name, clean=False)
        client.subscribe("kept/+")
        client.disconnect()
    with mqtt.Client(server, device) as client:
        client.connect(f"{name}-sender")
        client.publish("kept/one", b"waits")
        client.publish("lamp/state", b"on", retain=True)


def finds_it(server, device, name):
    """Sends what waited, without a SUBSCRIBE."""
    with mqtt.Client(server, device) as client:
        client.connect(name, clean=False)
        assert client.message() == ("kept/one", b"waits")
    with mqtt.Client(server, device) as client:
        client.connect(f"{name}-reader")
        client.subscribe("lamp/state")
        assert client.message() == ("lamp/state", b"on")


def test_a_copy_has_sessions_and_messages(tmp_path):
    with vouch.Server("--store", "sqlite") as server:
        server.prepare_workshop()
        device = provision(server, "keeper")
        keep_something(server, device, "keeper")
        server.vouch("backup", str(tmp_path / "copy"))
        finds_it(server, device, "keeper")  # what happens afterwards is not in it
        assert {p.name: p.stat().st_mode & 0o777 for p in tmp_path.iterdir()} == {"copy": 0o600, "copy.messages": 0o600}
        assert not list((server.data / "run").glob("backup-*"))
        detail = json.loads([e for e in ledger(server) if e["event"] == "registry-copied"][-1]["detail"])
        assert detail["messagesFileName"].startswith("backup-messages-") and detail["fileName"] != detail["messagesFileName"]
        shutil.copytree(server.data, tmp_path / "data", ignore=shutil.ignore_patterns("run", "registry.db*", "messages.db*"))
        # As vouch-data(5) says.
        os.rename(tmp_path / "copy", tmp_path / "data/store/registry.db")
        os.rename(tmp_path / "copy.messages", tmp_path / "data/store/messages.db")
        with vouch.Server("--store", "sqlite", data=tmp_path / "data") as restored:
            finds_it(restored, device, "keeper")
            assert ledger(restored)


def test_a_copy_of_messages_alone(cluster, tmp_path):
    """Where the registry has means of its own."""
    with vouch.Server("--store", cluster.schema("messages_alone")) as server:
        server.prepare_workshop()
        device = provision(server, "alone")
        keep_something(server, device, "alone")
        server.vouch("backup", str(tmp_path / "copy"), "--messages-only")
        assert [p.name for p in tmp_path.iterdir()] == ["copy"] and (tmp_path / "copy").stat().st_mode & 0o777 == 0o600
        assert not list((server.data / "run").glob("backup-*"))
        assert [e["event"] for e in ledger(server)][-1] == "messages-copied"
        finds_it(server, device, "alone")
        server.stop()
        for old in (server.data / "store").glob("messages.db*"):
            old.unlink()
        os.rename(tmp_path / "copy", server.data / "store/messages.db")
        server.start()
        finds_it(server, device, "alone")


def test_who_may_copy(source, cluster, tmp_path):
    keys = json.loads(source.vouch("user", "create", "nobody", "--allow-claims", vouch.TEMPLATE, "--output", "json").stdout)
    environment = dict(os.environ, AWS_ACCESS_KEY_ID=keys["accessKeyId"], AWS_SECRET_ACCESS_KEY=keys["secretAccessKey"],
                       AWS_REGION=vouch.REGION, HOME=str(tmp_path))
    done = subprocess.run([str(vouch.BUILD / "vouch"), "--endpoint-url", source.api, "--ca-bundle", source.ca, "backup", str(tmp_path / "x")],
                          capture_output=True, text=True, env=environment)
    assert done.returncode == 1 and "--data" in done.stderr
    assert source.vouch("backup", "/nonexistent/x", check=False).returncode == 1
    assert not list((source.data / "run").glob("backup-*"))
    with vouch.Server("--store", cluster.schema("none_of_files")) as remote:
        refused = remote.vouch("backup", str(tmp_path / "y"), check=False)
        assert refused.returncode == 2 and "InvalidRequestException" in refused.stderr
        assert not list((remote.data / "run").glob("backup-*"))
