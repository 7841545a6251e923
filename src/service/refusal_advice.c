/* What an operator does next about a refusal at the gateway. */
#include <string.h>

#include "service/refusals.h"

#define ADVICE(reason, sentence) [VCH_REASON_##reason] = (sentence)

static const char *const by_reason[VCH_REASON_COUNT] = {
    ADVICE(CERTIFICATE_UNKNOWN, "Register the certificate (vouch cert register), or provision the device again."),
    ADVICE(CERTIFICATE_INACTIVE, "Put the certificate into force: vouch cert activate ID."),
    ADVICE(CERTIFICATE_REVOKED, "Provision the device again: a revoked certificate stays revoked."),
    ADVICE(CERTIFICATE_EXPIRED, "Provision the device again; its certificate is past its last day."),
    ADVICE(CERTIFICATE_NOT_YET_VALID, "Compare the clock of the server with the first day of the certificate."),
    ADVICE(CERTIFICATE_MISSING, "The client showed no certificate: give it its certificate and key."),
    ADVICE(CERTIFICATE_WEAK_KEY, "Make a key that is accepted: RSA of 2,048 bits or more, or ECDSA P-256."),
    ADVICE(TLS_FAILED, "Compare what the client speaks: TLS 1.2 or 1.3, and a key that belongs to its certificate."),
    ADVICE(TLS_ALERT, "The client refused the server: give it the root certificate (/ca.pem) and a host name that the server has."),
    ADVICE(HANDSHAKE_TIMEOUT, "The client stopped in the middle of the handshake: look at its network and its MTU."),
    ADVICE(CLAIM_EXPIRED, "Make a new claim: vouch claim create."),
    ADVICE(CLAIM_SPENT, "Make a new claim; this one has registered its device."),
    ADVICE(CLAIM_CANCELLED, "Make a new claim; this one, or its template, was taken back."),
    ADVICE(CLAIM_SOURCE, "The claim is bound to a network: use it there, or make one without --source."),
    ADVICE(CLAIM_THING, "The claim is bound to another thing: give the device the claim that was made for it."),
    ADVICE(CLAIM_PARAMETER, "The claim fixes this parameter: leave it out, or send the value that was fixed."),
    ADVICE(CLAIM_KEY, "The claim asks for a certificate for its own key: send a signing request made with that key."),
    ADVICE(CLAIM_CERTIFICATES_FULL, "The device made certificates and registered none: let it use the last one, or make a new claim."),
    ADVICE(THING_TAKEN, "The thing has a certificate in force: make a claim for the thing, or see vouch template settings --on-active."),
    ADVICE(ROTATION_OFF, "The certificate has its successor already: let the device use that one."),
    ADVICE(POLICY_SILENT, "Attach a policy that allows it; vouch explain shows the smallest change."),
    ADVICE(POLICY_DENIES, "Narrow the statement that denies it; vouch explain shows how."),
    ADVICE(ACCESS_DENIED, "Only registered devices may do this, not claims."),
    ADVICE(SNI_REQUIRED, "The certificate is of mode SNI_ONLY: let the client ask TLS for one of the server's names (--hostname), not for an address."),
    ADVICE(ACCESS_KEY_UNKNOWN, "Sign with an access key that exists and is Active: vouch user keys NAME."),
    ADVICE(SIGNATURE_MISSING, "Let the client sign the URL, or show its certificate."),
    ADVICE(SIGNATURE_INCOMPLETE, "Let an SDK sign the URL; this one lacks a part that must be there and signed."),
    ADVICE(SIGNATURE_MISMATCH, "Compare the secret key, the host name and the query with what the client signed."),
    ADVICE(SIGNATURE_EXPIRED, "Sign anew just before connecting, and compare the clock of the client with the server's."),
    ADVICE(SIGNATURE_SCOPE, "Sign for this server's region and for the service iotdevicegateway or iotdata."),
    ADVICE(WEBSOCKET_EXPIRED, "A signed WebSocket lasts 24 hours; let the client connect again with a fresh signature."),
    ADVICE(WEBSOCKET_PROTOCOL, "Send MQTT in masked binary frames, offer the subprotocol mqtt, and wait for the answer to the handshake."),
    ADVICE(CLIENT_ID_INVALID, "Use a client id of at most 128 bytes that does not begin with $."),
    ADVICE(CLIENT_ID_IN_USE, "Connect with another client id: a registered device is there under this one."),
    ADVICE(TOPIC_INVALID, "Use a topic of at most 256 bytes and 7 slashes, without wildcards unless it is a filter."),
    ADVICE(TOPIC_RESERVED, "Use a topic that does not begin with $; these are the server's."),
    ADVICE(PACKET_MALFORMED, "Look at the client's MQTT library: it sent bytes that are no MQTT packet."),
    ADVICE(PROTOCOL_VERSION, "Let the client speak a version of MQTT that is served."),
    ADVICE(CONNECT_TIMEOUT, "The client connected and said nothing: look at its network and its MQTT library."),
    ADVICE(KEEP_ALIVE_TIMEOUT, "The client went silent: look at its network, or let it ping more often."),
    ADVICE(TAKEN_OVER, "Two clients use this client id: give each its own."),
    ADVICE(RATE_EXCEEDED, "Let the client wait and come again, more slowly."),
    ADVICE(SLOW_READER, "Let the client read faster, or subscribe to less."),
    ADVICE(SUBSCRIPTIONS_FULL, "Subscribe with wildcards, to fewer filters."),
    ADVICE(QOS_UNSUPPORTED, "Use QoS 0 or 1."),
    ADVICE(PAYLOAD_TOO_LARGE, "Send smaller messages."),
    ADVICE(CONNECTIONS_FULL, "Raise the bound that is named (vouch.conf(5)), or find out why so many connect."),
    ADVICE(MEMORY_FULL, "Raise memory-max, add memory, or spread the devices over more servers."),
    ADVICE(STORE_FAILED, "Look at the server's log and /readyz: the registry does not answer."),
    ADVICE(SIGNER_FAILED, "Look at the server's log: the signer does not answer."),
    ADVICE(INTERNAL, "Look at the server's log at this time."),
    ADVICE(SERVER_STOPPING, "Nothing: the server was stopped, and the client comes again."),
    ADVICE(TOKEN_INVALID, "Let the device ask for a certificate again; its token is spent, too old or another's."),
    ADVICE(TEMPLATE_MISSING, "Let the device name a provisioning template that exists."),
    ADVICE(TEMPLATE_DISABLED, "Enable the provisioning template."),
    ADVICE(TEMPLATE_NOT_OF_CLAIM, "Let the device name the template that its claim is for."),
    ADVICE(PARAMETER_UNRESOLVED, "Let the device send every parameter that the template names."),
    ADVICE(PARAMETER_INVALID, "Look at what the device sent as parameters: it gives no valid name."),
    ADVICE(POLICY_MISSING, "Create the policy that the template attaches."),
    ADVICE(THING_CONFLICT, "Let the template override (OverrideSettings), or change the thing."),
    ADVICE(CSR_INVALID, "Look at the certificate signing request that the device made."),
    ADVICE(CSR_WEAK_KEY, "Let the device make a key that is accepted: RSA of 2,048 bits or more, or ECDSA P-256."),
};

const char *vch_refusal_advice(const char *reason) {
    for (size_t i = 0; reason && i < VCH_REASON_COUNT; i++)
        if (by_reason[i] && strcmp(reason, vch_reason_code((enum vch_reason)i)) == 0) return by_reason[i];
    return "Look at the message and at the server's log at this time.";
}
