/* One MQTT connection of the agent: TLS by net/dial, MQTT by libvouch-device,
 * over the ports to be tried in order. Errors come as outcomes in the words a
 * person needs. One thread. */
#ifndef VCH_AGENT_LINK_H
#define VCH_AGENT_LINK_H

#include "agent/credentials.h"
#include "agent/proxy.h"
#include "net/dial.h"
#include "vouch/device.h"

enum { VCH_LINK_PORTS = 2, VCH_LINK_IN = 32768, VCH_LINK_OUT = 32768 };

struct vch_route {
    uint16_t port;
    const char *alpn; /* or NULL */
};

struct vch_link {
    char host[256];
    struct vch_route routes[VCH_LINK_PORTS];
    size_t route_count, route; /* `route`: the one to try first */
    struct vch_report *report;
    const struct vch_proxy *proxy; /* or NULL */
    int64_t time_floor_ms;         /* of dial's options */
    /* For credentials without a root: the digest of the only one to trust, and who takes it (PEM) from the server's
     * chain before anything is sent. NULL: none. */
    const uint8_t *root_sha256;
    enum vch_exit (*on_root)(void *root_arg, struct vch_str root_pem, struct vch_outcome *outcome);
    void *root_arg;
    void (*on_message)(void *arg, const struct vch_device_message *message);
    void *arg;
    struct vch_dial *dial;
    bool refused; /* the last opening failed as the server did not take the certificate */
    struct vch_device device;
    uint8_t *in, *out; /* wiped */
};

/* `endpoint` is "host" or "host:port"; a port given there or in `port` is the
 * only one; else edge and mqtt when known; else 443 with ALPN, then 8883. */
enum vch_exit vch_link_init(struct vch_link *link, struct vch_report *report, const char *endpoint, int port,
                            int edge_port, int mqtt_port, struct vch_outcome *outcome) VCH_MUST;
void vch_link_deinit(struct vch_link *link);

/* TLS with the credentials and CONNECT as `client_id`, on the first route that
 * speaks MQTT. Monotonic deadline. `whose` is "claim" or "certificate", for the words. */
enum vch_exit vch_link_open(struct vch_link *link, const struct vch_credentials *credentials, const char *client_id,
                            int64_t deadline_ms, const char *whose, struct vch_outcome *outcome) VCH_MUST;
void vch_link_close(struct vch_link *link); /* DISCONNECT when it is up */

/* The outcome of a failed call on the open link. */
enum vch_exit vch_link_failed(const struct vch_link *link, enum vch_device_status status, const char *doing,
                              struct vch_outcome *outcome) VCH_MUST;

#endif
