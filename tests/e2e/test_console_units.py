"""What the console's modules compute by themselves: codes as the server judges them, places to return to, cells of a spreadsheet."""
import json
import pathlib
import re
import shutil
import subprocess

import pytest

HERE = pathlib.Path(__file__).resolve().parent
CONSOLE = HERE.parents[1] / "console"
ALPHABET = "23456789BCDFGHJKLMNPQRSTVWXZ"
# The rows of tests/unit/core/test_pair_code.c.
GOOD = ["22222222", "2222223Z", "2222232X", "3222222R", "34567896", "ZZZZZZZG"]
ROOT, KEY = "ab" * 32, "0123456789abcdef"
HANDOVERS = {
    f"https://iot.example.test:8443/install#c=34567896&k={KEY}&r={ROOT}": {"code": "34567896", "key": KEY, "root": ROOT, "host": "iot.example.test:8443"},
    "https://iot.example.test:8443/install#c=3456-7896": {"code": "34567896", "host": "iot.example.test:8443"},
    f"https://other.test/install#c=34567896&r={ROOT}": {"code": "34567896", "root": ROOT, "host": "other.test"},
    "3456-7896": {"code": "34567896"},
    # What is not as it must be is not taken in part: a cut fingerprint would mean no comparison.
    f"https://iot.example.test:8443/install#c=34567896&r={ROOT[1:]}": None,
    f"https://iot.example.test:8443/install#c=34567896&r={ROOT.upper()}": None,
    "https://iot.example.test:8443/install#c=34567896&r=": None,
    "https://iot.example.test:8443/install#c=34567896&k=xyz": None,
    # Somebody in between puts theirs in front of what the device saw.
    f"https://iot.example.test:8443/install#c=34567896&k={KEY[::-1]}&r={ROOT}&k={KEY}&r={ROOT[::-1]}": None,
    f"https://iot.example.test:8443/install#c=34567896&c=34567896&k={KEY}&r={ROOT}": None,
    f"https://iot.example.test:8443/install#c=34567896&r={ROOT}&r={ROOT}": None,
    f"https://iot.example.test:8443/install#c=34567897&r={ROOT}": None,
    "https://iot.example.test:8443/console#c=34567896": None,
    "https://iot.example.test:8443/install": None,
    "WIFI:T:WPA;S:net;P:secret;;": None,
    "javascript:alert(1)": None,
    "": None,
}
PATHS = {"/console": "/console", "/install#c=34567896": "/install#c=34567896", "/console#/things/a%2Fb?x=1": "/console#/things/a%2Fb?x=1"}
PATHS.update(dict.fromkeys(["", "//evil.test", "/\\evil.test", "\\evil.test", "https://evil.test/", "javascript:alert(1)", "evil", "/a\\..\\b", "/\t/evil.test",
                            "/\n/evil.test", " /console", "data:text/html,x", "///evil.test"], "/console"))
CELLS = {"plain": "plain", "=1+1": "'=1+1", "+1": "'+1", "-1": "'-1", "@SUM(A1)": "'@SUM(A1)", "\t=1": "'\t=1", 'a"b': '"a""b"', "a,b": '"a,b"',
         "a\nb": '"a\nb"', "=a,b": "\"'=a,b\"", "": ""}
WORDS = {"lamp-1": "lamp-1", "a b": "'a b'", "it's": "'it'\\''s'", "$(rm)": "'$(rm)'", "arn:aws:iot:x": "arn:aws:iot:x", "": "''", "a;b": "'a;b'", "K=V": "K=V"}
ADDRESSES = {"/console": True, "#/things": True, "blob:https://iot.example.test:8443/1": True, "data:image/png;base64,AA==": True, "javascript:alert(1)": False,
             "JaVaScRiPt:alert(1)": False, " javascript:alert(1)": False, "java\nscript:alert(1)": False, "data:text/html,<script>": False,
             "data:image/svg+xml,<svg/>": False, "vbscript:x": False, "file:///etc/passwd": False}


def wrong_ones():
    """Each good code with one wrong symbol, and with two that changed places."""
    for good in GOOD:
        for i in range(8):
            yield from (good[:i] + other + good[i + 1:] for other in ALPHABET if other != good[i])
            yield from (good[:i] + good[k] + good[i + 1:k] + good[i] + good[k + 1:] for k in range(i + 1, 8) if good[k] != good[i])


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    folder = tmp_path_factory.mktemp("modules")
    for file in CONSOLE.glob("*.js"):
        shutil.copy(file, folder)
    (folder / "package.json").write_text('{"type": "module"}')
    wrong = sorted(set(wrong_ones()))
    given = dict(codes=GOOD + ["3456-7896", " 3456 7896 ", "zzzzzzzg"] + ["", "3456", "345678961", "A2222222", "0" * 8, "2222222\u00df"] + wrong,
                 handovers=list(HANDOVERS), paths=list(PATHS), cells=list(CELLS), words=list(WORDS), addresses=list(ADDRESSES),
                 early=["/sign-in", "/install#/things", "/console", "/console#/constructor"] + [f"/console#/{name}/x?y=z" for name in re.findall(r'route\("(\w+)"', (CONSOLE / "routes.js").read_text())])
    done = subprocess.run([shutil.which("node"), HERE / "console_units.mjs", folder, json.dumps(given)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout), wrong=len(wrong))


def test_codes(told):
    judged = told["judged"]
    assert judged[:9] == ["good"] * 9
    assert judged[9:15] == ["short", "short", "form", "form", "form", "form"]
    assert told["wrong"] > 1000 and judged[15:] == ["mistyped"] * told["wrong"]
    assert told["spelled"][4] == "3456-7896" and told["spelled"][10] == "3456"


def test_the_alphabet_is_the_servers():
    header = (CONSOLE.parent / "src" / "core" / "pair_code.h").read_text()
    assert f'"{ALPHABET}"' in header and f'"{ALPHABET}"' in (CONSOLE / "pair-code.js").read_text()
    for code in GOOD:
        assert f'"{code}"' in (CONSOLE.parent / "tests" / "unit" / "core" / "test_pair_code.c").read_text()


def test_what_a_qr_code_says(told):
    found = [one and {name: value for name, value in one.items() if value is not None} for one in told["handovers"]]
    assert dict(zip(HANDOVERS, found)) == HANDOVERS


def test_only_places_of_this_origin(told):
    assert dict(zip(PATHS, told["local"])) == PATHS


def test_a_spreadsheet_computes_nothing(told):
    assert dict(zip(CELLS, told["cells"])) == CELLS
    assert told["csv"] == 'name,note,more\r\n\'=1+1,"a,b",\r\nx,,"{""deep"":1}"\r\n'


def test_command_lines_are_quoted(told):
    assert dict(zip(WORDS, told["words"])) == WORDS
    for word, shown in WORDS.items():
        assert subprocess.run(["sh", "-c", f"printf %s {shown}"], capture_output=True, text=True).stdout == word


def test_addresses(told):
    assert dict(zip(ADDRESSES, told["safe"])) == ADDRESSES
    assert told["addresses"] == ["/things?a=x+y&c=1&c=2", "/things"]


def test_a_device_that_saw_another_server_or_has_another_key(told):
    assert told["mismatches"] == [None, None, "root", None, "key", "root"]
    assert told["lying"] == "root" # the certificate that is handed out and what the API says must be one


def test_texts(told):
    assert told["said"] == ["Page 3", "Page {name}", "no.such.key"]


def test_files_of_all_pages(told):
    csv, json_text, nothing, empty = told["files"]
    assert csv == ["a,b\r\n'=1,2\r\n,\"x,y\"\r\n", 2, False] # the columns of the first page
    assert json.loads(json_text[0]) == [{"a": 1}, {"a": [2]}] and json_text[1:] == [2, False]
    assert nothing == ["[]\n", 0, False] and empty == ["", 0, False]
    assert told["bound"] == [100_000, True]


def modules():
    """Each module and what it imports before it runs, and what it may import later."""
    now, later = {}, {}
    for file in CONSOLE.glob("*.js"):
        text = file.read_text()
        now[file.name] = set(re.findall(r'^(?:import|export)\b[^;]*?"\./([\w-]+\.js)";', text, re.M))
        later[file.name] = set(re.findall(r'import\("\./([\w-]+\.js)"\)', text))
    return now, later


def closure(now, *roots):
    seen, todo = set(), list(roots)
    while todo:
        if (one := todo.pop()) not in seen:
            seen.add(one)
            todo += now[one]
    return seen


ENTRIES = {"console.html": "app.js", "install.html": "install.js", "sign-in.html": "sign-in.js"}


@pytest.mark.parametrize("page", ENTRIES)
def test_a_first_view_is_one_round_of_requests(page):
    """Every module that a page imports is named by the page itself, and nothing else is."""
    text = (CONSOLE / page).read_text()
    named = set(re.findall(r'<link rel="modulepreload" href="/assets/([^"]+)">', text)) | {ENTRIES[page]}
    assert f'<script type="module" src="/assets/{ENTRIES[page]}">' in text
    assert named == closure(modules()[0], ENTRIES[page])


def test_what_an_address_begins_with(told):
    now, later = modules()
    base = closure(now, "app.js")
    routes = re.findall(r'route\("(\w+)"', (CONSOLE / "routes.js").read_text())
    assert len(routes) > 10
    for address in ["/console"] + [f"/console#/{name}/x?y=z" for name in routes]:
        name = address.partition("#/")[2].partition("/")[0] or "overview"
        links = set(told["early"][address]["links"])
        want = {f"/assets/{one}" for one in closure(now, f"page-{name}.js") - base}
        assert links == want | ({"/assets/pages.css"} if name != "overview" else set()), address
        assert told["early"][address]["asked"] == ["/_vouch/session", "/_vouch/session/rights"]
    assert told["early"]["/sign-in"] == {"asked": [], "links": []}
    assert told["early"]["/console#/constructor"]["links"] == told["early"]["/install#/things"]["links"] == []


def test_texts_come_with_who_asks_for_them():
    """Wherever a module may run, the texts that it names have been brought along."""
    now, later = modules()
    keys = {file.name: set(re.findall(r'^\s*"([^"]+)":', file.read_text(), re.M)) for file in CONSOLE.glob("texts*.js")}
    asked = {file.name: set(re.findall(r'\bt\("([\w.-]+)"', file.read_text())) for file in CONSOLE.glob("*.js") if file.name not in keys}
    missing = set()
    for entry in ENTRIES.values():
        todo, done = [(entry, frozenset(closure(now, entry)))], set()
        while todo:
            name, here = todo.pop()
            if (name, here) in done:
                continue
            done.add((name, here))
            known = set().union(*(keys[one] for one in here if one in keys))
            missing |= {f"{entry}: {one}: {key}" for one in closure(now, name) for key in asked.get(one, set()) - known}
            todo += [(one, here | frozenset(closure(now, one))) for module in closure(now, name) for one in later[module]]
    assert not missing, sorted(missing)


def test_every_kind_of_refusal_has_a_name():
    source = (CONSOLE.parent / "src" / "service" / "refusals.c").read_text()
    kinds = re.findall(r'\[VCH_REFUSED_[A-Z]+\] = "([a-z-]+)"', source)
    assert len(kinds) > 5
    assert {f'"why.what.{kind}"' for kind in kinds} <= set(re.findall(r'"why\.what\.[a-z-]+"', (CONSOLE / "texts-3.js").read_text()))


def test_every_text_that_is_asked_for_is_there():
    keys = set()
    for file in CONSOLE.glob("texts*.js"):
        keys |= set(re.findall(r'^\s*"([^"]+)":', file.read_text(), re.M))
    missing = []
    for file in sorted(CONSOLE.glob("*.js")):
        if not file.name.startswith("texts"):
            missing += [f"{file.name}: {key}" for key in re.findall(r'\bt\("([\w.-]+)"', file.read_text()) if key not in keys]
    assert len(keys) > 300 and not missing
