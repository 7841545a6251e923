/* One run of the program against one server: requests by the rows of
 * shape/op.h, signed with core/sigv4.h. One thread. */
#ifndef VCH_CTL_CALL_H
#define VCH_CTL_CALL_H

#include "ctl/site.h"
#include "http/client.h"

struct vch_ctl {
    struct vch_arena *arena; /* wiped at the end: answers hold keys */
    struct vch_ctl_site site;
    struct vch_http_client *client;
    struct vch_str lint; /* of the last answer: what the server warns of; empty: nothing */
    bool table;
    FILE *out, *err;
};

struct vch_ctl_error {
    char code[80]; /* as AWS names it: "ResourceNotFoundException"; or "unreachable" */
    char message[512];
};

/* Sends and decodes; `out` is a map. Says nothing. */
enum vch_ctl_exit vch_ctl_try(struct vch_ctl *ctl, enum vch_op op, const struct vch_val *inputs,
                              const struct vch_val **out, struct vch_ctl_error *error);
/* The same, with the refusal on ctl->err. */
enum vch_ctl_exit vch_ctl_call(struct vch_ctl *ctl, enum vch_op op, const struct vch_val *inputs,
                               const struct vch_val **out);
enum vch_ctl_exit vch_ctl_refused(struct vch_ctl *ctl, enum vch_ctl_exit exit, const struct vch_ctl_error *error);
/* "vouch: …" on ctl->err; returns USAGE. */
enum vch_ctl_exit vch_ctl_fail(struct vch_ctl *ctl, const char *fmt, ...) VCH_PRINTF(2, 3);

/* Follows the pages of `list` to the end: one map with the whole list. */
enum vch_ctl_exit vch_ctl_call_all(struct vch_ctl *ctl, enum vch_op op, const struct vch_val *inputs, const char *list,
                                   const struct vch_val **out);

/* A public page, unsigned, such as "/ca.pem". */
enum vch_ctl_exit vch_ctl_page(struct vch_ctl *ctl, const char *path, struct vch_str *ret);
/* The account: from the folder, or by GetCallerIdentity. */
enum vch_ctl_exit vch_ctl_account(struct vch_ctl *ctl, struct vch_str *ret);

/* Inputs: a map, and a member of it by the type of the operation's row. False
 * when the text is no such value, or memory is out. */
struct vch_val *vch_ctl_inputs(struct vch_ctl *ctl);
bool vch_ctl_put(struct vch_ctl *ctl, enum vch_op op, struct vch_val *inputs, const char *name, struct vch_str text);

/* Exposed for tests: what an answer that is not 2xx says. */
void vch_ctl_error_read(const struct vch_http_result *answer, struct vch_arena *arena, struct vch_ctl_error *ret);

#endif
