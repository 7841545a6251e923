"""How much a first view takes over the wire, files and answers, with something to show, and a registry of a hundred thousand things: a page of it is no more work, for the
server or for the browser, than a page of a small one. Times are printed and judge nothing."""
import re
import sqlite3
import statistics
import uuid

import pytest

import pairing
import vouch

THINGS = 100_000
FIRST_VIEW_BYTES = 60 * 1024
PAGES = 12


def fill(path):
    """Straight into the registry of a server that does not run; the one thing that it has says what a row looks like."""
    rows = [(f"fleet-{n:06}", f"SN-{n:06}", ("Porto", "Lyon", "Turku")[n % 3]) for n in range(THINGS)]
    database = sqlite3.connect(path)
    with database:
        database.executemany("INSERT INTO things (name, id, type_name, billing_group, version, created_ms, modified_ms, attributes) "
                             "SELECT ?, ?, type_name, billing_group, version, created_ms, modified_ms, ? FROM things WHERE name = 'first'",
                             ((name, str(uuid.UUID(int=n)), f'{{"serialNumber":"{serial}","site":"{site}"}}') for n, (name, serial, site) in enumerate(rows)))
        database.executemany("INSERT INTO thing_attributes (name, value, thing) VALUES (?, ?, ?)",
                             sorted(row for name, serial, site in rows for row in (("serialNumber", serial, name), ("site", site, name))))
    database.close()


@pytest.fixture(scope="module")
def server():
    with vouch.Server("--store", "sqlite") as running:
        iot = running.boto()
        iot.create_thing_type(thingTypeName="lamp")
        iot.create_thing(thingName="first", thingTypeName="lamp")
        running.stop()
        fill(running.data / "store" / "registry.db")
        running.start()
        assert iot is not None and len(running.boto().list_things(maxResults=250)["things"]) == 250
        yield running


def milliseconds(server, operation):
    """What the server says that each answer took."""
    return [int(us) / 1000 for us in re.findall(rf"\bop={operation} .*? us=(\d+)", server.log_text())]


def busy(server):
    """Something of each kind that the overview tells of."""
    server.prepare_workshop()
    for i in range(8):
        server.claim()
        pairing.Device(server, serial=f"SN-{i}", model="Lamp")


def quickest(times, what):
    values = [one[what] for one in times]
    return f"{min(values):.0f} ({statistics.median(values):.0f})"


def test_the_first_view(server, browser):
    busy(server)
    views = browser.run("size.mjs", part="first", paths=["/", "/sign-in", "/install", "/console", "/console#/things"], again=4)["views"]
    for path, view in views.items(): # the first has neither script nor style: what it takes is the browser's own
        times = view["times"]
        print(f"{path}: {view['bytes'] / 1024:.1f} KB in {view['requests']} requests, {view['answers'] / 1024:.1f} of them answers of the API; best (median) ms: "
              f"first control {quickest(times, 'usable')}, drawn {quickest(times, 'ready')}; of the main thread's time {quickest(times, 'main')}, in scripts "
              f"{quickest(times, 'script')}; {min(one['rounds'] for one in times)} rounds of requests")
        print("   " + ", ".join(f"{name} {size}" for name, size in sorted(view["each"].items(), key=lambda item: -item[1])[:8]))
    for path, view in views.items():
        assert view["bytes"] <= FIRST_VIEW_BYTES, (path, view)
        assert "/metrics" not in view["each"] or view["each"]["/metrics"] < 3000, "the overview asks for what it shows"


def test_a_large_fleet(server, browser):
    told = browser.run("size.mjs", part="fleet", things=THINGS, pages=PAGES)
    spent = milliseconds(server, "SearchIndex")
    print(f"{THINGS} things: a page of 100 took the server {statistics.median(spent):.1f} ms (longest {max(spent):.1f}), "
          f"the browser {statistics.median(told['pages']):.0f} ms from the click to the rows; {told['bytes']} bytes an answer at most; "
          f"searches {', '.join(f'{query} {ms:.0f} ms' for query, ms in told['searches'].items())}; "
          f"exports {told['exported']:.0f} ms with no frame longer than {told['frame']:.0f} ms")
    assert len(told["pages"]) == PAGES and told["rows"] <= 100 and told["bytes"] < 64 * 1024
    assert told["requests"] <= 2 * (PAGES + 1), "a page is a call or two"
