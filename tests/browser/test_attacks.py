"""What a hostile device, a hostile page and a hostile link try at the browser of somebody who is signed in."""
import http.server
import json
import ssl
import threading
import urllib.parse

import pytest

import hooks
import mqtt
import oidc
import own
import pairing
import session
import vouch

# Markup in the ways that pages have been caught with, and signs that turn or hide what stands beside them.
EVIL = '"><img src=x onerror=globalThis.hit=1><script>globalThis.hit=1</script>${globalThis.hit=1}\u202e\u200b'
SHOWN = EVIL.replace("\u202e", "\\u202e").replace("\u200b", "\\u200b")
LINK = "javascript:globalThis.hit=1"
PASSWORD = "a good long password"
ANNA = "anna@example.com"


@pytest.fixture(scope="module")
def provider():
    with oidc.Provider() as running:
        yield running


@pytest.fixture(scope="module")
def server(provider):
    with vouch.Server(*provider.flags(**{"oidc-label": "label" + EVIL})) as running:
        running.prepare_workshop()
        running.vouch("user", "create", ANNA)
        yield running


def template_with(parameter):
    body = json.loads((vouch.WORKSHOP / "TrustedUserProvisioningTemplate.json").read_text())
    body["Parameters"][parameter] = {"Type": "String", "Default": parameter}
    return json.dumps(body)


def policy_with(resource):
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iot:Connect", "Resource": f"arn:aws:iot:*:*:client/{resource}"}]})


def person(server, name, *statements):
    own.user(server, name, *statements)
    own.call(server, "PUT", f"/_vouch/users/{name}/password", {"password": PASSWORD})


def registry(server):
    """Every text that somebody may choose; the pages where it must be read as it is."""
    iot = server.boto()
    iot.create_thing_type(thingTypeName="type", thingTypeProperties={"thingTypeDescription": "type" + EVIL})
    iot.create_thing_group(thingGroupName="group", thingGroupProperties={"thingGroupDescription": "group" + EVIL})
    iot.create_policy(policyName="policy", policyDocument=policy_with("policy" + EVIL))
    iot.create_provisioning_template(templateName="template", description="template" + EVIL, provisioningRoleArn=vouch.ROLE, enabled=True,
                                     templateBody=template_with("parameter" + EVIL))
    own.call(server, "PUT", "/_vouch/hooks/list", {"kind": "allowlist", "target": "target" + EVIL})
    own.call(server, "POST", "/_vouch/hooks/list/serials", {"serials": [{"serial": "listed" + EVIL, "parameterOverrides": {"name" + EVIL: "override" + EVIL}}]})
    own.call(server, "PUT", "/_vouch/hooks/link", {"kind": "program", "target": "/" + LINK})
    claim = own.call(server, "POST", "/_vouch/claims", {"templateName": vouch.TEMPLATE, "thingName": "the-real-thing",
                                                             "parameters": {"Thing": "what-it-says", "bound" + EVIL: "value" + EVIL}})["certificateId"]
    own.user(server, "a=b+c@d.e,f_g-h", (["iot:ListThings"], "*"))
    pages = {
        "types": (["groups", "types"], []), "group": (["groups", "group"], ["group"]), "groups": (["groups"], []),
        "policy": (["policies", "policy"], ["policy"]), "templates": (["templates"], ["template"]),
        "template": (["templates", "template"], ["template"]), "hooks": (["hooks"], ["target"]), "hook": (["hooks", "list"], ["target", "listed", "override"]),
        "hook-link": (["hooks", "link"], []), "claim": (["claims", claim], ["bound", "value"]), "user": (["users", "a=b+c@d.e,f_g-h"], []),
    }
    return pages


def devices(server):
    """What devices say of themselves, in what they are granted and in what they are refused."""
    waiting = pairing.Device(server, serial="serial" + EVIL, model="model" + EVIL, parameters={"suggested" + EVIL: "said" + EVIL})
    claim = server.claim()
    with mqtt.Client(server, claim) as client:
        client.send(mqtt.connect("refused" + EVIL))
        client.receive()
    with mqtt.Client(server, claim) as client:
        client.connect("registers")
        _, made = client.request(mqtt.CREATE, {})
        accepted, _ = client.request(mqtt.register_topic(vouch.TEMPLATE), {"certificateOwnershipToken": made["certificateOwnershipToken"],
                                                                           "parameters": {"ThingName": "thing" + EVIL}})
        assert not accepted
    session.Browser(server).try_sign_in("who" + EVIL, "x")
    subject = "/CN=subject<img src=x onerror=globalThis.hit=1>"
    made = server.boto().create_certificate_from_csr(certificateSigningRequest=own.request_for(waiting.private, subject), setAsActive=True)
    row, = waiting.rows("pairing-started")
    pages = {
        "pairings": (["pairings"], ["serial", "model"]), "pairing": (["pairings", waiting.id], ["serial", "model", "suggested", "said"]),
        "why": (["why"], ["refused", "thing"]), "ledger": (["ledger"], ["serial"]), "row": (["ledger", str(row["sequence"])], ["serial", "model"]),
        "certificates": (["certificates"], []), "certificate": (["certificates", made["certificateId"]], []), "overview": (["overview"], []),
        "things": (["things"], []), "claims": (["claims"], []), "users": (["users"], []), "settings": (["settings"], []),
    }
    return pages, waiting


class Connected:
    """A device that the live page sees come: its client id is what it likes."""

    def __init__(self, server):
        iot = server.boto()
        made = iot.create_keys_and_certificate(setAsActive=True)
        self.identity = vouch.Identity(server.home, made["certificateId"], made["certificatePem"], made["keyPair"]["PrivateKey"])
        everything = {"Effect": "Allow", "Action": "iot:*", "Resource": "*"}
        iot.create_policy(policyName="everything", policyDocument=json.dumps({"Version": "2012-10-17", "Statement": [everything]}))
        iot.attach_policy(policyName="everything", target=made["certificateArn"])
        self.client = mqtt.Client(server, self.identity)
        self.client.connect("live" + EVIL)


def test_what_others_say_is_text(server, browser):
    made = registry(server)
    said, waiting = devices(server)
    pages = {name: dict(path=path, shows=shows) for name, (path, shows) in (made | said).items()}
    script = browser.start("attacks.mjs", evil=EVIL, shown=SHOWN, link=LINK, pages=pages, code=waiting.code)
    client = None
    while "end" not in (word := script.hear()):
        client = Connected(server).client
        pairing.Device(server, serial="later" + EVIL, model="later")
        script.say()
    script.finish()
    client.close()
    assert word["looked"] > len(pages)


# ---- pages of others


class Elsewhere:
    """A page of somebody else's, by two names: another site at 127.0.0.1, another origin of the same site at localhost."""

    def __init__(self, home):
        certificate, key = hooks.server_certificate(hooks.certs.Authority("elsewhere"))
        (home / "elsewhere.pem").write_text(certificate + key)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(home / "elsewhere.pem")

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("content-type", "text/html")
                self.end_headers()
                self.wfile.write(b"<!doctype html><title>elsewhere</title><body>come in")

            def log_message(self, *_):
                pass

        class Quiet(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request, client_address):
                pass

        self.server = Quiet(("127.0.0.1", 0), Handler)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.origins = [f"https://{name}:{self.server.server_port}" for name in ("127.0.0.1", "localhost")]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def state(server):
    iot = server.boto()
    return {
        "policies": [p["policyName"] for p in iot.list_policies()["policies"]],
        "things": [t["thingName"] for t in iot.list_things()["things"]],
        "templates": [t["templateName"] for t in iot.list_provisioning_templates()["templates"]],
        "users": own.call(server, "GET", "/_vouch/users")["users"],
        "claims": own.call(server, "GET", "/_vouch/claims")["claims"],
        "pairings": own.call(server, "GET", "/_vouch/pairings")["pairings"],
        "ledger": len([row for row in own.ledger(server) if row["outcome"] == "ok"]),
    }


def test_pages_of_others_do_nothing(server, browser):
    person(server, "mallory", (["iot:ListThings"], "*"))
    elsewhere = Elsewhere(server.home)
    waiting = pairing.Device(server)
    try:
        script = browser.start("forgery.mjs", origins=elsewhere.origins, pairing=waiting.id, request=waiting.request, fingerprint=waiting.fingerprint(), template=vouch.TEMPLATE,
                               other=dict(user="mallory", password=PASSWORD))
        script.hear("ready")
        before = state(server)
        script.say()
        script.hear("done")
        assert state(server) == before
        script.say()
        assert script.finish()["tried"] >= 40
    finally:
        elsewhere.close()


# ---- links, sessions, rights

ASTRAY = ["//evil.example", "\\\\evil.example", "/\\evil.example", "https://evil.example", "https:evil.example", LINK, "/%2f/evil.example", "/%2fevil.example",
          "/\t/evil.example", "\t//evil.example", "/\n/evil.example", " //evil.example", "/%5cevil.example", "///evil.example", "/.//evil.example",
          "data:text/html,<script>globalThis.hit=1</script>", "@evil.example", ".evil.example", "", "/console/../..//evil.example"]


def test_links_that_lead_astray(server, browser):
    assert browser.run("astray.mjs", returns=ASTRAY)["seen"] == len(ASTRAY)


@pytest.mark.parametrize("path", ASTRAY)
def test_the_provider_leads_back_here(server, provider, path):
    """A browser resolves what the Location header says against the server's own address."""
    browser = oidc.Browser(server)
    status, headers = browser.get("/_vouch/oidc/start?" + urllib.parse.urlencode({"return": path}))
    where = headers["location"]
    if status == 302:
        status, headers = browser.get(provider.authorize(where))
        where = headers["location"]
        assert browser.session()["userName"] == ANNA
    assert status == 303
    address = urllib.parse.urlsplit(urllib.parse.urljoin(server.api + "/_vouch/oidc/callback", where))
    assert where.startswith("/") and not where.startswith(("//", "/\\")) and not any(sign < " " or sign == "\\" for sign in where)
    assert f"{address.scheme}://{address.netloc}" == server.api


def test_sessions(server, browser):
    person(server, "anybody", (["iot:ListThings"], "*"))
    theirs = session.Browser(server)
    theirs.sign_in("anybody", PASSWORD)
    word = browser.run("sessions.mjs", planted=theirs.cookie)
    assert theirs.call("GET", "/_vouch/session")["userName"] == "anybody"
    ours = session.Browser(server)
    ours.cookie = word["ended"]
    assert ours.send("GET", "/_vouch/session").status == 401


def test_a_user_of_one_template(server, browser):
    person(server, "installer", (["iot:CreateProvisioningClaim"], f"arn:aws:iot:*:*:provisioningtemplate/{vouch.TEMPLATE}"))
    assert browser.run("limited.mjs", who=dict(user="installer", password=PASSWORD), template=vouch.TEMPLATE)["requests"] > 5
