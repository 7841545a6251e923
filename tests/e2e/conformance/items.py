"""The clauses of one level as parameters of a test: profile, clause, case."""
import json

import pytest
import vouch

from conformance.clauses import CLAUSES
from conformance.harness import CASES, Runner
from conformance.table import PROFILES, cases_of


def items(level):
    found = []
    for profile in PROFILES:
        for clause in CLAUSES:
            if clause.level == level:
                found += [pytest.param(profile, one, id=f"{profile}-MQTT-{clause.number}-{one.name}") for one in cases_of(clause.key, profile)]
        found += [pytest.param(profile, one, id=f"{profile}-{one.name}") for one in CASES if not one.keys and one.only in (None, profile)]
    return found


class Stage:
    """For each profile that was asked for, a server and an identity that may do anything but with topics that end in /forbidden."""

    def __init__(self, level):
        self.level, self.servers, self.runner = level, {}, Runner()

    def start(self, profile):
        server = vouch.Server("--profile", profile)
        self.servers[profile] = server, None
        server.start()
        iot = server.boto()
        made = iot.create_keys_and_certificate(setAsActive=True)
        everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iot:*", "Resource": "*"},
                                                             {"Effect": "Deny", "Action": ["iot:Publish", "iot:Subscribe"],
                                                              "Resource": f"arn:aws:iot:{vouch.REGION}:{vouch.ACCOUNT}:topic*/*/forbidden"}]}
        iot.create_policy(policyName="everything", policyDocument=json.dumps(everything))
        iot.attach_policy(policyName="everything", target=made["certificateArn"])
        identity = vouch.Identity(server.home, made["certificateId"], made["certificatePem"], made["keyPair"]["PrivateKey"])
        self.servers[profile] = server, identity

    def run(self, profile, one):
        if profile not in self.servers:
            self.start(profile)
        server, identity = self.servers[profile]
        assert identity, "the server of this profile did not start"
        assert server.process.poll() is None, server.log_text()[-3000:]
        self.runner.run(one, server, identity, self.level, profile)

    def close(self):
        for server, _ in self.servers.values():
            server.close()
