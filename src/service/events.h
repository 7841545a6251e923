/* What live listeners are told: rows of the ledger as ListLedger gives them, and
 * connections that come and go. Pages of rows are read by sequence, so that who
 * fell behind reads on where it was. Any thread; reading blocks for one query.
 */
#ifndef VCH_SERVICE_EVENTS_H
#define VCH_SERVICE_EVENTS_H

#include "service/call.h"

enum { VCH_EVENTS_PAGE = 128 };

struct vch_event {
    int64_t seq;                           /* of the ledger; 0: a connection */
    struct vch_str thing_name, pairing_id; /* empty: none */
    struct vch_str data;                   /* one line of JSON */
};
/* All rows behind `from`, up to and with `to`. */
struct vch_event_page {
    int64_t from, to;
    struct vch_event *items;
    size_t count;
    bool more; /* there were rows behind `to` */
};

/* At most VCH_EVENTS_PAGE rows behind `after`; what they hold lives in `arena`. */
enum vch_err vch_event_page_load(struct vch_service *service, int64_t after, struct vch_event_page *ret, VCH_R) VCH_MUST;
/* The last row's sequence; 0: there is none. */
enum vch_err vch_events_end(struct vch_service *service, int64_t *ret_seq, struct vch_diag *diag) VCH_MUST;

/* {thingName?, clientId, connected, atMillis}; NOMEM. */
enum vch_err vch_event_of_connection(struct vch_str thing_name, struct vch_str client_id, bool connected, int64_t at_ms,
                                     struct vch_arena *arena, struct vch_event *ret) VCH_MUST;

/* What somebody asked for; empty: everything. */
struct vch_event_filter {
    struct vch_str thing_name, pairing_id;
};
bool vch_event_wanted(const struct vch_event_filter *filter, const struct vch_event *event);

/* A row of the ledger as documents have it. NOMEM. */
enum vch_err vch_ledger_document(const struct vch_rec_ledger *row, struct vch_arena *arena, struct vch_val *map) VCH_MUST;

#endif
