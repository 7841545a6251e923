"""/metrics: every row of the table, in Prometheus' text form, and numbers that follow what happens."""
import re
import ssl
import time
import urllib.request

import pytest

import mqtt
import vouch
from test_hostile import provision

ROW = re.compile(r'^VCH_X\((\w+), "([^"]+)", (counter|gauge|histogram), "([^"]*)", "([^"]+)"\)$', re.M)
SAMPLE = re.compile(r'^([a-z_]+)(?:\{([^}]*)\})? (-?[0-9.e+]+|\+Inf)$')


@pytest.fixture(scope="module")
def server():
    with vouch.Server() as made:
        made.prepare_workshop()
        yield made


def scrape(server):
    context = ssl.create_default_context(cafile=server.ca)
    with urllib.request.urlopen(server.api + "/metrics", context=context) as answer:
        assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        return answer.read().decode()


def numbers(server):
    return {m[1] + (f"{{{m[2]}}}" if m[2] else ""): float(m[3]) for m in map(SAMPLE.match, scrape(server).splitlines()) if m}


def table():
    return ROW.findall((vouch.SOURCE / "src" / "daemon" / "metrics.def").read_text())


def test_every_row_is_answered_and_documented(server):
    text, page = scrape(server), (vouch.SOURCE / "docs" / "metrics.md").read_text()
    rows = table()
    assert len(rows) > 50
    for _, name, kind, labels, help_text in rows:
        assert f"# HELP {name} {help_text}\n# TYPE {name} {kind}\n" in text, name
        assert f"| `{name}` | {kind} | {labels} | {help_text} |\n" in page, name
    assert text.count("# TYPE ") == len(rows) == page.count("| `")


def test_every_line_is_of_its_row(server):
    identity = provision(server, server.boto(), "Lines")
    with mqtt.Client(server, identity) as client:
        client.connect("somebody", expect=5)
    kinds = {name: (kind, set(filter(None, labels.split(",")))) for _, name, kind, labels, _ in table()}
    seen = set()
    for line in scrape(server).splitlines():
        if line.startswith("#"):
            continue
        match = SAMPLE.match(line)
        assert match, line
        name = match[1]
        if name not in kinds:
            name = re.sub(r"_(bucket|sum|count)$", "", name)
            assert kinds[name][0] == "histogram", line
        given = set(re.findall(r'(\w+)="', match[2] or "")) - {"le"}
        assert given == kinds[name][1], line
        assert line not in seen, line
        seen.add(line)


def test_numbers_follow(server):
    identity = provision(server, server.boto(), "Follow")
    before = numbers(server)
    with mqtt.Client(server, identity) as client:
        client.connect("Follow")
        for number in range(20):
            client.publish("Follow/x", b"%d" % number, qos=number % 2)
        client.ping()
        during = numbers(server)
        assert during["vouch_mqtt_sessions"] == before["vouch_mqtt_sessions"] + 1
        for qos, count in (("0", 10), ("1", 10), ("2", 0)):
            key = f'vouch_mqtt_messages_in_total{{qos="{qos}"}}'
            assert during[key] == before[key] + count
        client.disconnect()
    with mqtt.Client(server, identity) as client:
        client.connect("not-allowed", expect=5)
    deadline = time.monotonic() + 5
    while numbers(server)["vouch_mqtt_connections"] > before["vouch_mqtt_connections"] and time.monotonic() < deadline:
        time.sleep(0.02)
    after = numbers(server)
    assert after["vouch_mqtt_connections"] == before["vouch_mqtt_connections"]
    assert after["vouch_mqtt_connect_seconds_count"] == before["vouch_mqtt_connect_seconds_count"] + 1
    assert after['vouch_handshakes_total{result="ok"}'] >= before['vouch_handshakes_total{result="ok"}'] + 2
    key = 'vouch_refused_total{what="connect",reason="policy-silent"}'
    assert after[key] == before.get(key, 0) + 1
    assert after["vouch_provisioning_seconds_count"] >= 2
    assert after['vouch_api_request_seconds_count{operation="CreateProvisioningClaim"}'] >= 1
    assert after["process_resident_memory_bytes"] > 1 << 20
    assert after["vouch_memory_max_bytes"] > after["process_resident_memory_bytes"]


def test_what_waits_for_the_disk_is_timed(server):
    identity = provision(server, server.boto(), "Durable")
    before = numbers(server)["vouch_mqtt_durable_seconds_count"]
    with mqtt.Client(server, identity) as client:  # a session that is to outlive the process
        client.connect("Durable", clean=False)
        client.subscribe("$aws/things/Durable/x")
        client.disconnect()
    after = numbers(server)
    assert after["vouch_mqtt_durable_seconds_count"] > before
    assert after["vouch_mqtt_durable_seconds_sum"] > 0
    assert after["vouch_messages_commits_total"] >= 1


def test_histograms_are_cumulative(server):
    groups = {}
    for match in filter(None, map(SAMPLE.match, scrape(server).splitlines())):
        if match[1].endswith("_bucket"):
            bound = re.search(r'le="([^"]+)"', match[2])[1]
            groups.setdefault((match[1], re.sub(r',?le="[^"]+"', "", match[2])), []).append((float(bound), float(match[3])))
    assert len(groups) > 2
    for key, steps in groups.items():
        assert [b for b, _ in steps] == sorted(b for b, _ in steps), key
        assert [n for _, n in steps] == sorted(n for _, n in steps), key
        assert steps[-1][0] == float("inf")


def test_certificates_that_end_soon_and_the_root(server):
    values = numbers(server)
    assert values['vouch_certificates_expiring{days="7"}'] <= values['vouch_certificates_expiring{days="30"}']
    assert values['vouch_authority_expiry_timestamp_seconds{authority="root"}'] > time.time() + 86400 * 365
    assert values['vouch_authority_expiry_timestamp_seconds{authority="server"}'] > time.time() + 86400 * 30


def test_the_loops_answer(server):
    time.sleep(1.2)  # they are asked once a second
    lags = [v for k, v in numbers(server).items() if k.startswith("vouch_loop_lag_seconds")]
    assert lags and all(0 < lag < 5 for lag in lags), lags
