"""What pages of the console ask beyond AWS's operations: documents looked at before they are stored."""
import hashlib
import json
import pathlib
import ssl
import time

import vouch
from test_api import send, signed
from test_api_iam import AD, IR, allow, call, document

TOPIC = f"arn:aws:iot:us-east-1:{vouch.ACCOUNT}:topic/a"
TEMPLATE = (vouch.WORKSHOP / "TrustedUserProvisioningTemplate.json").read_text()


def lint(server, text, **more):
    return call(server, "POST", "/lint", {"document": text, **more})


def rules(answer):
    return [finding["rule"] for finding in answer["findings"]]


def test_a_policy_is_looked_at_and_not_stored(server):
    fine = lint(server, document(allow("iot:Publish", TOPIC)))
    assert fine == {"findings": [], "kind": "policy", "valid": True}
    told = lint(server, document(allow("iot:Subscribe", TOPIC)), kind="policy")
    assert told["valid"] and rules(told)[0] == "L1" and told["findings"][0]["field"] == "/Statement/0/Resource"
    assert not call(server, "POST", "/lint", {"document": '{"Version":"2012-10-17"}'})["valid"]
    everything = document(allow("*"))
    assert rules(lint(server, everything)) == ["L5"] and rules(lint(server, everything, kind="iam")) == []


def test_the_workshops_snippet_is_mended(server):
    snippet = (vouch.WORKSHOP / "trusted-user-iam-snippet.txt").read_text()
    told = lint(server, snippet, kind="iam")
    assert not told["valid"] and rules(told)[0] == "policy-malformed" and {"M1", "M2", "M3"} <= set(rules(told))
    again = lint(server, json.dumps(told["mended"]), kind="iam")
    assert again["valid"] and "mended" not in again


def test_a_template_names_what_is_not_there(server):
    assert "T4" in rules(lint(server, TEMPLATE.replace('"pubsub"', '"later"')))
    server.boto().create_policy(policyName="later", policyDocument=document(allow("iot:Connect", TOPIC)))
    told = lint(server, TEMPLATE.replace('"pubsub"', '"later"'))
    assert told["kind"] == "template" and told["valid"] and rules(told) == ["T2", "T3"]
    assert rules(lint(server, TEMPLATE, hook=True)) == ["T3"]
    assert lint(server, TEMPLATE, kind="policy")["valid"] is False


def test_lint_has_bounds_and_needs_the_right(server):
    for body in ({}, {"document": ""}, {"document": "{}", "kind": "poem"}, {"document": "{}", "hook": "yes"}):
        call(server, "POST", "/lint", body, expect=IR)
    call(server, "POST", "/users/reader")
    key = call(server, "POST", "/users/reader/access-keys")
    call(server, "POST", "/lint", {"document": "{}"}, key=key, expect=AD)


def test_the_site_says_where_devices_find_it(server):
    site = call(server, "GET", "/site")
    assert site["account"] == vouch.ACCOUNT and site["region"] == vouch.REGION and site["limits"] == "open"
    assert site["endpointAddress"] == server.boto().describe_endpoint(endpointType="iot:Data-ATS")["endpointAddress"]
    assert site["mqttPort"] == server.mqtt_port and site["edgePort"] == int(server.ready["edge"].rsplit(":", 1)[1]) and site["claimLifetimeMax"] == 86400
    der = ssl.PEM_cert_to_DER_cert(pathlib.Path(server.ca).read_text())
    assert site["root"]["fingerprint"] == hashlib.sha256(der).hexdigest()
    assert site["root"]["notBefore"] < time.time() < site["root"]["notAfter"] and site["root"]["commonName"]
    assert json.loads(server.vouch("site").stdout) == site
    call(server, "POST", "/users/newcomer")
    assert call(server, "GET", "/site", key=call(server, "POST", "/users/newcomer/access-keys")) == site
    assert send(server, signed(server, "GET", "/_vouch/site", b""), drop=("authorization",))[0] == 403
