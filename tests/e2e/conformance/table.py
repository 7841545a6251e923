"""The cases of each clause, and docs/mqtt-conformance.md, which is written from them."""
from conformance import cases_connect, cases_publish, cases_subscribe, cases_v5, cases_websocket, cases_will  # noqa: F401
from conformance.clauses import BY_KEY, CLAUSES
from conformance.harness import CASES

PROFILES = ("aws", "spec")


def cases_of(key, profile=None):
    return [one for one in CASES if key in one.keys and (profile is None or one.only in (None, profile))]


def faults():
    """What clauses and cases get wrong about each other."""
    found = [f"case {one.name}: there is no clause {key}" for one in CASES for key in one.keys if key not in BY_KEY]
    found += [f"case {one.name}: no clauses" for one in CASES if not one.keys and not one.aws]
    names = [one.name for one in CASES]
    found += [f"two cases have the name {name}" for name in set(names) if names.count(name) > 1]
    for clause in CLAUSES:
        where = f"MQTT {'3.1.1' if clause.level == 4 else '5.0'} [MQTT-{clause.number}]"
        for profile in PROFILES if clause.binds == "S" else ():
            if not cases_of(clause.key, profile):
                found.append(f"{where}: no case in the profile {profile}")
        if clause.binds != "S" and cases_of(clause.key):
            found.append(f"{where}: has a case, but binds {clause.binds}")
        if clause.binds == "N" and "[" not in clause.text:
            found.append(f"{where}: no reason why nothing can show it")
    return found


def row(clause):
    here = cases_of(clause.key)
    shown = {"S": ", ".join(f"`{one.name}`" + (f" ({one.only})" if one.only else "") for one in here), "C": "binds the client", "N": "not on this wire"}[clause.binds]
    differs = "; ".join(dict.fromkeys(one.aws for one in here if one.aws))
    return f"| MQTT-{clause.number} | {clause.text} | {shown} | {differs} |"


HEAD = """# Conformance of the device gateway

Every normative statement of [MQTT 3.1.1](https://docs.oasis-open.org/mqtt/mqtt/v3.1.1/os/mqtt-v3.1.1-os.html) and
[MQTT 5.0](https://docs.oasis-open.org/mqtt/mqtt/v5.0/os/mqtt-v5.0-os.html), in short words, and the cases that show it on the wire: TLS connections to a
running `vouchd`, with packets that the tests make and read byte by byte. Each runs with `--profile aws` and with `--profile spec`, unless a profile is named
behind it. The last column says what `--profile aws` does otherwise, as AWS IoT Core does; the case expects exactly that there.

`tests/e2e/test_conformance_311.py` and `test_conformance_5.py` run the cases of `tests/e2e/conformance/`. This page is written by `tools/make-conformance`;
`tree/conformance` fails when a clause has no case, a case names no clause, or this page says anything else.
"""


def document():
    out = [HEAD]
    for level, title in ((4, "MQTT 3.1.1"), (5, "MQTT 5.0")):
        own = [clause for clause in CLAUSES if clause.level == level]
        bound = [clause for clause in own if clause.binds == "S"]
        out.append(f"## {title}\n\n{len(own)} statements: {len(bound)} have cases, {sum(c.binds == 'C' for c in own)} bind the client alone, "
                   f"{sum(c.binds == 'N' for c in own)} cannot be shown here.\n\n| clause | what it asks | cases | profile aws |\n|---|---|---|---|")
        out[-1] += "".join("\n" + row(clause) for clause in own) + "\n"
    return "\n".join(out)
