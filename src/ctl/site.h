/* Where the server is and as whom to speak to it: from --data DIR, or from the
 * options, AWS_* variables and profiles in the AWS CLI's order. */
#ifndef VCH_CTL_SITE_H
#define VCH_CTL_SITE_H

#include "base/arena.h"
#include "ctl/args.h"

/* Strings in the arena, terminated; empty: unknown. */
struct vch_ctl_site {
    struct vch_str endpoint; /* "https://host:port", no slash at the end */
    struct vch_str ca_file;
    struct vch_str access_key_id, secret_access_key, session_token;
    struct vch_str region, account;
    int mqtt_port, edge_port; /* of --data; 0: unknown */
    bool local;               /* by --data */
};

/* USAGE or UNREACHABLE (--data of a server that does not run) with a line on
 * `err`. Reads the environment. */
enum vch_ctl_exit vch_ctl_site_load(const struct vch_ctl_globals *globals, struct vch_arena *arena,
                                    struct vch_ctl_site *ret, FILE *err);

/* A whole file in the arena; "-" is standard input. Nothing is said on `err`
 * when it is NULL. */
enum vch_err vch_ctl_read(const char *path, struct vch_arena *arena, struct vch_str *ret, FILE *err) VCH_MUST;

#endif
