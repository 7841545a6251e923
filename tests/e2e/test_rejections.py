"""Every rejection that provisioning over MQTT knows, in JSON and in CBOR; and input that was made to hurt."""
import json
import os
import pathlib
import signal
import subprocess
import threading

import pytest

import cbor
import mqtt
import own
import vouch
from test_claims import status
from test_workshop import provision

CREATE, CREATE_CSR = "$aws/certificates/create", "$aws/certificates/create-from-csr"
REGISTER = f"$aws/provisioning-templates/{vouch.TEMPLATE}/provision"
BODY = json.loads((vouch.WORKSHOP / "TrustedUserProvisioningTemplate.json").read_text())


class Json:
    name, encode, decode = "json", staticmethod(lambda v: json.dumps(v).encode()), staticmethod(json.loads)
    not_objects = (b"[]", b'"x"', b"7", b"null", b"{", b"{}x", b'{"a":1,"a":2}', b"\xff", b"{'a':1}", b'{"a":"\\ud800"}', b'{"a":"\\u0000"}')


class Cbor:
    name, encode, decode = "cbor", staticmethod(cbor.encode), staticmethod(cbor.decode)
    not_objects = (b"\x80", b"\x61x", b"\x07", b"\xf6", b"\xa1", b"\xa0\x00", cbor.head(5, 2) + cbor.encode("a") + b"\x01" + cbor.encode("a") + b"\x02",
                   b"\xff", b"\xc0\xa0", b"\xa1\x41a\x01", b"\xa1\x61\xff\x01")


@pytest.fixture(params=[Json, Cbor], ids=lambda f: f.name)
def fmt(request):
    return request.param


class Device:
    """A claim's connection that speaks one format."""

    def __init__(self, server, fmt, claim=None, template=vouch.TEMPLATE, client_id=None):
        self.fmt, self.server = fmt, server
        self.claim = claim or server.claim(template=template)
        self.client = mqtt.Client(server, self.claim)
        self.client.connect(client_id or f"rejected-{os.urandom(4).hex()}")
        self.register_topic = f"$aws/provisioning-templates/{template}/provision"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.close()

    def ask(self, topic, value):
        topic = f"{topic}/{self.fmt.name}"
        self.client.publish(topic, value if isinstance(value, bytes) else self.fmt.encode(value))
        where, answer = self.client.message()
        assert where in (topic + "/accepted", topic + "/rejected")
        return where.endswith("/accepted"), self.fmt.decode(answer)

    def made(self):
        accepted, answer = self.ask(CREATE, {})
        assert accepted and set(answer) == {"certificateId", "certificatePem", "privateKey", "certificateOwnershipToken"}
        return answer

    def register(self, token, **parameters):
        return self.ask(self.register_topic, {"certificateOwnershipToken": token, "parameters": parameters})

    def rejected(self, topic, value, code, name):
        accepted, answer = self.ask(topic, value)
        assert not accepted and set(answer) == {"statusCode", "errorCode", "errorMessage"}, answer
        assert (answer["statusCode"], answer["errorCode"]) == (code, name), answer
        assert 0 < len(answer["errorMessage"]) <= 512
        return answer["errorMessage"]


def template(server, name, change, **more):
    body = json.loads(json.dumps(BODY))
    change(body["Resources"])
    server.boto().create_provisioning_template(templateName=name, provisioningRoleArn=vouch.ROLE, templateBody=json.dumps(body), enabled=True, **more)
    return name


def once(server, name, change, **more):
    if name not in [t["templateName"] for t in server.boto().list_provisioning_templates()["templates"]]:
        template(server, name, change, **more)
    return name


# ---- the table ----

def test_accepted_in_both_formats(server, fmt):
    with Device(server, fmt) as device:
        private, _ = own.key_pair()
        accepted, made = device.ask(CREATE_CSR, {"certificateSigningRequest": own.request_for(private)})
        assert accepted and set(made) == {"certificateId", "certificatePem", "certificateOwnershipToken"}
        assert device.register(made["certificateOwnershipToken"], ThingName=f"fine-{fmt.name}") == \
            (True, {"deviceConfiguration": {}, "thingName": f"fine-{fmt.name}"})


def test_400_invalid_payload(server, fmt):
    with Device(server, fmt) as device:
        for bad in fmt.not_objects:
            for topic in (CREATE, CREATE_CSR, REGISTER):
                device.rejected(topic, bad, 400, "InvalidPayload")
        token = device.made()["certificateOwnershipToken"]
        for wrong in ({"certificateOwnershipToken": 7}, {"certificateOwnershipToken": token, "parameters": []},
                      {"certificateOwnershipToken": [token]}, {"certificateOwnershipToken": token, "parameters": "x"}):
            device.rejected(REGISTER, wrong, 400, "InvalidPayload")
        device.rejected(CREATE_CSR, {"certificateSigningRequest": 7}, 400, "InvalidPayload")
        for topic in (CREATE, CREATE_CSR, REGISTER):
            device.rejected(topic, {"x": "y" * 17000}, 400, "InvalidPayload")
        assert device.register(token, ThingName=f"unhurt-{fmt.name}")[0]


def test_400_invalid_certificate_signing_request(server, fmt):
    good = own.request_for(own.key_pair()[0])
    with Device(server, fmt) as device:
        for bad in ("", "x", good[:-60], good.replace("REQUEST", "THING"), good + good, "y" * 4097, good.replace("M", "N", 1),
                    good.replace("CERTIFICATE REQUEST", "CERTIFICATE")):
            device.rejected(CREATE_CSR, {"certificateSigningRequest": bad}, 400, "InvalidCertificateSigningRequest")
        device.rejected(CREATE_CSR, {}, 400, "InvalidCertificateSigningRequest")


def test_400_invalid_certificate_ownership_token(server, fmt):
    name, code = "InvalidCertificateOwnershipToken", 400
    with Device(server, fmt) as device, Device(server, fmt) as other:
        token, foreign = device.made()["certificateOwnershipToken"], other.made()["certificateOwnershipToken"]
        assert device.rejected(REGISTER, {}, code, name) == device.rejected(REGISTER, {"certificateOwnershipToken": ""}, code, name) == \
            "Certificate ownership token cannot be empty."
        said = {device.rejected(REGISTER, {"certificateOwnershipToken": bad, "parameters": {"ThingName": "x"}}, code, name)
                for bad in (token[:-1], token + "x", "\n", "?" * 500, "x" * 501, foreign)}
        assert len(said) == 1  # which of them it is, is not told
        assert device.register(token, ThingName=f"spent-{fmt.name}")[0]
        said.add(device.rejected(REGISTER, {"certificateOwnershipToken": token, "parameters": {"ThingName": "y"}}, code, name))
        assert len(said) == 1


def test_400_invalid_parameters(server, fmt):
    with Device(server, fmt) as device:
        token = device.made()["certificateOwnershipToken"]

        def bad(parameters):
            return device.rejected(REGISTER, {"certificateOwnershipToken": token, "parameters": parameters}, 400, "InvalidParameters")

        assert "ThingName" in bad({})
        for name in ("", "a b", "a/b", "x" * 129, "ü", "a\tb", "${iot:ClientId}", "*"):
            bad({"ThingName": name})
        for value in (7, True, None, ["x"], {"Ref": "x"}):
            bad({"ThingName": value})
        bad({"ThingName": "fine", "More": "x" * 4097})
        bad({"ThingName": "fine", "M" * 2049: "x"})


def test_403_access_denied_to_a_spent_claim(server, fmt):
    with Device(server, fmt) as device:
        first, second = device.made(), device.made()
        assert device.register(first["certificateOwnershipToken"], ThingName=f"once-{fmt.name}")[0]
        value = {"certificateOwnershipToken": second["certificateOwnershipToken"], "parameters": {"ThingName": "again"}}
        assert "used" in device.rejected(REGISTER, value, 403, "AccessDenied")
        device.rejected(CREATE, {}, 403, "AccessDenied")


def test_403_access_denied_by_what_the_claim_is_bound_to(server, fmt):
    claim = own.claim(server, thingName="mine-alone", parameters={"Site": "Oslo"})
    with Device(server, fmt, claim) as device:
        token = device.made()["certificateOwnershipToken"]
        assert not device.register(token, ThingName="other")[0]
        value = {"certificateOwnershipToken": token, "parameters": {"ThingName": "mine-alone", "Site": "Bergen"}}
        assert "Site" in device.rejected(REGISTER, value, 403, "AccessDenied")


def test_403_access_denied_by_template_and_hook(server, fmt):
    iot = server.boto()
    name = once(server, "Switched", lambda r: None)
    with Device(server, fmt, template=name) as device:
        token = device.made()["certificateOwnershipToken"]
        iot.update_provisioning_template(templateName=name, enabled=False)
        device.rejected(device.register_topic, {"certificateOwnershipToken": token, "parameters": {"ThingName": "off"}}, 403, "AccessDenied")
        device.rejected(CREATE, {}, 403, "AccessDenied")
        iot.update_provisioning_template(templateName=name, enabled=True)
    hooked = once(server, "Hooked", lambda r: None, preProvisioningHook={"targetArn": "arn:aws:lambda:us-east-1:123456789012:function:nobody"})
    with Device(server, fmt, template=hooked) as device:
        token = device.made()["certificateOwnershipToken"]
        device.rejected(device.register_topic, {"certificateOwnershipToken": token, "parameters": {"ThingName": "hooked"}}, 403, "AccessDenied")


@pytest.mark.parametrize("what", ["policy", "type", "group", "billing"])
def test_404_resource_not_found(server, fmt, what):
    def change(resources):
        properties = resources["thing"]["Properties"]
        if what == "policy":
            resources["policy"]["Properties"]["PolicyName"] = "NoSuchPolicy"
        elif what == "type":
            properties["ThingTypeName"] = "NoSuchType"
        elif what == "group":
            properties["ThingGroups"] = ["NoSuchGroup"]
        else:
            properties["BillingGroup"] = "NoSuchGroup"

    name = once(server, "Lacks-" + what, change)
    with Device(server, fmt, template=name) as device:
        made = device.made()
        value = {"certificateOwnershipToken": made["certificateOwnershipToken"], "parameters": {"ThingName": "lacking"}}
        device.rejected(device.register_topic, value, 404, "ResourceNotFound")
        assert status(server.boto(), made) == "PENDING_ACTIVATION"
    assert "lacking" not in [t["thingName"] for t in server.boto().list_things(maxResults=250)["things"]]


def test_409_resource_conflicts(server, fmt):
    iot = server.boto()
    taken = f"conflict-{fmt.name}"
    provision(server, server.claim(iot), taken)
    with Device(server, fmt) as device:
        value = {"certificateOwnershipToken": device.made()["certificateOwnershipToken"], "parameters": {"ThingName": taken}}
        device.rejected(REGISTER, value, 409, "ResourceConflictsException")
    iot.create_thing(thingName=f"differs-{fmt.name}", attributePayload={"attributes": {"colour": "red"}})

    def change(resources):
        resources["thing"]["Properties"]["AttributePayload"] = {"colour": "blue"}
        resources["thing"]["OverrideSettings"] = {"AttributePayload": "FAIL"}

    name = once(server, "Fails", change)
    with Device(server, fmt, template=name) as device:
        value = {"certificateOwnershipToken": device.made()["certificateOwnershipToken"], "parameters": {"ThingName": f"differs-{fmt.name}"}}
        device.rejected(device.register_topic, value, 409, "ResourceConflictsException")


def test_410_limit_exceeded(server, fmt):
    with Device(server, fmt) as device:
        for _ in range(10):
            device.made()
        device.rejected(CREATE, {}, 410, "LimitExceeded")
        device.rejected(CREATE_CSR, {"certificateSigningRequest": own.request_for(own.key_pair()[0])}, 410, "LimitExceeded")


def test_429_throttled(clock_server, fmt):
    own.call(clock_server, "POST", "/_vouch/test/faults", {"kind": "throttle", "count": 3})
    with Device(clock_server, fmt) as device:
        for topic in (CREATE, CREATE_CSR, REGISTER):
            device.rejected(topic, {}, 429, "Throttled")
        device.made()


def test_500_internal_error(clock_server, fmt):
    with Device(clock_server, fmt) as device:
        token = device.made()["certificateOwnershipToken"]
        own.call(clock_server, "POST", "/_vouch/test/faults", {"kind": "internal-error", "count": 3})
        said = {device.rejected(topic, {"certificateOwnershipToken": token}, 500, "InternalError") for topic in (CREATE, CREATE_CSR, REGISTER)}
        assert said == {"An unexpected error has occurred."}  # of the inside, nothing is told
        assert device.register(token, ThingName=f"after-{fmt.name}")[0]


def by_mosquitto(server, claim, topic, value, fmt, answer="rejected"):
    """The same request by mosquitto_rr: subscribed to one answer, it waits for that."""
    done = subprocess.run(["mosquitto_rr", "-h", "localhost", "-p", str(server.mqtt_port), "--cafile", server.ca, "--cert", claim.cert_file, "--key", claim.key_file,
                           "-i", f"rr-{os.urandom(4).hex()}", "-q", "1", "-W", "8", "-F", "%x", "-t", f"{topic}/{fmt.name}", "-e", f"{topic}/{fmt.name}/{answer}",
                           "-m", value if isinstance(value, bytes) else fmt.encode(value)], capture_output=True, timeout=30)
    assert done.returncode == 0, (topic, value, done)
    return fmt.decode(bytes.fromhex(done.stdout.decode()))


def test_every_row_reaches_a_mosquitto_client(clock_server, fmt):
    server = clock_server
    lacking = once(server, "Lacking", lambda r: r["policy"]["Properties"].update(PolicyName="NoSuchPolicy"))
    hooked = once(server, "Hooked", lambda r: None, preProvisioningHook={"targetArn": "arn:aws:lambda:us-east-1:123456789012:function:nobody"})
    provision(server, server.claim(), "taken")

    def row(code, name, topic, value, claim=None, template=vouch.TEMPLATE, fault=None):
        claim = claim or server.claim(template=template)
        if fault:
            own.call(server, "POST", "/_vouch/test/faults", {"kind": fault})
        answer = by_mosquitto(server, claim, topic, value, fmt)
        assert set(answer) == {"statusCode", "errorCode", "errorMessage"} and (answer["statusCode"], answer["errorCode"]) == (code, name), answer

    def register(code, name, template, **parameters):
        claim = server.claim(template=template)
        made = by_mosquitto(server, claim, CREATE, {}, fmt, answer="accepted")
        value = {"certificateOwnershipToken": made["certificateOwnershipToken"], "parameters": parameters}
        row(code, name, f"$aws/provisioning-templates/{template}/provision", value, claim)

    row(400, "InvalidPayload", CREATE, fmt.not_objects[0])
    row(400, "InvalidCertificateSigningRequest", CREATE_CSR, {"certificateSigningRequest": "x"})
    row(400, "InvalidCertificateOwnershipToken", REGISTER, {})
    register(400, "InvalidParameters", vouch.TEMPLATE)
    register(403, "AccessDenied", hooked, ThingName="x")
    register(404, "ResourceNotFound", lacking, ThingName="x")
    register(409, "ResourceConflictsException", vouch.TEMPLATE, ThingName="taken")
    full = server.claim()
    with Device(server, fmt, full) as device:
        for _ in range(10):
            device.made()
    row(410, "LimitExceeded", CREATE, {}, full)
    for code, name, fault in ((429, "Throttled", "throttle"), (500, "InternalError", "internal-error"), (503, "ServiceUnavailable", "unavailable")):
        for topic, value in ((CREATE, {}), (CREATE_CSR, {"certificateSigningRequest": own.request_for(own.key_pair()[0])}), (REGISTER, {})):
            row(code, name, topic, value, fault=fault)


def signer_of(server):
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
            parent = int((path.parent / "stat").read_text().rsplit(")", 1)[1].split()[1])
        except (OSError, IndexError):
            continue
        if b"signer" in words and parent == server.process.pid:
            return int(path.parent.name)
    raise AssertionError("no signer")


def test_503_service_unavailable(server, fmt):
    pid = signer_of(server)
    with Device(server, fmt) as device:
        os.kill(pid, signal.SIGSTOP)
        try:
            device.client.timeout = 20
            device.rejected(CREATE, {}, 503, "ServiceUnavailable")
        finally:
            os.kill(pid, signal.SIGCONT)
        device.made()


def test_two_devices_race_with_one_claim(server, fmt):
    claim = server.claim()
    devices = [Device(server, fmt, claim) for _ in range(2)]
    tokens = [d.made()["certificateOwnershipToken"] for d in devices]
    results, barrier = [None, None], threading.Barrier(2)

    def race(i):
        barrier.wait()
        results[i] = devices[i].register(tokens[i], ThingName=f"race-{fmt.name}-{i}")

    threads = [threading.Thread(target=race, args=(i,)) for i in range(2)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    [d.client.close() for d in devices]
    assert sorted(ok for ok, _ in results) == [False, True]
    lost = next(answer for ok, answer in results if not ok)
    assert (lost["statusCode"], lost["errorCode"]) == (403, "AccessDenied")
    things = [t["thingName"] for t in server.boto().list_things(maxResults=250)["things"]]
    assert len([t for t in things if t.startswith(f"race-{fmt.name}-")]) == 1


# ---- CBOR that was made to hurt ----

def test_cbor_of_indefinite_lengths_is_read(server):
    with Device(server, Cbor) as device:
        assert device.ask(CREATE, cbor.loose({}))[0]
        token = device.made()["certificateOwnershipToken"]
        accepted, answer = device.ask(REGISTER, cbor.loose({"certificateOwnershipToken": token, "parameters": {"ThingName": "loose"},
                                                            "more": [1, {"x": -2}, True, None, 1.5]}))
        assert accepted and answer["thingName"] == "loose"


def test_cbor_that_is_not_well_formed_is_refused(server):
    with Device(server, Cbor) as device:
        token = device.made()["certificateOwnershipToken"]
        good = cbor.encode({"certificateOwnershipToken": token, "parameters": {"ThingName": "hurt"}})
        for size in range(1, len(good)):
            device.rejected(REGISTER, good[:size], 400, "InvalidPayload")
        nested = b"\xa1\x61x" * 40 + b"\xa0"
        for bad in (good + b"\x00", b"\xc1" + good, b"\xd9\xd9\xf7" + good, b"\xa1\xc0\x61a\x01", b"\xa1\x42ab\x01", b"\xa1\x01\x02", b"\xa1\xf6\x01",
                    b"\xbf\x61a\x01\x61a\x02\xff", b"\xbf\x61a\xff", b"\xbf", b"\x9f\xff", nested, b"\x81" * 5000, b"\xbb" + b"\xff" * 8,
                    b"\x7b" + b"\xff" * 8, b"\xa1\x7f\x61a", b"\xa1\x7f\x41a\xff\x01", b"\xa1\x61a\x1c", b"\xa1\x61a\xfc", b"\xa1\x61a\xf7",
                    b"\xa1\x61a\xf8\x14", b"\xa1\x63\xed\xa0\x80\x01", b"\xa1\x62\xc0\x80\x01", b"\xa1\x61a\x44\x00\x01\x02\x03",
                    b"\xa1\x61a\x1b" + b"\xff" * 8, b"\x00", b"\x20", b"\xf9\x7e\x00"):
            device.rejected(REGISTER, bad, 400, "InvalidPayload")
        assert device.ask(REGISTER, good)[0]


# ---- signing requests that were made to hurt ----

def request_with(key, subject="/CN=x", extensions=0, config=""):
    lines = ["[req]", "distinguished_name=dn", "req_extensions=ext", "string_mask=utf8only", "utf8=yes", "[dn]", "[ext]"]
    lines += [f"1.3.6.1.4.1.99999.{i}=ASN1:NULL" for i in range(extensions)] or ["basicConstraints=CA:TRUE,pathlen:9", "keyUsage=keyCertSign"]
    conf = pathlib.Path(key).with_suffix(".cnf")
    conf.write_text("\n".join(lines) + config + "\n")
    return subprocess.run(["openssl", "req", "-new", "-key", str(key), "-config", str(conf), "-subj", subject, "-utf8"], check=True,
                          capture_output=True, text=True).stdout


def test_what_a_request_asks_for_beyond_its_key_is_not_given(server, tmp_path):
    key = tmp_path / "a.key"
    key.write_text(own.key_pair()[0])
    with Device(server, Json) as device:
        for extensions in (0, 100):
            csr = request_with(key, extensions=extensions)
            accepted, made = device.ask(CREATE_CSR, {"certificateSigningRequest": csr})
            assert len(csr) <= 4096 and accepted, made
            text = subprocess.run(["openssl", "x509", "-noout", "-text"], input=made["certificatePem"], capture_output=True, text=True, check=True).stdout
            assert "CA:TRUE" not in text and "99999" not in text and "Certificate Sign" not in text
        device.rejected(CREATE_CSR, {"certificateSigningRequest": request_with(key, extensions=400)}, 400, "InvalidCertificateSigningRequest")


def test_absurd_subjects_are_taken_as_they_are_or_refused(server, tmp_path):
    key = tmp_path / "a.key"
    key.write_text(own.key_pair()[0])
    subjects = ["/", "/CN=" + "x" * 64, "/CN=" + "x" * 600, "/CN=a\nb", "/CN=a\x01b", "/CN=ünï☃", "/CN=*", "/CN=${iot:ClientId}", "/CN=a/CN=b/CN=c",
                "/" + "/".join(f"OU={i}" for i in range(60)), "/C=XX/ST=/L=/O=/CN=", "/CN=' OR 1=1 --", "/CN=<script>", "/serialNumber=1/CN=1"]
    outcomes = set()
    for subject in subjects:
        try:
            csr = request_with(key, subject=subject)
        except subprocess.CalledProcessError:
            continue  # openssl itself will not have it
        with Device(server, Json) as device:
            accepted, made = device.ask(CREATE_CSR, {"certificateSigningRequest": csr})
            outcomes.add(accepted)
            if not accepted:
                assert (made["statusCode"], made["errorCode"]) == (400, "InvalidCertificateSigningRequest"), (subject, made)
                continue
            shown = subprocess.run(["openssl", "x509", "-noout", "-pubkey"], input=made["certificatePem"], capture_output=True, text=True, check=True)
            assert "PUBLIC KEY" in shown.stdout
    assert True in outcomes


def test_a_request_must_be_signed_by_its_own_key(server, tmp_path):
    key = tmp_path / "a.key"
    key.write_text(own.key_pair()[0])
    csr = request_with(key)
    der = bytearray(subprocess.run(["openssl", "req", "-outform", "DER"], input=csr.encode(), capture_output=True, check=True).stdout)

    def pem(data):
        import base64
        return "-----BEGIN CERTIFICATE REQUEST-----\n" + base64.encodebytes(bytes(data)).decode() + "-----END CERTIFICATE REQUEST-----\n"

    with Device(server, Json) as device:
        assert device.ask(CREATE_CSR, {"certificateSigningRequest": pem(der)})[0]
        for at in (len(der) - 1, len(der) - 10, 20, len(der) // 2):
            bent = bytearray(der)
            bent[at] ^= 1
            device.rejected(CREATE_CSR, {"certificateSigningRequest": pem(bent)}, 400, "InvalidCertificateSigningRequest")
        device.rejected(CREATE_CSR, {"certificateSigningRequest": pem(der + b"\x00")}, 400, "InvalidCertificateSigningRequest")
        for algorithm in (["rsa:1024"], ["ec", "-pkeyopt", "ec_paramgen_curve:secp256k1"], ["ed25519"], ["ec", "-pkeyopt", "ec_paramgen_curve:P-224"]):
            weak = subprocess.run(["openssl", "req", "-new", "-newkey", *algorithm, "-nodes", "-keyout", "/dev/null", "-subj", "/CN=weak"],
                                  capture_output=True, text=True, check=True).stdout
            device.rejected(CREATE_CSR, {"certificateSigningRequest": weak}, 400, "InvalidCertificateSigningRequest")
        sha1 = subprocess.run(["openssl", "req", "-new", "-key", str(key), "-sha1", "-subj", "/CN=old"], capture_output=True, text=True, check=True).stdout
        device.rejected(CREATE_CSR, {"certificateSigningRequest": sha1}, 400, "InvalidCertificateSigningRequest")


def test_refusals_left_nothing_behind(server):
    """After all of the above: only certificates that wait, and no thing without a certificate that nobody made on purpose."""
    orphans = [o for o in own.call(server, "GET", "/_vouch/orphans?maxResults=250")["orphans"] if o["kind"] != "certificate-pending"]
    assert [o for o in orphans if not o["id"].startswith("differs-")] == []
    assert own.call(server, "POST", "/_vouch/ledger/verify")["verified"] is True
