#include "net/conn_priv.h"

#include <stdlib.h>

enum vch_err vch_conn_set_filter(struct vch_conn *conn, const struct vch_conn_filter *filter, void *arg) {
    if (conn->state != CONN_OPEN || conn->filtered || conn->in.len) return VCH_ERR_STATE;
    struct conn_filtered *filtered = calloc(1, sizeof *filtered);
    if (!filtered) return VCH_ERR_NOMEM;
    filtered->filter = filter;
    filtered->arg = arg;
    vch_buf_init_secret(&filtered->plain, SIZE_MAX / 2); /* bounded like the output */
    conn->filtered = filtered;
    return VCH_OK;
}

void conn_filter_free(struct vch_conn *conn) {
    struct conn_filtered *filtered = conn->filtered;
    if (!filtered) return;
    filtered->filter->free(filtered->arg);
    vch_buf_deinit(&filtered->plain);
    free(filtered);
    conn->filtered = NULL;
}

/* What the filter answers of itself is output like any other: a peer that
 * provokes it and does not read is a slow reader. */
static void bound_output(struct vch_conn *conn) {
    if (conn->out.failed || vch_conn_pending(conn) > conn->output_max) conn->overflow = true;
}

bool conn_filter_decode(struct vch_conn *conn, struct vch_str wire, struct vch_buf *plain, struct vch_diag *diag) {
    struct conn_filtered *filtered = conn->filtered;
    bool more = filtered->filter->decode(filtered->arg, wire, plain, &conn->out, diag);
    filtered->over = !more;
    bound_output(conn);
    return more;
}

bool conn_filter_waits(const struct vch_conn *conn) {
    return conn->filtered && !conn->filtered->finished;
}

static void say_goodbye(struct vch_conn *conn) {
    static const struct vch_diag nothing = {.reason = NULL};
    struct conn_filtered *filtered = conn->filtered;
    filtered->finished = true;
    filtered->filter->finish(filtered->arg, conn->reason, conn->diag ? conn->diag : &nothing, &conn->out);
}

void conn_filter_seal(struct vch_conn *conn) {
    struct conn_filtered *filtered = conn->filtered;
    if (!filtered) return;
    if (filtered->plain.len) {
        filtered->filter->encode(filtered->arg, vch_str_of(filtered->plain.ptr, filtered->plain.len), &conn->out);
        vch_buf_deinit(&filtered->plain);
    }
    if (conn->state == CONN_CLOSING && !filtered->finished) say_goodbye(conn);
    if (conn->out.failed) conn->overflow = true;
}
