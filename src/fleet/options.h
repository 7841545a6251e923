/* The command line of vouch-fleet, and where the server is. */
#ifndef VCH_FLEET_OPTIONS_H
#define VCH_FLEET_OPTIONS_H

#include <stdio.h>

#include "base/arena.h"

enum vch_fleet_mode {
    VCH_FLEET_PROVISION,
    VCH_FLEET_CONNECT,
    VCH_FLEET_PUBLISH,
    VCH_FLEET_FAN,
    VCH_FLEET_IDLE,
    VCH_FLEET_MODES
};
const char *vch_fleet_mode_word(enum vch_fleet_mode mode);

struct vch_fleet_options {
    enum vch_fleet_mode mode;
    const char *data, *endpoint, *api, *ca, *template_name, *region, *host, *cert, *key;
    int64_t mqtt_port, port, devices, concurrency, seconds, pid;
    int64_t publishers, subscribers, qos, payload, rate, window, mqtt, threads;
    bool plain, gather, csr, json;
};
/* False with one line on `err`: unknown or repeated flag, value missing or out of range. */
bool vch_fleet_parse(int argc, char **argv, struct vch_fleet_options *ret, FILE *err);
void vch_fleet_help(FILE *out);

struct vch_fleet_site {
    struct vch_str api;  /* "https://host:port"; empty: any broker, by --host */
    struct vch_str host; /* of MQTT; and its port */
    uint16_t mqtt_port;
    struct vch_str ca_file, ca_pem;
    struct vch_str certificate_pem, key_pem; /* of --cert and --key */
    struct vch_str access_key_id, secret_access_key, region, account;
    int64_t pid; /* 0: unknown */
};
/* From DIR's files, or from the flags and the AWS variables, or with --host the broker alone. */
enum vch_err vch_fleet_find(const struct vch_fleet_options *options, struct vch_arena *arena,
                            struct vch_fleet_site *ret, struct vch_diag *diag) VCH_MUST;

#endif
