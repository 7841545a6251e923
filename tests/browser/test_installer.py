"""The installer's page on a phone, with real agents: vouched for, turned away, somebody in between, a restart in the middle, a claim that ended;
and both QR codes, as zbarimg reads them."""
import base64
import json
import subprocess

import pytest

import own
import pairing
import vouch


class Agents:
    def __init__(self, server):
        self.server, self.running = server, {}

    def start(self, serial):
        """Until it shows its code."""
        self.running[serial] = agent = subprocess.Popen(
            [str(vouch.BUILD / "vouch-agent"), "--pair", self.server.api, "--state-dir", str(self.server.home / serial), "--serial-number", serial,
             "--model", "Lamp <b>2</b>", "--json", "--once", "--fleet-provisioning-template-parameters", json.dumps({"ThingName": f"lamp-{serial}"})],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for line in agent.stdout:
            if (word := json.loads(line)).get("event") == "pairing":
                return word
        raise AssertionError(f"{serial} shows no code")

    def ends(self, serial, code):
        agent = self.running.pop(serial)
        out, _ = agent.communicate(timeout=30)
        assert agent.returncode == code, out
        return out

    def close(self):
        for agent in self.running.values():
            agent.kill()
            agent.communicate()


def zbarimg(server, picture):
    path = server.home / "shown.png"
    path.write_bytes(base64.b64decode(picture))
    done = subprocess.run(["zbarimg", "-q", "--raw", "-Sdisable", "-Sqr.enable", str(path)], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def claimed(server, text):
    """A device with a camera provisions itself from what it read."""
    path = server.home / "claim.txt"
    path.write_text(text)
    path.chmod(0o600)
    done = subprocess.run([str(vouch.BUILD / "vouch-agent"), "--claim", str(path), "--csr", "auto", "--once", "--state-dir", str(server.home / "camera"),
                           "--fleet-provisioning-template-parameters", json.dumps({"ThingName": "camera"})], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert server.boto().list_thing_principals(thingName="camera")["principals"]


def frame(rows, side=480):
    """A picture of a QR code as a camera gives it: planes of Y, U and V."""
    scale = side // (len(rows) + 8)
    edge = (side - scale * len(rows)) // 2
    white = b"\xeb" * side
    lines = []
    for row in rows:
        dark = b"".join((b"\x10" if module == "1" else b"\xeb") * scale for module in row)
        lines += [white[:edge] + dark + white[edge + len(dark):]] * scale
    return b"".join([white] * edge + lines + [white] * (side - edge - len(lines))) + b"\x80" * (side * side // 2)


def film(server, path, *texts):
    """One second of each, over and over (YUV4MPEG2)."""
    frames = [frame(own.call(server, "POST", "/_vouch/qr", {"text": text, "level": "M"})["rows"]) for text in texts]
    path.write_bytes(b"YUV4MPEG2 W480 H480 F5:1 Ip A1:1 C420jpeg\n" + b"".join((b"FRAME\n" + one) * 5 for one in frames))
    return str(path)


@pytest.fixture(scope="module", autouse=True)
def workshop(server):
    server.prepare_workshop()


def test_with_a_camera(server, browser):
    device = pairing.Device(server, serial="SN-camera")
    look = device.get()
    address = f"{server.api}/install#c={device.code}&k={look['keyFingerprint'][:16]}&r="
    good = film(server, server.home / "good.y4m", "WIFI:T:WPA;S:net;P:secret;;", address + look["serverFingerprint"])
    forged = film(server, server.home / "forged.y4m", address + "0" * 64)
    told = browser.run("camera.mjs", serial="SN-camera", code=device.code, good=good, forged=forged)
    assert told["pictures"] > 2
    assert device.state() == "LOOKED_AT"


def test_at_the_device(server, browser):
    server.flags += ["--api", server.api.split("//")[1].replace("localhost", "127.0.0.1"), "--mqtt", f"127.0.0.1:{server.mqtt_port}"]
    agents = Agents(server)
    took = None
    try:
        script = browser.start("installer.mjs", template=vouch.TEMPLATE)
        while "end" not in (word := script.hear()):
            if "agent" in word:
                script.say(**agents.start(word["agent"]))
            elif "provisioned" in word:
                agents.ends(word["provisioned"], 0)
                assert server.boto().list_thing_principals(thingName=f"lamp-{word['provisioned']}")["principals"]
                script.say()
            elif "turned" in word:
                agents.ends(word["turned"], 5)
                script.say()
            elif "restart" in word:
                server.kill()
                server.start()
                script.say()
            elif "away" in word:
                server.kill()
                script.say()
            elif "back" in word:
                server.start()
                script.say()
            elif "picture" in word:
                claimed(server, zbarimg(server, word["picture"]))
            elif "took" in word:
                took = word["took"]
        script.finish()
        print(f"from the tap to the permanent certificate's first connection: {took} ms")
    finally:
        agents.close()
