"""The workshop's console steps by clicking; the device does its part with the claim that the browser has saved."""
import json
import subprocess
import time

import vouch

THING = "device-client-fp"


class Device:
    """The workshop's device: the files of step 8, the command of step 9."""

    def __init__(self, server, claim):
        home = server.home / "device"
        home.mkdir()
        for name, text, mode in (("claim.crt", claim["certificatePem"], 0o644), ("claim.key", claim["keyPair"]["PrivateKey"], 0o600)):
            (home / name).write_text(text)
            (home / name).chmod(mode)
        self.log = home / "log"
        self.agent = subprocess.Popen(
            [str(vouch.BUILD / "vouch-agent"), "--enable-fleet-provisioning", "true", "--endpoint", "localhost", "--port", str(server.mqtt_port),
             "--cert", str(home / "claim.crt"), "--key", str(home / "claim.key"), "--root-ca", server.ca, "--thing-name", THING,
             "--fleet-provisioning-template-name", vouch.TEMPLATE, "--fleet-provisioning-template-parameters", json.dumps({"ThingName": THING}),
             "--state-dir", str(home / "state"), "--retry-seconds", "1"], stdout=open(self.log, "w"), stderr=subprocess.STDOUT)

    def close(self):
        self.agent.kill()
        self.agent.wait()


def connected(server):
    return server.boto().search_index(queryString=f"thingName:{THING}")["things"][0].get("connectivity", {}).get("connected")


def eventually(what, device):
    deadline = time.monotonic() + 20
    while not what():
        assert time.monotonic() < deadline, device.log.read_text()
        time.sleep(0.05)


def principal(server):
    things = server.boto().list_things()["things"]
    found = server.boto().list_thing_principals(thingName=THING)["principals"] if things else []
    return found[0].rsplit("/", 1)[1] if found else None


def test_the_steps_of_the_console(server, browser):
    device = None
    try:
        script = browser.start("workshop.mjs", template=vouch.TEMPLATE, thing=THING, body=str(vouch.WORKSHOP / "TrustedUserProvisioningTemplate.json"),
                               claimPolicy=(vouch.WORKSHOP / "trusted-user-provisioning-policy.json").read_text(),
                               devicePolicy=(vouch.WORKSHOP / "pubsub-policy.json").read_text())
        while "end" not in (word := script.hear()):
            if "claim" in word:
                device = Device(server, json.loads(word["claim"]))
                eventually(lambda: principal(server) and connected(server), device)
                script.say(certificate=principal(server))
            elif "revoked" in word:
                eventually(lambda: not connected(server), device)
                script.say()
        script.finish()
    finally:
        if device:
            device.close()
