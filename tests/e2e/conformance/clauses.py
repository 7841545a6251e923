"""Every normative statement of MQTT 3.1.1 and MQTT 5.0, in our words: number, whom it binds, what it asks.

S: the server; a case shows it. C: the client alone. N: nothing on this wire can show it; the reason stands in brackets.
"""

V311 = """
1.5.3-1  S strings are well-formed UTF-8 without surrogates; else the connection is closed
1.5.3-2  S strings do not hold U+0000; else the connection is closed
1.5.3-3  S a byte order mark in a string is kept
2.2.2-1  S reserved flag bits have their fixed values
2.2.2-2  S wrong flags close the connection
2.3.1-1  S SUBSCRIBE, UNSUBSCRIBE and PUBLISH of QoS > 0 have a packet identifier that is not zero
2.3.1-2  C a client takes an unused packet identifier for each new packet
2.3.1-3  C a client sends again with the same packet identifier
2.3.1-4  S a server's PUBLISH of QoS > 0 has an unused packet identifier
2.3.1-5  S PUBLISH of QoS 0 has no packet identifier
2.3.1-6  S PUBACK, PUBREC, PUBREL carry the identifier of their PUBLISH
2.3.1-7  S SUBACK and UNSUBACK carry the identifier of their request
3.1.0-1  S the first packet is CONNECT
3.1.0-2  S a second CONNECT ends the connection
3.1.2-1  S another protocol name is not served as MQTT
3.1.2-2  S an unknown protocol level gets CONNACK 1 and the end
3.1.2-3  S the reserved connect flag is zero, or the end
3.1.2-4  S without clean session the state is resumed, or made and kept
3.1.2-5  S messages of QoS > 0 are stored for a session without connection
3.1.2-6  S clean session discards what was, and is not reused
3.1.2-7  S retained messages outlive the session
3.1.2-8  S a will is kept, and published when the connection ends without DISCONNECT
3.1.2-9  S with the will flag, topic and message are in the payload
3.1.2-10 S a will goes once it is published, or at DISCONNECT
3.1.2-11 S without the will flag, will QoS and will retain are zero and the fields are absent
3.1.2-12 S without the will flag nothing is published at the end
3.1.2-13 S without the will flag, will QoS is zero
3.1.2-14 S will QoS is not 3
3.1.2-15 S without the will flag, will retain is zero
3.1.2-16 S a will without will retain is published not retained
3.1.2-17 S a will with will retain is published retained
3.1.2-18 S without its flag there is no user name
3.1.2-19 S with its flag there is a user name
3.1.2-20 S without its flag there is no password
3.1.2-21 S with its flag there is a password
3.1.2-22 S no password without user name
3.1.2-23 C a client without other traffic sends PINGREQ
3.1.2-24 S silence for one and a half keep alives ends the connection
3.1.3-1  S the payload's fields come in their order
3.1.3-2  S the client identifier names the session
3.1.3-3  S the client identifier is there, and first
3.1.3-4  S the client identifier is UTF-8
3.1.3-5  S 1 to 23 letters and digits are a valid identifier
3.1.3-6  S an empty identifier is replaced by a unique one
3.1.3-7  C a client with an empty identifier asks for a clean session
3.1.3-8  S an empty identifier without clean session gets CONNACK 2 and the end
3.1.3-9  S a refused identifier gets CONNACK 2 and the end
3.1.3-10 S the will topic is UTF-8
3.1.3-11 S the user name is UTF-8
3.1.4-1  S a CONNECT of another form closes the connection without CONNACK
3.1.4-2  S a second client of an identifier ends the first
3.1.4-3  S clean session is processed as described
3.1.4-4  S an accepted CONNECT gets CONNACK 0
3.1.4-5  S after a refusal nothing more of the client is processed
3.2.0-1  S the server's first packet is CONNACK
3.2.2-1  S a clean session has session present 0
3.2.2-2  S a stored session has session present 1
3.2.2-3  S a new session has session present 0
3.2.2-4  S a refusal has session present 0
3.2.2-5  S a refusal ends the connection
3.2.2-6  S where no return code fits, the connection is closed without CONNACK
3.3.1-1  S a repeated PUBLISH has DUP
3.3.1-2  S DUP is 0 for QoS 0
3.3.1-3  S DUP of what goes out does not come from what came in
3.3.1-4  S QoS 3 closes the connection
3.3.1-5  S a message with RETAIN is stored with its QoS
3.3.1-6  S a new subscription gets the retained messages
3.3.1-7  S a message of QoS 0 with RETAIN replaces the old one
3.3.1-8  S a message for a new subscription has RETAIN 1
3.3.1-9  S a message for an established subscription has RETAIN 0
3.3.1-10 S an empty message with RETAIN is delivered and removes the retained one
3.3.1-11 S an empty message is not stored
3.3.1-12 S without RETAIN nothing is stored, removed or replaced
3.3.2-1  S the topic comes first, as UTF-8
3.3.2-2  S topics have no wildcards
3.3.2-3  S the topic sent matches the filter of the subscription
3.3.4-1  S PUBLISH is answered as its QoS asks
3.3.5-1  S of overlapping subscriptions the highest QoS counts
3.3.5-2  S a PUBLISH that is not allowed is acknowledged, or the connection is closed
3.6.1-1  S PUBREL has flags 2, or the end
3.8.1-1  S SUBSCRIBE has flags 2, or the end
3.8.3-1  S filters are UTF-8
3.8.3-2  S wildcards are served, or refused
3.8.3-3  S SUBSCRIBE has a filter at least
3.8.3-4  S reserved bits or QoS 3 in SUBSCRIBE end the connection
3.8.4-1  S SUBSCRIBE gets a SUBACK
3.8.4-2  S SUBACK has the identifier of its SUBSCRIBE
3.8.4-3  S the same filter again replaces the subscription; retained messages come again, nothing is lost
3.8.4-4  S several filters are as several SUBSCRIBE packets
3.8.4-5  S SUBACK has a return code for each filter
3.8.4-6  S a message has the smaller QoS of its own and the granted
3.9.3-1  S return codes are in the order of the filters
3.9.3-2  S return codes are 0, 1, 2 or 128
3.10.1-1 S UNSUBSCRIBE has flags 2, or the end
3.10.3-1 S filters to give up are UTF-8
3.10.3-2 S UNSUBSCRIBE has a filter at least
3.10.4-1 S filters are compared byte by byte, and the subscription goes
3.10.4-2 S nothing new is delivered for a subscription that is gone
3.10.4-3 S what has been started of QoS > 0 is finished
3.10.4-4 S UNSUBSCRIBE gets an UNSUBACK of its identifier
3.10.4-5 S UNSUBACK comes too when nothing was subscribed
3.10.4-6 S several filters are as several UNSUBSCRIBE packets
3.12.4-1 S PINGREQ gets PINGRESP
3.14.1-1 S reserved bits of DISCONNECT are zero, or the end
3.14.4-1 C a client closes after its DISCONNECT
3.14.4-2 C a client sends nothing after its DISCONNECT
3.14.4-3 S DISCONNECT takes the will back
4.1.0-1  S the session's state is stored as long as the session lasts
4.1.0-2  S a session lasts as long as its connection
4.2.0-1  S the transport keeps order and loses nothing
4.3.1-1  S QoS 0 is sent with DUP 0
4.3.2-1  S QoS 1 is sent with a fresh identifier and DUP 0, and is unacknowledged until PUBACK
4.3.2-2  S QoS 1 is answered with PUBACK; after it the identifier means a new message
4.3.3-1  S QoS 2 is sent with PUBREL after PUBREC, and never PUBLISH after PUBREL
4.3.3-2  S QoS 2 is received once: PUBREC for each copy, PUBCOMP for PUBREL
4.4.0-1  S a resumed session sends unacknowledged PUBLISH and PUBREL again with their identifiers
4.5.0-1  S a message goes to every session that matches
4.5.0-2  C a client acknowledges what it gets
4.6.0-1  C a client sends again in order
4.6.0-2  C a client sends PUBACK in order
4.6.0-3  C a client sends PUBREC in order
4.6.0-4  C a client sends PUBREL in order
4.6.0-5  S every topic is ordered by default
4.6.0-6  S messages of one client on one topic arrive in their order
4.7.1-1  S no wildcards in topic names
4.7.1-2  S `#` stands alone behind a separator, and last
4.7.1-3  S `+` fills a whole level
4.7.2-1  S a filter that begins with a wildcard does not match topics that begin with `$`
4.7.3-1  S topics and filters have one character at least
4.7.3-2  S topics and filters have no U+0000
4.7.3-3  S topics and filters have at most 65,535 bytes
4.7.3-4  S topics are matched as they are, without normalization
4.8.0-1  S a protocol violation closes the connection it came on
4.8.0-2  N an error inside closes the connection [a client cannot make one]
6.0.0-1  S MQTT over WebSocket comes in binary frames, or the end
6.0.0-2  S packets and WebSocket frames need not begin together
6.0.0-3  C a client offers the subprotocol mqtt
6.0.0-4  S the server chooses the subprotocol mqtt
7.0.0-1  N a server that dials others conforms as a client too [ours dials nobody]
7.0.0-2  S no extension is required
7.1.1-1  S a server is reached over an ordered, lossless transport
7.1.2-1  C a client uses an ordered, lossless transport
"""

V5 = """
1.5.4-1  S strings are well-formed UTF-8 without surrogates
1.5.4-2  S strings do not hold U+0000
1.5.4-3  S a byte order mark in a string is kept
1.5.5-1  S variable byte integers have as few bytes as they need
1.5.7-1  S both strings of a pair are UTF-8
2.1.3-1  S reserved flag bits have their fixed values
2.2.1-2  S PUBLISH of QoS 0 has no packet identifier
2.2.1-3  C a client takes an unused packet identifier for each new packet
2.2.1-4  S a server's PUBLISH of QoS > 0 has an unused packet identifier
2.2.1-5  S PUBACK, PUBREC, PUBREL, PUBCOMP carry the identifier of their PUBLISH
2.2.1-6  S SUBACK and UNSUBACK carry the identifier of their request
2.2.2-1  S no properties are told by a length of zero
3.1.0-1  S the first packet is CONNECT
3.1.0-2  S a second CONNECT is a protocol error
3.1.2-1  S another protocol name is not served as MQTT
3.1.2-2  S an unknown version is refused, with 0x84 if at all
3.1.2-3  S the reserved connect flag is zero
3.1.2-4  S clean start discards the session there is
3.1.2-5  S without clean start the session there is goes on
3.1.2-6  S without clean start a new session is made where there is none
3.1.2-7  S a will is stored with the session
3.1.2-8  S a will is published after the end and its delay, unless DISCONNECT or a new connection takes it back
3.1.2-9  S with the will flag, properties, topic and payload are there
3.1.2-10 S a will goes once it is published, or at DISCONNECT
3.1.2-11 S without the will flag, will QoS is zero
3.1.2-12 S will QoS is not 3
3.1.2-13 S without the will flag, will retain is zero
3.1.2-14 S a will without will retain is published not retained
3.1.2-15 S a will with will retain is published retained
3.1.2-16 S without its flag there is no user name
3.1.2-17 S with its flag there is a user name
3.1.2-18 S without its flag there is no password
3.1.2-19 S with its flag there is a password
3.1.2-20 C a client without other traffic sends PINGREQ
3.1.2-21 C a client uses the server's keep alive
3.1.2-22 S silence for one and a half keep alives ends the connection
3.1.2-23 S the session is stored when its expiry interval is greater than 0
3.1.2-24 S nothing over the client's maximum packet size is sent
3.1.2-25 S what is too large is dropped as if it had been delivered
3.1.2-26 S no topic alias over the client's maximum is sent
3.1.2-27 S no topic alias at all where the client's maximum is absent or zero
3.1.2-28 S without request response information none is sent
3.1.2-29 S without request problem information no reason string or user property stands but in PUBLISH, CONNACK, DISCONNECT
3.1.2-30 C a client that authenticates sends AUTH and DISCONNECT alone before CONNACK
3.1.3-1  S the payload's fields come in their order
3.1.3-2  S the client identifier names the session
3.1.3-3  S the client identifier is there, and first
3.1.3-4  S the client identifier is UTF-8
3.1.3-5  S 1 to 23 letters and digits are a valid identifier
3.1.3-6  S an empty identifier is replaced by a unique one
3.1.3-7  S and the CONNACK tells it
3.1.3-8  S a refused identifier gets 0x85, if anything, and the end
3.1.3-9  S a new connection within the will delay keeps the will back
3.1.3-10 S the will's user properties keep their order
3.1.3-11 S the will topic is UTF-8
3.1.3-12 S the user name is UTF-8
3.1.4-1  S a CONNECT of another form closes the connection
3.1.4-2  S a CONNECT that fails a check closes the connection
3.1.4-3  S a second client of an identifier ends the first with 0x8E
3.1.4-4  S clean start is processed as described
3.1.4-5  S an accepted CONNECT gets CONNACK 0
3.1.4-6  S after a refusal nothing more of the client is processed
3.2.0-1  S CONNACK comes before any other packet
3.2.0-2  S there is one CONNACK a connection
3.2.2-1  S reserved bits of CONNACK are zero
3.2.2-2  S clean start has session present 0
3.2.2-3  S session present tells whether there was a session
3.2.2-4  C a client without state closes on session present 1
3.2.2-5  C a client drops its state on session present 0
3.2.2-6  S a refusal has session present 0
3.2.2-7  S a reason of 128 and more ends the connection
3.2.2-8  S CONNACK has one of its reason codes
3.2.2-9  S a server without QoS 1 or 2 says its maximum QoS
3.2.2-10 S it accepts SUBSCRIBE with any QoS all the same
3.2.2-11 C a client keeps to the maximum QoS
3.2.2-12 S a will of a QoS over the maximum is refused
3.2.2-13 N a retained will is refused where retained messages are not served [they are served]
3.2.2-14 C a client retains nothing where that is not served
3.2.2-15 C a client keeps to the server's maximum packet size
3.2.2-16 S an assigned identifier is new
3.2.2-17 C a client keeps to the server's topic alias maximum
3.2.2-18 C a client sends no topic alias where the maximum is absent or 0
3.2.2-19 S a reason string does not make a CONNACK too large for the client
3.2.2-20 S nor do user properties
3.2.2-21 C a client uses the server's keep alive
3.2.2-22 S without server keep alive the client's counts
3.3.1-1  S a repeated PUBLISH has DUP
3.3.1-2  S DUP is 0 for QoS 0
3.3.1-3  S DUP of what goes out does not come from what came in
3.3.1-4  S QoS 3 is malformed
3.3.1-5  S a message with RETAIN replaces the retained one
3.3.1-6  S an empty message with RETAIN is processed and removes the retained one
3.3.1-7  S an empty message is not stored
3.3.1-8  S without RETAIN nothing is stored, removed or replaced
3.3.1-9  S retain handling 0 sends the retained messages
3.3.1-10 S retain handling 1 sends them to a new subscription only
3.3.1-11 S retain handling 2 sends none
3.3.1-12 S without retain as published RETAIN is 0
3.3.1-13 S with retain as published RETAIN is as it came
3.3.2-1  S the topic comes first, as UTF-8
3.3.2-2  S topics have no wildcards
3.3.2-3  S the topic sent matches the filter of the subscription
3.3.2-4  S the payload format goes on unaltered
3.3.2-5  S an expired message is not delivered
3.3.2-6  S the message expiry sent is what is left
3.3.2-7  S topic aliases end with their connection
3.3.2-8  S topic alias 0 is not sent
3.3.2-9  C a client keeps to the server's topic alias maximum
3.3.2-10 C a client accepts the aliases it allowed
3.3.2-11 S a server keeps to the client's topic alias maximum
3.3.2-12 S a server accepts all aliases up to its maximum
3.3.2-13 S the response topic is UTF-8
3.3.2-14 S the response topic has no wildcards
3.3.2-15 S the response topic goes on unaltered
3.3.2-16 S correlation data go on unaltered
3.3.2-17 S user properties go on unaltered
3.3.2-18 S user properties keep their order
3.3.2-19 S the content type is UTF-8
3.3.2-20 S the content type goes on unaltered
3.3.4-1  S PUBLISH is answered as its QoS asks
3.3.4-2  S of overlapping subscriptions the highest QoS counts
3.3.4-3  S the subscription identifiers of a message's subscriptions come with it
3.3.4-4  S a single copy has the identifiers of all matching subscriptions
3.3.4-5  S several copies have their own identifier each
3.3.4-6  S a client's PUBLISH has no subscription identifier
3.3.4-7  C a client keeps to the server's receive maximum
3.3.4-8  C a client delays no other packet for it
3.3.4-9  S a server keeps to the client's receive maximum
3.3.4-10 S and delays no other packet for it
3.4.2-1  S PUBACK has one of its reason codes
3.4.2-2  S a reason string does not make a PUBACK too large
3.4.2-3  S nor do user properties
3.5.2-1  S PUBREC has one of its reason codes
3.5.2-2  S a reason string does not make a PUBREC too large
3.5.2-3  S nor do user properties
3.6.1-1  S PUBREL has flags 2, or the end
3.6.2-1  S PUBREL has one of its reason codes
3.6.2-2  S a reason string does not make a PUBREL too large
3.6.2-3  S nor do user properties
3.7.2-1  S PUBCOMP has one of its reason codes
3.7.2-2  S a reason string does not make a PUBCOMP too large
3.7.2-3  S nor do user properties
3.8.1-1  S SUBSCRIBE has flags 2, or the end
3.8.3-1  S filters are UTF-8
3.8.3-2  S SUBSCRIBE has a filter at least
3.8.3-3  S no local keeps a client's own messages from it
3.8.3-4  S no local on a shared subscription is a protocol error
3.8.3-5  S reserved option bits are malformed
3.8.4-1  S SUBSCRIBE gets a SUBACK
3.8.4-2  S SUBACK has the identifier of its SUBSCRIBE
3.8.4-3  S the same filter again replaces the subscription
3.8.4-4  S retained messages come again with retain handling 0, nothing is lost
3.8.4-5  S several filters are as several SUBSCRIBE packets
3.8.4-6  S SUBACK has a reason code for each filter
3.8.4-7  S it is the granted QoS or a failure
3.8.4-8  S a message has the smaller QoS of its own and the granted
3.9.2-1  S a reason string does not make a SUBACK too large
3.9.2-2  S nor do user properties
3.9.3-1  S reason codes are in the order of the filters
3.9.3-2  S SUBACK has reason codes of its own
3.10.1-1 S UNSUBSCRIBE has flags 2, or the end
3.10.3-1 S filters to give up are UTF-8
3.10.3-2 S UNSUBSCRIBE has a filter at least
3.10.4-1 S filters are compared byte by byte, and the subscription goes
3.10.4-2 S nothing new is delivered for a subscription that is gone
3.10.4-3 S what has been started of QoS > 0 is finished
3.10.4-4 S UNSUBSCRIBE gets an UNSUBACK
3.10.4-5 S UNSUBACK has the identifier, and comes too when nothing was subscribed
3.10.4-6 S several filters are as several UNSUBSCRIBE packets
3.11.2-1 S a reason string does not make an UNSUBACK too large
3.11.2-2 S nor do user properties
3.11.3-1 S reason codes are in the order of the filters
3.11.3-2 S UNSUBACK has reason codes of its own
3.12.4-1 S PINGREQ gets PINGRESP
3.14.0-1 S no DISCONNECT before an accepting CONNACK
3.14.1-1 S reserved bits of DISCONNECT are malformed
3.14.2-1 S DISCONNECT has one of its reason codes
3.14.2-2 S a server's DISCONNECT has no session expiry
3.14.2-3 S a reason string does not make a DISCONNECT too large
3.14.2-4 S nor do user properties
3.14.4-1 S nothing is sent after DISCONNECT
3.14.4-2 S the sender closes after DISCONNECT
3.14.4-3 S DISCONNECT 0 takes the will back
3.15.1-1 S reserved bits of AUTH are malformed
3.15.2-1 S AUTH has one of its reason codes
3.15.2-2 N a reason string does not make an AUTH too large [the server sends no AUTH]
3.15.2-3 N nor do user properties [the server sends no AUTH]
4.1.0-1  S the session is kept while the connection is open
4.1.0-2  S it is discarded after the connection and its expiry
4.2-1    S the transport keeps order and loses nothing
4.3.1-1  S QoS 0 is sent with DUP 0
4.3.2-1  S QoS 1 is sent with an unused identifier
4.3.2-2  S and with DUP 0
4.3.2-3  S it is unacknowledged until PUBACK
4.3.2-4  S QoS 1 is answered with PUBACK of its identifier
4.3.2-5  S after PUBACK the identifier means a new message, whatever DUP says
4.3.3-1  S QoS 2 is sent with an unused identifier
4.3.3-2  S and with DUP 0
4.3.3-3  S it is unacknowledged until PUBREC
4.3.3-4  S PUBREC below 128 gets PUBREL of the identifier
4.3.3-5  S PUBREL is unacknowledged until PUBCOMP
4.3.3-6  S PUBLISH is not sent again after PUBREL
4.3.3-7  S expiry does not touch what has been sent
4.3.3-8  S QoS 2 is answered with PUBREC of its identifier
4.3.3-9  S after PUBREC of 128 and more the identifier means a new message
4.3.3-10 S until PUBREL each copy gets PUBREC and is delivered once
4.3.3-11 S PUBREL gets PUBCOMP of its identifier
4.3.3-12 S after PUBCOMP the identifier means a new message
4.3.3-13 S the handshake goes on for an expired message
4.4.0-1  S a resumed session sends unacknowledged PUBLISH and PUBREL again with their identifiers, and nothing else does
4.4.0-2  S PUBACK or PUBREC of 128 and more acknowledges too
4.5.0-1  S a message goes to every session that matches
4.5.0-2  C a client acknowledges what it gets
4.6.0-1  C a client sends again in order
4.6.0-2  C a client sends PUBACK in order
4.6.0-3  C a client sends PUBREC in order
4.6.0-4  C a client sends PUBREL in order
4.6.0-5  S messages of one client on one topic arrive in their order
4.6.0-6  S every topic is ordered by default
4.7.0-1  S no wildcards in topic names
4.7.1-1  S `#` stands alone behind a separator, and last
4.7.1-2  S `+` fills a whole level
4.7.2-1  S a filter that begins with a wildcard does not match topics that begin with `$`
4.7.3-1  S topics and filters have one character at least
4.7.3-2  S topics and filters have no U+0000
4.7.3-3  S topics and filters have at most 65,535 bytes
4.7.3-4  S topics are matched as they are, without normalization
4.8.2-1  S a shared filter begins with $share/ and a name
4.8.2-2  S the name has no `/`, `+`, `#`, and a filter behind it
4.8.2-3  S a shared subscription's QoS is respected
4.8.2-4  S a QoS 2 delivery that has begun is finished with its client
4.8.2-5  S and goes to nobody else when the session ends
4.8.2-6  S a message refused by its receiver goes to nobody else
4.9.0-1  S the send quota begins within the receive maximum
4.9.0-2  S at a quota of zero no PUBLISH of QoS > 0 is sent
4.9.0-3  S other packets are processed all the same
4.12.0-1 S an authentication method that is not served is refused with 0x8C or 0x87
4.12.0-2 N an AUTH that asks for more has reason 0x18 [the server sends no AUTH]
4.12.0-3 C a client's answer has reason 0x18
4.12.0-4 S the server may refuse at any point, and closes
4.12.0-5 N AUTH and CONNACK name the method of the CONNECT [no method is served]
4.12.0-6 S without a method there is none in CONNACK, and no AUTH
4.12.0-7 S a client without method sends no AUTH
4.12.1-1 S re-authentication keeps the method
4.12.1-2 S a failed re-authentication ends the connection
4.13.1-1 S a malformed packet or a protocol error closes the connection
4.13.2-1 S a reason of 128 and more in CONNACK or DISCONNECT closes the connection
6.0.0-1  S MQTT over WebSocket comes in binary frames, or the end
6.0.0-2  S packets and WebSocket frames need not begin together
6.0.0-3  C a client offers the subprotocol mqtt
6.0.0-4  S the server chooses the subprotocol mqtt
"""


class Clause:
    def __init__(self, level, line):
        self.number, self.binds, self.text = line.split(None, 2)
        self.level = level
        self.key = (level, self.number)


def parse(level, table):
    return [Clause(level, line) for line in table.strip().splitlines()]


CLAUSES = parse(4, V311) + parse(5, V5)
BY_KEY = {clause.key: clause for clause in CLAUSES}
assert len(BY_KEY) == len(CLAUSES)
