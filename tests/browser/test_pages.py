"""Every page with something on it, light and dark, desktop and phone: nothing that axe-core calls serious, nothing wider than the screen,
nothing from elsewhere, nothing that the content security policy stops. With VOUCH_SCREENSHOTS: pictures."""
import json
import subprocess
import urllib.parse

import mqtt
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


def refusals(server, key):
    """What the pages Why and Overview are for: a device without a policy, a claim with a name that cannot be, a call that nobody allowed."""
    made = server.boto().create_keys_and_certificate(setAsActive=True)
    stranger = vouch.Identity(server.home, "stranger", made["certificatePem"], made["keyPair"]["PrivateKey"])
    for client_id in ("lamp-99", "lamp-99", "pump-3"):
        with mqtt.Client(server, stranger) as client:
            client.connect(client_id, expect=5)
    with mqtt.Client(server, server.claim()) as client:
        client.connect("lamp-18")
        _, made = client.request(mqtt.CREATE, b"")
        accepted, _ = client.request(mqtt.register_topic(vouch.TEMPLATE), {"certificateOwnershipToken": made["certificateOwnershipToken"],
                                                                           "parameters": {"ThingName": "no such name"}})
        assert not accepted
    own.refused(server, 403, "AccessDeniedException", "GET", "/_vouch/users", key=key)


def hooks(server):
    file = server.home / "serials.csv"
    file.write_text("serial,ThingName\nSN-1234,lamp-1\nSN-1235,lamp-2\nSN-1236,\n")
    for words in (("hook", "put", "delivered", "allowlist", "SerialNumber"), ("hook", "allowlist", "import", "delivered", str(file))):
        done = server.vouch(*words)
        assert done.returncode == 0, done.stderr


def world_of(server):
    server.prepare_workshop()
    thing, certificate = provisioned(server)
    iot = server.boto()
    iot.create_thing_group(thingGroupName="attic")
    iot.add_thing_to_thing_group(thingGroupName="attic", thingName=thing)
    claim = server.claim()
    refusals(server, own.user(server, "installer", (["iot:CreateProvisioningClaim"], "*")))
    own.user(server, "auditor", (["vouch:ListLedger", "vouch:Why"], "*"))
    hooks(server)
    waiting, vouched, turned = (pairing.Device(server, serial=serial, model="Lamp 2") for serial in ("SN-1234", "SN-1235", "SN-1236"))
    vouched.look()
    vouched.approve(parameters={"ThingName": "lamp-2"})
    turned.look()
    turned.deny()
    hash_of = lambda *parts: "/console#/" + "/".join(urllib.parse.quote(part, safe="") for part in parts)
    pages = {name: hash_of(name) for name in ("overview", "live", "things", "certificates", "groups", "pairings", "claims", "templates", "policies",
                                             "hooks", "ledger", "why", "users", "settings", "search")}
    pages |= {"thing": hash_of("things", thing), "certificate": hash_of("certificates", certificate), "group": hash_of("groups", "attic"),
              "template": hash_of("templates", vouch.TEMPLATE), "policy": hash_of("policies", "pubsub"), "claim": hash_of("claims", claim.id),
              "pairing": hash_of("pairings", waiting.id), "user": hash_of("users", "installer"),
              "install": "/install", "install-device": f"/install#c={waiting.code}"}
    more = {name: hash_of(*path.split("/")) for name, path in {
        "hook": "hooks/delivered", "requests": "claims/requests", "checkpoints": "ledger/checkpoints", "row": "ledger/5", "explain": "why/explain", "test": "why/test",
        "template-try": f"templates/{vouch.TEMPLATE}/try", "template-new": "templates/~new", "policy-versions": "policies/pubsub/versions", "types": "groups/~types",
        "users-groups": "users/~groups", "users-roles": "users/~roles", "orphans": "certificates/~orphans"}.items()}
    more |= {"install-progress": f"/install#p={vouched.id}", "install-denied": f"/install#p={turned.id}",
             "install-refused": f"/install#c={waiting.code}&r={'0' * 64}", "install-other-key": f"/install#c={waiting.code}&k={'0' * 16}",
             "install-mistyped": f"/install#c={next(c for c in pairing.ALPHABET if c != waiting.code[0]) + waiting.code[1:]}"}
    return dict(pages=pages, more=more, thing=thing, waiting=waiting.id)


def test_every_page_in_every_light(server, browser):
    world = world_of(server)
    told = browser.start("pages.mjs", **world).finish(timeout=500)
    assert told["seen"] == 4 * len(world["pages"]) and told["more"] >= len(world["more"])
