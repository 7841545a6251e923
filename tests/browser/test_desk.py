"""At a desk: what is clicked in the console is so at the server, and what it hands over works."""
import base64
import json
import subprocess

import own
import vouch

EVIL = '<img src=x onerror="globalThis.hurt = 1">'


def agent(server, claim, name, *flags):
    path = server.home / name
    path.write_text(claim)
    path.chmod(0o600)
    return subprocess.run([str(vouch.BUILD / "vouch-agent"), "--claim", str(path), "--csr", "auto", "--once", "--state-dir", str(server.home / f"{name}.state"), *flags],
                          capture_output=True, text=True, timeout=60)


def scanned(server, picture):
    path = server.home / "claim.png"
    path.write_bytes(base64.b64decode(picture))
    return subprocess.run(["zbarimg", "-q", "--raw", "-Sdisable", "-Sqr.enable", str(path)], capture_output=True, text=True, check=True).stdout.strip()


def handed_over(server, claim):
    """Camera and file hold the same claim. It is bound: the device need not say its name, and cannot say another."""
    bundle, text = json.loads(claim["bundle"]), scanned(server, claim["drawing"])
    assert bundle["certificateId"] == claim["id"] and text.startswith("VCH1:")
    other = agent(server, claim["bundle"], "bundle.json", "--fleet-provisioning-template-parameters", '{"ThingName": "another"}')
    assert other.returncode == 5, other.stdout + other.stderr
    done = agent(server, text, "claim.txt")
    assert done.returncode == 0, done.stdout + done.stderr
    assert own.call(server, "GET", f"/_vouch/claims/{claim['id']}")["state"] == "SPENT"


def verified(server, text):
    path = server.home / "ledger.jsonl"
    path.write_text(text)
    done = server.vouch("ledger", "verify-file", str(path), str(server.data / "ledger.pub.pem"))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["signedUpTo"] > 0


def world_of(server):
    server.prepare_workshop()
    key = own.user(server, "installer", (["iot:CreateProvisioningClaim"], "*"))
    own.call(server, "PUT", "/_vouch/claim-limits/user/installer", {"approvalAbove": 0})
    own.refused(server, 403, "AccessDeniedException", "POST", f"/provisioning-templates/{vouch.TEMPLATE}/provisioning-claim", key=key)
    evil = own.call(server, "POST", "/_vouch/claims", {"templateName": vouch.TEMPLATE, "parameters": {"Note": EVIL}})["certificateId"]
    refused = agent(server, json.dumps({"endpoint": "localhost", "mqttPort": server.mqtt_port, "rootCa": (server.data / "ca.pem").read_text(),
                                        "templateName": vouch.TEMPLATE, **plain(server)}), "refused.json")
    assert refused.returncode == 5, refused.stderr
    certificate = own.call(server, "GET", "/certificates")["certificates"][0]["certificateId"]
    return {"template": vouch.TEMPLATE, "evil": evil, "certificate": certificate}


def plain(server):
    claim = own.call(server, "POST", "/_vouch/claims", {"templateName": vouch.TEMPLATE})
    return {"certificatePem": claim["certificatePem"], "privateKey": claim["keyPair"]["PrivateKey"]}


def test_at_a_desk(server, browser):
    world = world_of(server)
    script = browser.start("desk.mjs")
    while "end" not in (word := script.hear()):
        if "begin" in word:
            script.say(**world)
        elif "claim" in word:
            handed_over(server, word["claim"])
            script.say()
        elif "key" in word:
            own.call(server, "GET", "/_vouch/hooks", key=word["key"])
            own.refused(server, 403, "AccessDeniedException", "POST", "/_vouch/users/nobody", key=word["key"])
            script.say()
        else:
            verified(server, word["ledger"])
            script.say()
    script.finish()
    assert server.boto().list_thing_principals(thingName="desk-lamp")["principals"]
    assert [row["state"] for row in own.call(server, "GET", "/_vouch/claim-requests")["requests"]] == ["APPROVED"]
    assert own.call(server, "GET", f"/_vouch/claims/{world['evil']}")["state"] == "CANCELLED"
    assert "desk.user" not in [user["userName"] for user in own.call(server, "GET", "/_vouch/users")["users"]]
