"""Looking after a fleet by clicking: documents, versions, dry runs, certificates, groups, search, long lists."""
import concurrent.futures

import own
import vouch

THING = "lamp-1"


def fleet(server):
    iot = server.boto()
    make = lambda i: iot.create_thing(thingName=f"many-{i:03}", attributePayload={"attributes": {"serialNumber": f"S{i}"}})
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(make, range(250)))


def test_a_fleet_is_looked_after(server, browser):
    server.prepare_workshop()
    server.boto().create_thing(thingName=THING)
    fleet(server)
    claim = server.claim()
    searches = [["S7", "many-007"], ["many-13", "many-130"], [claim.id, "Claim"], ["admin", "Claim"], ["admi", "User"], ["pubsub", "Policy"], ["Trusted", "Template"]]
    said = browser.run("care.mjs", template=vouch.TEMPLATE, thing=THING, searches=searches, snippet=(vouch.WORKSHOP / "trusted-user-iam-snippet.txt").read_text())
    assert said == {"end": True}
    assert THING not in [t["thingName"] for t in server.boto().list_things(maxResults=250)["things"]]
    assert "mended" not in [p["policyName"] for p in server.boto().list_policies()["policies"]]
    assert server.boto().describe_provisioning_template(templateName=vouch.TEMPLATE)["enabled"]
    told = own.call(server, "GET", "/_vouch/ledger?any=admin&newestFirst=true&maxResults=100")["entries"]
    assert {"certificate-status", "certificate-deleted", "thing-deleted", "policy-deleted"} <= {row["event"] for row in told}
