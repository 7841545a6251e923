"""Every page with something on it, light and dark, desktop and phone: nothing that axe-core calls serious, nothing wider than the screen,
nothing from elsewhere, nothing that the content security policy stops. With VOUCH_SCREENSHOTS: pictures."""
import json
import subprocess
import urllib.parse

import own
import pairing
import vouch


def provisioned(server):
    """A thing with a certificate, by the workshop's way."""
    claim = server.vouch("claim", "create", "--template", vouch.TEMPLATE, "--out", str(server.home / "claim"))
    assert claim.returncode == 0
    done = subprocess.run([str(vouch.BUILD / "vouch-agent"), "--claim", str(server.home / "claim" / "bundle.json"), "--csr", "auto", "--once",
                           "--state-dir", str(server.home / "agent"), "--fleet-provisioning-template-parameters",
                           json.dumps({"ThingName": "lamp-17"})], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    iot = server.boto()
    thing = iot.list_things()["things"][0]["thingName"]
    return thing, iot.list_thing_principals(thingName=thing)["principals"][0].rsplit("/", 1)[1]


def world_of(server):
    server.prepare_workshop()
    thing, certificate = provisioned(server)
    iot = server.boto()
    iot.create_thing_group(thingGroupName="attic")
    iot.add_thing_to_thing_group(thingGroupName="attic", thingName=thing)
    claim = server.claim()
    own.user(server, "installer", (["iot:CreateProvisioningClaim"], "*"))
    waiting = pairing.Device(server, serial="SN-1234")
    hash_of = lambda *parts: "/console#/" + "/".join(urllib.parse.quote(part, safe="") for part in parts)
    pages = {name: hash_of(name) for name in ("overview", "live", "things", "certificates", "groups", "pairings", "claims", "templates", "policies",
                                             "hooks", "ledger", "why", "users", "settings", "search")}
    pages |= {"thing": hash_of("things", thing), "certificate": hash_of("certificates", certificate), "group": hash_of("groups", "attic"),
              "template": hash_of("templates", vouch.TEMPLATE), "policy": hash_of("policies", "pubsub"), "claim": hash_of("claims", claim.id),
              "pairing": hash_of("pairings", waiting.id), "user": hash_of("users", "installer"),
              "install": "/install", "install-device": f"/install#c={waiting.code}"}
    return pages


def test_every_page_in_every_light(server, browser):
    pages = world_of(server)
    assert browser.run("pages.mjs", pages=pages)["seen"] == 4 * len(pages)
