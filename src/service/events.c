#include "service/events.h"

#include <string.h>

#include "base/codec.h"
#include "store/provisioning.h"

enum { DATA_MAX = 64 * 1024 };

/* ---- rows as documents ---- */

static enum vch_err put_text(struct vch_arena *arena, struct vch_val *map, const char *name, struct vch_str s) {
    return s.len ? vch_val_put_str(arena, map, name, s) : VCH_OK;
}

static enum vch_err put_hex(struct vch_arena *arena, struct vch_val *map, const char *name, struct vch_str bytes) {
    char *hex = vch_arena_alloc(arena, bytes.len * 2 + 1);
    if (!hex) return VCH_ERR_NOMEM;
    vch_hex(bytes.ptr, bytes.len, hex);
    return vch_val_put_str(arena, map, name, vch_str_of(hex, bytes.len * 2));
}

enum vch_err vch_ledger_document(const struct vch_rec_ledger *row, struct vch_arena *arena, struct vch_val *map) {
    VCH_TRY(vch_val_put_int(arena, map, "sequence", row->seq));
    VCH_TRY(vch_val_put_time(arena, map, "time", row->time_ms));
    VCH_TRY(put_text(arena, map, "event", row->event));
    VCH_TRY(put_text(arena, map, "actor", row->actor));
    VCH_TRY(put_text(arena, map, "sourceIp", row->source_ip));
    VCH_TRY(put_text(arena, map, "clientId", row->client_id));
    VCH_TRY(put_text(arena, map, "claimId", row->claim_id));
    VCH_TRY(put_text(arena, map, "templateName", row->template_name));
    if (row->template_version) VCH_TRY(vch_val_put_int(arena, map, "templateVersion", row->template_version));
    VCH_TRY(put_text(arena, map, "certificateId", row->certificate_id));
    VCH_TRY(put_text(arena, map, "thingName", row->thing_name));
    VCH_TRY(put_text(arena, map, "outcome", row->outcome));
    VCH_TRY(put_text(arena, map, "detail", row->detail));
    VCH_TRY(put_hex(arena, map, "previousHash", row->prev_hash));
    return put_hex(arena, map, "hash", row->hash);
}

/* ---- events ---- */

static enum vch_err print(const struct vch_val *map, struct vch_arena *arena, struct vch_str *ret) {
    struct vch_buf buf;
    struct vch_str text = {NULL, 0};
    vch_buf_init(&buf, VCH_LEDGER_ROW_MAX + DATA_MAX);
    vch_json_encode(map, &buf);
    enum vch_err err = vch_buf_finish(&buf, &text);
    if (err == VCH_OK) *ret = vch_arena_str(arena, text);
    vch_buf_deinit(&buf);
    return err == VCH_OK && !ret->ptr ? VCH_ERR_NOMEM : err;
}

/* Few rows have one: those that do not are not decoded. */
static struct vch_str pairing_of(struct vch_str detail, struct vch_arena *arena) {
    static const char name[] = "\"pairingId\"";
    const struct vch_val_limits limits = VCH_VAL_LIMITS_DEFAULT;
    struct vch_val *map = NULL;
    bool named = detail.len && memmem(detail.ptr, detail.len, name, sizeof name - 1) != NULL;
    if (!named || vch_json_decode(detail, &limits, arena, &map, NULL) != VCH_OK) return VCH_STR("");
    return vch_val_str_at(map, "pairingId");
}

static enum vch_err event_of_row(const struct vch_rec_ledger *row, struct vch_arena *arena, struct vch_event *ret) {
    struct vch_val *map = vch_val_new_map(arena);
    if (!map) return VCH_ERR_NOMEM;
    VCH_TRY(vch_ledger_document(row, arena, map));
    *ret = (struct vch_event){.seq = row->seq, .thing_name = row->thing_name, .pairing_id = pairing_of(row->detail, arena)};
    return print(map, arena, &ret->data);
}

enum vch_err vch_event_page_load(struct vch_service *service, int64_t after, struct vch_event_page *ret, VCH_R) {
    struct vch_list_ledger rows;
    *ret = (struct vch_event_page){.from = after, .to = after};
    VCH_TRY(vch_store_ledger(service->store, after, VCH_EVENTS_PAGE, &rows, arena, diag));
    if (rows.count == 0) return VCH_OK;
    ret->items = vch_arena_array(arena, rows.count, sizeof *ret->items);
    if (!ret->items) return VCH_ERR_NOMEM;
    for (size_t i = 0; i < rows.count; i++) VCH_TRY(event_of_row(&rows.items[i], arena, &ret->items[i]));
    ret->count = rows.count;
    ret->to = rows.items[rows.count - 1].seq;
    ret->more = rows.more;
    return VCH_OK;
}

enum vch_err vch_events_end(struct vch_service *service, int64_t *ret_seq, struct vch_diag *diag) {
    uint8_t hash[VCH_LEDGER_HASH_LEN];
    return vch_store_ledger_last(service->store, ret_seq, hash, diag);
}

enum vch_err vch_event_of_connection(struct vch_str thing_name, struct vch_str client_id, bool connected, int64_t at_ms,
                                     struct vch_arena *arena, struct vch_event *ret) {
    struct vch_val *map = vch_val_new_map(arena);
    if (!map) return VCH_ERR_NOMEM;
    *ret = (struct vch_event){.thing_name = vch_arena_str(arena, thing_name)};
    if (!ret->thing_name.ptr) return VCH_ERR_NOMEM;
    VCH_TRY(put_text(arena, map, "thingName", ret->thing_name));
    VCH_TRY(vch_val_put_str(arena, map, "clientId", client_id));
    VCH_TRY(vch_val_put_bool(arena, map, "connected", connected));
    VCH_TRY(vch_val_put_int(arena, map, "atMillis", at_ms));
    return print(map, arena, &ret->data);
}

bool vch_event_wanted(const struct vch_event_filter *filter, const struct vch_event *event) {
    return (filter->thing_name.len == 0 || vch_str_eq(filter->thing_name, event->thing_name)) &&
           (filter->pairing_id.len == 0 || vch_str_eq(filter->pairing_id, event->pairing_id));
}
