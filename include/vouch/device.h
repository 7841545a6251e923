/* libvouch-device: gets a device its own identity from AWS IoT fleet
 * provisioning over MQTT 3.1.1 or MQTT 5, in JSON or CBOR, and speaks plain MQTT
 * afterwards.
 *
 * Promises: C11, no allocation, no globals, no stdio, no threads. Memory, the
 * connection, the clock and storage are handed in by the caller. One struct
 * vch_device is used by one thread at a time; different ones are independent.
 * Every call blocks until it is done or its deadline has passed. What a server
 * sends is never trusted: bad bytes give VCH_DEVICE_PROTOCOL, nothing else.
 * Secrets are wiped from the caller's buffers before a call returns.
 *
 * Usual order: vch_device_init, vch_device_connect (with the claim),
 * vch_device_provision, vch_device_disconnect; then a new transport with the
 * permanent certificate, vch_device_init, vch_device_connect, publish and so on;
 * and vch_device_rotate on such a connection before the certificate ends.
 *
 * Source: MQTT 3.1.1 and 5.0 (OASIS); AWS IoT "Device provisioning MQTT API".
 */
#ifndef VOUCH_DEVICE_H
#define VOUCH_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define VCH_DEVICE_MUST __attribute__((warn_unused_result))
#else
#define VCH_DEVICE_MUST
#endif

/* How a call ended. Zero is success. */
enum vch_device_status {
    VCH_DEVICE_OK = 0,
    VCH_DEVICE_ARGUMENT,  /* the caller's input breaks a rule; nothing was sent */
    VCH_DEVICE_SPACE,     /* the caller's memory is too small for a packet */
    VCH_DEVICE_NETWORK,   /* the transport failed */
    VCH_DEVICE_CLOSED,    /* the server closed the connection without a word */
    VCH_DEVICE_TIMEOUT,   /* no answer in time */
    VCH_DEVICE_REFUSED,   /* CONNACK, SUBACK or PUBACK said no; `code` of the failure */
    VCH_DEVICE_REJECTED,  /* an answer on a "rejected" topic; see the failure */
    VCH_DEVICE_PROTOCOL,  /* the server sent what it must not */
    VCH_DEVICE_STORAGE,   /* a callback of the caller failed */
    VCH_DEVICE_DISMISSED, /* MQTT 5: the server closed the connection and said why; `code` of the failure */
    VCH_DEVICE_STATUS_COUNT
};

/* How far a call got. */
enum vch_device_stage {
    VCH_DEVICE_STAGE_NONE = 0,
    VCH_DEVICE_STAGE_CONNECT,
    VCH_DEVICE_STAGE_CREATE_SUBSCRIBE,
    VCH_DEVICE_STAGE_CREATE, /* keys or certificate asked for */
    VCH_DEVICE_STAGE_SAVE,
    VCH_DEVICE_STAGE_REGISTER_SUBSCRIBE,
    VCH_DEVICE_STAGE_REGISTER,
    VCH_DEVICE_STAGE_DONE,
    VCH_DEVICE_STAGE_COUNT
};

/* Static words such as "timed out" and "create"; never NULL. */
const char *vch_device_status_word(enum vch_device_status status);
const char *vch_device_stage_word(enum vch_device_stage stage);
/* What MQTT 5 calls a reason code, such as "Not authorized"; "unknown" else. */
const char *vch_device_reason_word(int code);

/* An open byte stream, TLS already done. Deadlines are on the clock below.
 * `recv` gives at least one byte. Both return VCH_DEVICE_OK, NETWORK, CLOSED or
 * TIMEOUT; anything else counts as NETWORK. Opening and closing it is the
 * caller's business. */
struct vch_device_transport {
    enum vch_device_status (*send)(void *arg, const void *bytes, size_t len, int64_t deadline_ms);
    enum vch_device_status (*recv)(void *arg, void *buf, size_t size, size_t *ret_len, int64_t deadline_ms);
    int64_t (*now_ms)(void *arg); /* monotonic */
    void *arg;
};

/* A message that came for a subscription. Views, valid during the call only;
 * the callback must not call the library with the same device. */
struct vch_device_message {
    const char *topic; /* not terminated */
    size_t topic_len;
    const uint8_t *payload;
    size_t payload_len;
    uint8_t qos;
    bool retain, dup;
};

struct vch_device_options {
    struct vch_device_transport transport;
    /* Packets are received into `in` and composed in `out`. For provisioning
     * 8 KiB and 4 KiB are ample; a packet larger than `in` ends the connection.
     * MQTT 5 tells the server the size of `in`. */
    uint8_t *in, *out;
    size_t in_size, out_size;
    int64_t wait_ms;     /* longest wait for one answer; 0 means 10,000 */
    int64_t deadline_ms; /* of everything, on the clock; 0: none */
    void (*on_message)(void *arg, const struct vch_device_message *message); /* may be NULL */
    void *arg;
};

enum { VCH_DEVICE_ERROR_CODE_MAX = 64, VCH_DEVICE_ERROR_MESSAGE_MAX = 512 };

/* Why the last call failed; texts are terminated and hold no control characters. */
struct vch_device_failure {
    enum vch_device_stage stage;
    int code; /* of CONNACK, SUBACK, PUBACK or the server's DISCONNECT, or statusCode of a rejection */
    /* Of a rejection; for the others on MQTT 5 the message is the server's reason string, if it gave one. */
    char error_code[VCH_DEVICE_ERROR_CODE_MAX + 1];
    char error_message[VCH_DEVICE_ERROR_MESSAGE_MAX + 1];
};

/* One connection. The members are the library's own; read `failure`,
 * `session_present`, `keep_alive_s` and `connected` only. */
struct vch_device {
    struct vch_device_options options;
    struct vch_device_failure failure;
    size_t in_len, held, out_reserved;
    struct {
        const char *topic; /* of the request, or NULL: no answer is waited for */
        bool got, accepted;
        char *payload;
        size_t payload_len;
    } answer;
    struct {
        uint8_t type, code; /* packet type waited for; 0: none */
        uint16_t id;
    } wait[2];
    uint32_t packet_max; /* that the server takes; 0: any */
    uint16_t next_id;
    uint16_t keep_alive_s; /* that holds: the server's, when it named one */
    uint8_t level, qos_max;
    bool session_present, connected;
};

/* ARGUMENT when a callback or memory is missing. */
enum vch_device_status vch_device_init(struct vch_device *device,
                                       const struct vch_device_options *options) VCH_DEVICE_MUST;

struct vch_device_connect {
    const char *client_id; /* 1 to 128 bytes */
    const char *username;  /* NULL: none */
    uint16_t keep_alive_s;
    bool clean_session;
    uint8_t protocol;          /* 4 or 0: MQTT 3.1.1; 5: MQTT 5 */
    uint32_t session_expiry_s; /* MQTT 5: how long the session outlives the connection */
    uint16_t receive_maximum;  /* MQTT 5: QoS 1 messages under way to us; 0: the library's choice */
};
/* REFUSED with the CONNACK code in the failure. Something between 1 and 5 is
 * MQTT 3.1.1's, also as the answer of a server that does not speak MQTT 5. */
enum vch_device_status vch_device_connect(struct vch_device *device,
                                          const struct vch_device_connect *connect) VCH_DEVICE_MUST;
/* Sends DISCONNECT; the caller then closes the transport. */
enum vch_device_status vch_device_disconnect(struct vch_device *device);

/* QoS 0 or 1; waits for SUBACK, UNSUBACK, PUBACK. A PUBLISH over what an MQTT 5
 * server said it takes (its packet size, its QoS) is ARGUMENT and not sent. */
enum vch_device_status vch_device_subscribe(struct vch_device *device, const char *filter, uint8_t qos) VCH_DEVICE_MUST;
enum vch_device_status vch_device_unsubscribe(struct vch_device *device, const char *filter) VCH_DEVICE_MUST;
enum vch_device_status vch_device_publish(struct vch_device *device, const char *topic, const void *payload,
                                          size_t payload_len, uint8_t qos) VCH_DEVICE_MUST;
/* PINGREQ and its answer. */
enum vch_device_status vch_device_ping(struct vch_device *device) VCH_DEVICE_MUST;
/* Takes what the server sends until `until_ms` (on the clock) and hands
 * messages to on_message. OK when the time is over; `wait_ms` later at most when
 * the server never stops. */
enum vch_device_status vch_device_poll(struct vch_device *device, int64_t until_ms) VCH_DEVICE_MUST;

struct vch_device_pair {
    const char *name, *value;
};

/* What the server made. Terminated views into `in`, valid during `save`. The
 * private key and the token are secrets. */
struct vch_device_identity {
    const char *certificate_id;
    const char *certificate_pem;
    const char *private_key_pem; /* NULL with a request of the caller's */
    const char *token;           /* certificateOwnershipToken */
};

enum {
    VCH_DEVICE_TOKEN_MAX = 1024,
    VCH_DEVICE_TEMPLATE_MAX = 36,
    VCH_DEVICE_THING_MAX = 128,
    VCH_DEVICE_ID_MAX = 64,
    VCH_DEVICE_RECORD_MAX = 1152
};

/* Where one small record lives that outlasts a reset: a file, a flash page. It
 * holds the ownership token, a secret. Each callback returns 0 when it is done. */
struct vch_device_storage {
    int (*load)(void *arg, void *record, size_t size, size_t *ret_len); /* *ret_len = 0: there is none */
    int (*save)(void *arg, const void *record, size_t len);             /* durable when it returns */
    int (*erase)(void *arg);                                            /* also when there is none */
    void *arg;
};

struct vch_device_provisioned {
    char thing_name[VCH_DEVICE_THING_MAX + 1]; /* empty: the template makes no thing */
    /* Of the certificate that was registered; empty when resumed by `token`. */
    char certificate_id[VCH_DEVICE_ID_MAX + 1];
    /* The deviceConfiguration object as JSON text, "{}" when empty; a terminated
     * view into `in` or `out`, valid until the next call. */
    const char *configuration_json;
    size_t configuration_len;
};

enum vch_device_format { VCH_DEVICE_JSON = 0, VCH_DEVICE_CBOR };

struct vch_device_provision {
    const char *template_name;
    /* PEM request for a key that the device made itself; NULL: the server makes the key. */
    const char *csr_pem;
    /* A JSON object whose values are strings, or NULL; else the pairs. */
    const char *parameters_json;
    const struct vch_device_pair *parameters;
    size_t parameter_count;
    /* Resuming by the caller's own journal: the saved token; creation and `save` are left out. */
    const char *token;
    /* Must have made the identity durable when it returns 0: it is called before
     * RegisterThing is sent. Anything else ends the provisioning with STORAGE. */
    int (*save)(void *arg, const struct vch_device_identity *identity);
    /* Each stage as it begins; may be NULL. */
    void (*progress)(void *arg, enum vch_device_stage stage);
    void *arg;
    enum vch_device_format format; /* of requests and answers */
    /* The library's own journal, or NULL. With it a call that was cut off is gone
     * on with by the next: a certificate that was saved is registered, and
     * `save` is not called again; when the server does not know the token any
     * more, it begins anew. See vch_device_pending. */
    const struct vch_device_storage *storage;
    /* The identity that was saved is registered: put it to use. When it returns 0
     * the journal is erased; anything else is STORAGE. May be NULL. */
    int (*registered)(void *arg, const struct vch_device_provisioned *made);
    /* Rotation: the name that the device has; another in the answer is PROTOCOL. NULL: any. */
    const char *thing_name;
};

/* The whole exchange on a connection made with the claim. On failure
 * device->failure tells the stage, and for REJECTED the server's words. */
enum vch_device_status vch_device_provision(struct vch_device *device, const struct vch_device_provision *provision,
                                            struct vch_device_provisioned *ret) VCH_DEVICE_MUST;

/* A successor for the certificate in use: the same exchange on a connection that
 * was made with the device's own certificate, where its policies and the
 * template allow it. `save` keeps the old identity beside the new one: both are
 * in force until the new one has connected. A journal of a provisioning is not
 * gone on with, nor the other way round. */
enum vch_device_status vch_device_rotate(struct vch_device *device, const struct vch_device_provision *rotation,
                                         struct vch_device_provisioned *ret) VCH_DEVICE_MUST;

/* What the journal knows of an exchange that did not end. A certificate id that
 * is in use already: the end of it was all that was lost; erase the record. When
 * the connection by which it began cannot be made any more (the claim is spent or
 * has expired, the old certificate has ended), the answer may have been lost:
 * connect with the saved identity, and when that works put it to use and erase
 * the record. */
struct vch_device_pending {
    bool any, rotation;
    char certificate_id[VCH_DEVICE_ID_MAX + 1];
};
/* Needs an initialised device, no connection; uses its `out`. A record that is
 * torn or of another version counts as none. */
enum vch_device_status vch_device_pending(struct vch_device *device, const struct vch_device_storage *storage,
                                          struct vch_device_pending *ret) VCH_DEVICE_MUST;

#ifdef __cplusplus
}
#endif

#endif
