#include "agent/link.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "agent/keystore.h"
#include "agent/pages.h"
#include "base/clock.h"

enum { DIAL_MS = 10000, KEEP_ALIVE_S = 1200 };

static const char alpn_mqtt[] = "x-amzn-mqtt-ca";
static const char check_proxy[] = "Check the HTTP proxy: --http-proxy-config, HTTPS_PROXY and NO_PROXY.";
static const char check_network[] = "Check the endpoint, the port and the network, then start again.";

/* ---- transport ---------------------------------------------------------- */

static enum vch_device_status status_of(enum vch_err err) {
    switch (err) {
    case VCH_OK: return VCH_DEVICE_OK;
    case VCH_ERR_TIMEOUT: return VCH_DEVICE_TIMEOUT;
    case VCH_ERR_NOT_FOUND: return VCH_DEVICE_CLOSED;
    default: return VCH_DEVICE_NETWORK;
    }
}

static enum vch_device_status on_send(void *arg, const void *bytes, size_t len, int64_t deadline_ms) {
    struct vch_link *link = arg;
    return status_of(vch_dial_send(link->dial, vch_str_of(bytes, len), deadline_ms));
}

static enum vch_device_status on_recv(void *arg, void *buf, size_t size, size_t *ret_len, int64_t deadline_ms) {
    struct vch_link *link = arg;
    return status_of(vch_dial_recv(link->dial, buf, size, ret_len, deadline_ms));
}

static int64_t on_now(void *arg) {
    (void)arg;
    return vch_mono_ms();
}

/* ---- routes ------------------------------------------------------------- */

static void add_route(struct vch_link *link, int port, bool alpn) {
    if (port <= 0 || port > 65535 || link->route_count >= VCH_LINK_PORTS) return;
    link->routes[link->route_count++] = (struct vch_route){(uint16_t)port, alpn ? alpn_mqtt : NULL};
}

/* "host:port" as people write it; an IPv6 address needs brackets for that. */
static bool split_endpoint(struct vch_link *link, struct vch_str text, int *ret_port) {
    size_t colon = vch_str_find(text, ':', 0);
    int64_t port = 0;
    if (text.len && text.ptr[0] == '[') {
        size_t close = vch_str_find(text, ']', 0);
        if (close == SIZE_MAX) return false;
        struct vch_str tail = vch_str_sub(text, close + 1, SIZE_MAX);
        if (tail.len && (tail.ptr[0] != ':' || vch_str_int(vch_str_sub(tail, 1, SIZE_MAX), &port) != VCH_OK))
            return false;
        text = vch_str_sub(text, 1, close - 1);
    } else if (colon != SIZE_MAX && vch_str_find(text, ':', colon + 1) == SIZE_MAX) {
        if (vch_str_int(vch_str_sub(text, colon + 1, SIZE_MAX), &port) != VCH_OK) return false;
        text = vch_str_sub(text, 0, colon);
    }
    if (port < 0 || port > 65535) return false;
    *ret_port = (int)port;
    return text.len > 0 && vch_str_find(text, '/', 0) == SIZE_MAX && vch_str_copy(link->host, sizeof link->host, text);
}

enum vch_exit vch_link_init(struct vch_link *link, struct vch_report *report, const char *endpoint, int port,
                            int edge_port, int mqtt_port, struct vch_outcome *outcome) {
    int own = 0;
    memset(link, 0, sizeof *link);
    link->report = report;
    if (port > 65535 || !split_endpoint(link, vch_str_from(endpoint), &own))
        return vch_outcome_set(outcome, VCH_EXIT_CONFIG, "Give the host name alone, and the port with --port.",
                               "The endpoint \"%s\" or the port is not valid.", endpoint);
    if (port == 0) port = own;
    if (port) {
        add_route(link, port, port != 8883);
    } else if (edge_port || mqtt_port) {
        add_route(link, edge_port, true);
        add_route(link, mqtt_port, false);
    } else {
        add_route(link, 443, true);
        add_route(link, 8883, false);
    }
    link->in = malloc(VCH_LINK_IN);
    link->out = malloc(VCH_LINK_OUT);
    if (link->in && link->out) return VCH_EXIT_OK;
    vch_link_deinit(link);
    return vch_outcome_set(outcome, VCH_EXIT_LOCAL, NULL, "Memory is out.");
}

static void wipe(struct vch_link *link) {
    if (link->in) vch_wipe(link->in, VCH_LINK_IN);
    if (link->out) vch_wipe(link->out, VCH_LINK_OUT);
}

void vch_link_deinit(struct vch_link *link) {
    vch_link_close(link);
    wipe(link);
    free(link->in);
    free(link->out);
    link->in = link->out = NULL;
}

void vch_link_close(struct vch_link *link) {
    if (!link->dial) return;
    if (link->device.connected) (void)vch_device_disconnect(&link->device);
    vch_dial_close(link->dial);
    link->dial = NULL;
    wipe(link);
}

/* ---- words -------------------------------------------------------------- */

static const char *connack_word(int code) {
    static const char *const words[] = {"accepted",    "protocol version",          "client id",
                                        "unavailable", "bad user name or password", "not authorized"};
    return code >= 0 && code < 6 ? words[code] : "unknown";
}

static enum vch_exit refused(const struct vch_link *link, const char *doing, struct vch_outcome *outcome) {
    int code = link->device.failure.code;
    if (link->device.failure.stage != VCH_DEVICE_STAGE_CONNECT)
        return vch_outcome_set(outcome, VCH_EXIT_REJECTED,
                               "Check that the claim is for this template, then make a new claim.",
                               "The server refused the subscription while %s (0x%02x).", doing, (unsigned)code);
    enum vch_exit exit =
        vch_outcome_set(outcome, code == 3 ? VCH_EXIT_NETWORK : VCH_EXIT_REJECTED,
                        "Ask the server's operator: its log names the reason.",
                        "The server refused the connection while %s: %s (code %d).", doing, connack_word(code), code);
    outcome->again = code == 3;
    return exit;
}

static enum vch_exit rejected(const struct vch_link *link, const char *doing, struct vch_outcome *outcome) {
    const struct vch_device_failure *f = &link->device.failure;
    enum vch_exit exit = vch_outcome_set(
        outcome, VCH_EXIT_REJECTED, "Correct what the server names, then make a new claim if this one is spent.",
        "The server rejected %s: %d %s: %s", doing, f->code, f->error_code[0] ? f->error_code : "(no code)",
        f->error_message[0] ? f->error_message : "(no message)");
    outcome->again = f->code == 429 || f->code >= 500;
    return exit;
}

static bool is_refusal(const struct vch_diag *diag) {
    return diag && diag->reason && strcmp(diag->reason, "tls-refused") == 0;
}

enum vch_exit vch_link_failed(const struct vch_link *link, enum vch_device_status status, const char *doing,
                              struct vch_outcome *outcome) {
    const struct vch_diag *diag = link->dial ? vch_dial_diag(link->dial) : NULL;
    const char *why = diag && diag->message[0] ? diag->message : "";
    enum vch_exit exit;
    switch (status) {
    case VCH_DEVICE_OK: return VCH_EXIT_OK;
    case VCH_DEVICE_REFUSED: return refused(link, doing, outcome);
    case VCH_DEVICE_REJECTED: return rejected(link, doing, outcome);
    case VCH_DEVICE_ARGUMENT:
        return vch_outcome_set(outcome, VCH_EXIT_CONFIG, "Correct the template name, its parameters or the client id.",
                               "A setting cannot be sent while %s.", doing);
    case VCH_DEVICE_STORAGE: return vch_outcome_set(outcome, VCH_EXIT_LOCAL, NULL, "The identity could not be saved.");
    case VCH_DEVICE_SPACE:
    case VCH_DEVICE_PROTOCOL:
        return vch_outcome_set(outcome, VCH_EXIT_NETWORK,
                               "Check that the endpoint and port are those of the MQTT server.",
                               "The answer on port %u while %s was not what MQTT provisioning allows.",
                               link->routes[link->route].port, doing);
    case VCH_DEVICE_TIMEOUT:
        exit = vch_outcome_set(outcome, VCH_EXIT_NETWORK, check_network, "The server did not answer in time while %s.",
                               doing);
        break;
    default:
        exit = vch_outcome_set(outcome, VCH_EXIT_NETWORK,
                               "The claim or certificate may be unknown, spent or revoked there, or its policy may not "
                               "allow this: the server's log names the reason.",
                               "The connection ended while %s. %s", doing, why);
        break;
    }
    /* TLS 1.3 refuses a client certificate after the handshake: no retry changes that. */
    outcome->again = !is_refusal(diag);
    return exit;
}

static enum vch_exit dial_failed(enum vch_err err, const char *whose, const struct vch_diag *diag,
                                 struct vch_outcome *outcome) {
    bool again = err == VCH_ERR_IO || err == VCH_ERR_TIMEOUT;
    const char *next = check_network;
    char text[256];
    if (err == VCH_ERR_DENIED) {
        (void)snprintf(text, sizeof text,
                       "Check --root-ca and --endpoint, this device's clock, and that the %s is still valid.", whose);
        next = text;
    }
    if (diag->reason && strncmp(diag->reason, "proxy-", 6) == 0)
        next = check_proxy;
    else if (err == VCH_ERR_INVALID)
        next = "Check the certificate, key and root files.";
    enum vch_exit exit =
        vch_outcome_diag(outcome, err == VCH_ERR_INVALID ? VCH_EXIT_CREDENTIALS : VCH_EXIT_NETWORK, next, diag);
    outcome->again = again;
    return exit;
}

/* ---- opening ------------------------------------------------------------ */

static struct vch_str text_of(const struct vch_buf *buf) {
    return vch_str_of(buf->ptr, buf->len);
}

static enum vch_exit say_hello(struct vch_link *link, const char *client_id, int64_t deadline_ms,
                               struct vch_outcome *outcome) {
    const struct vch_device_options options = {
        .transport = {on_send, on_recv, on_now, link},
        .in = link->in,
        .in_size = VCH_LINK_IN,
        .out = link->out,
        .out_size = VCH_LINK_OUT,
        .deadline_ms = deadline_ms,
        .on_message = link->on_message,
        .arg = link->arg,
    };
    const struct vch_device_connect connect = {
        .client_id = client_id, .username = "?SDK=VouchAgent&Version=" VOUCH_VERSION, .keep_alive_s = KEEP_ALIVE_S};
    enum vch_device_status status = vch_device_init(&link->device, &options);
    if (status == VCH_DEVICE_OK) status = vch_device_connect(&link->device, &connect);
    link->device.options.deadline_ms = 0;
    return vch_link_failed(link, status, "connecting", outcome);
}

/* A key on a token is opened for each connection, so that a token may have gone and come back. */
static enum vch_err dial_with_key(const struct vch_dial_options *options, struct vch_dial **ret,
                                  struct vch_diag *diag) {
    struct vch_dial_options own = *options;
    if (!vch_key_is_uri(own.key_pem)) return vch_dial_open(options, ret, diag);
    if (vch_key_load(own.key_pem, &own.key, diag) != VCH_OK) return VCH_ERR_INVALID;
    own.properties = vch_key_properties(own.key_pem);
    own.key_pem = VCH_STR("");
    enum vch_err err = vch_dial_open(&own, ret, diag);
    EVP_PKEY_free(own.key);
    return err;
}

static enum vch_exit learn_root(struct vch_link *link, const uint8_t *sha256, struct vch_outcome *outcome) {
    struct vch_buf pem;
    vch_buf_init(&pem, VCH_LINK_IN);
    enum vch_err err = vch_dial_root(link->dial, sha256, &pem);
    enum vch_exit exit = err == VCH_OK
                             ? link->on_root(link->root_arg, text_of(&pem), outcome)
                             : vch_outcome_set(outcome, VCH_EXIT_NETWORK, NULL, "The server's root certificate is lost.");
    vch_buf_deinit(&pem);
    return exit;
}

static enum vch_exit open_route(struct vch_link *link, const struct vch_credentials *c, const char *client_id,
                                int64_t deadline_ms, const char *whose, struct vch_outcome *outcome) {
    const struct vch_route *route = &link->routes[link->route];
    int64_t until = vch_mono_ms() + DIAL_MS;
    struct vch_diag diag = {0};
    struct vch_dial_options options = {
        .host = vch_str_from(link->host),
        .port = route->port,
        .alpn = route->alpn,
        .root_pem = text_of(&c->root),
        .root_sha256 = c->root.len ? NULL : link->root_sha256,
        .certificate_pem = text_of(&c->certificate),
        .key_pem = text_of(&c->key),
        .deadline_ms = until < deadline_ms ? until : deadline_ms,
        .tls = true,
        .time_floor_ms = link->time_floor_ms,
        .on_stage = vch_pages_let_go,
    };
    if (link->proxy)
        options.proxy = (struct vch_dial_proxy){link->proxy->host, (uint16_t)link->proxy->port, link->proxy->user,
                                                link->proxy->password};
    vch_report_line(link->report, VCH_REPORT_DEBUG, "connecting", "Connecting to %s port %u as \"%s\".", link->host,
                    route->port, client_id);
    vch_pages_let_go();
    enum vch_err err = dial_with_key(&options, &link->dial, &diag);
    vch_pages_let_go();
    link->refused = is_refusal(&diag);
    if (err != VCH_OK) return dial_failed(err, whose, &diag, outcome);
    enum vch_exit exit = options.root_sha256 ? learn_root(link, options.root_sha256, outcome) : VCH_EXIT_OK;
    if (exit == VCH_EXIT_OK) exit = say_hello(link, client_id, deadline_ms, outcome);
    link->refused = exit != VCH_EXIT_OK && is_refusal(vch_dial_diag(link->dial));
    if (exit != VCH_EXIT_OK) vch_link_close(link);
    return exit;
}

/* A refusal in MQTT is the server's word: no other port will say better. */
static bool is_final(const struct vch_link *link, const struct vch_outcome *outcome) {
    return outcome->exit == VCH_EXIT_REJECTED || outcome->exit == VCH_EXIT_CONFIG ||
           outcome->exit == VCH_EXIT_CREDENTIALS || link->route_count == 1;
}

enum vch_exit vch_link_open(struct vch_link *link, const struct vch_credentials *credentials, const char *client_id,
                            int64_t deadline_ms, const char *whose, struct vch_outcome *outcome) {
    struct vch_outcome first = {0};
    size_t start = link->route;
    for (size_t i = 0; i < link->route_count; i++) {
        link->route = (start + i) % link->route_count;
        enum vch_exit exit = open_route(link, credentials, client_id, deadline_ms, whose, outcome);
        if (exit == VCH_EXIT_OK || is_final(link, outcome)) return exit;
        vch_report_line(link->report, VCH_REPORT_DEBUG, "port", "Port %u: %s", link->routes[link->route].port,
                        outcome->sentence);
        /* A definite no says more than a port where nobody answers. */
        if (i == 0 || (first.again && !outcome->again)) first = *outcome;
    }
    link->route = start;
    *outcome = first;
    return outcome->exit;
}
