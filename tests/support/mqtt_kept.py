"""A client that acknowledges a message when the test takes it, not when it comes; and a device that may do anything."""
import json

import mqtt5
import vouch


class Peer(mqtt5.Peer):
    """What waits in `inbox` is not acknowledged yet: the server has to send it again."""

    def __init__(self, *arguments, **more):
        super().__init__(*arguments, **more)
        self.auto = False
        self.acknowledges = True

    def acknowledge(self, message):
        if message.qos == 1:
            self.send(mqtt5.ack(mqtt5.PUBACK, message.packet_id))

    def message(self, timeout=None):
        """The next PUBLISH, acknowledged unless `acknowledges` is off."""
        got = self.inbox.pop(0) if self.inbox else self.expect(mqtt5.PUBLISH, timeout)
        if self.acknowledges:
            self.acknowledge(got)
        return got


def allow_all(server, name):
    """A certificate with a policy of its own that allows everything."""
    iot = server.boto()
    made = iot.create_keys_and_certificate(setAsActive=True)
    iot.create_policy(policyName=name, policyDocument=json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iot:*", "Resource": "*"}]}))
    iot.attach_policy(policyName=name, target=made["certificateArn"])
    return vouch.Identity(server.home, made["certificateId"], made["certificatePem"], made["keyPair"]["PrivateKey"])
