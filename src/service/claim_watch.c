#include "service/claim_watch.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/map.h"
#include "core/reason.h"
#include "service/change.h"
#include "service/pairing.h"

enum { READ_ARENA_BYTES = 65536, EVENT_MAX = 4096 };
/* Refusals in the ledger: a hundred at once and ten a second of all; eight at once and one in ten seconds of one principal. */
static const int64_t all_pause_us = 100000, all_burst = 100, own_pause_us = 10000000, own_burst = 8;

/* ---- whether a use is as it was ---- */

static unsigned bit(enum vch_alarm alarm) {
    return 1u << alarm;
}

static unsigned alarms_of(const struct vch_rec_claim *claim, struct vch_str client_id, struct vch_str source_ip) {
    unsigned alarms = 0;
    if (claim->uses_max > 1) return 0; /* several devices are expected */
    if (claim->first_source.len && !vch_str_eq(claim->first_source, source_ip)) alarms |= bit(VCH_ALARM_OTHER_NETWORK);
    if (claim->first_source.len && !vch_str_eq(claim->first_client, client_id)) alarms |= bit(VCH_ALARM_UNKNOWN_CLIENT);
    return alarms & ~(unsigned)claim->alarms;
}

enum vch_err vch_claim_may_use(const struct vch_call *call, const struct vch_rec_claim *claim, const struct vch_binding *binding) {
    VCH_TRY(vch_binding_source(binding, call->caller.source_ip, call->diag));
    unsigned alarms = alarms_of(claim, call->caller.client_id, call->caller.source_ip);
    if (alarms) vch_claim_alarms_raise(call, claim->id, alarms);
    return VCH_OK;
}

static enum vch_err may_connect(struct vch_service *service, struct vch_str claim_id, struct vch_str client_id, struct vch_str source_ip,
                                struct vch_arena *arena, struct vch_claim_entry *ret, struct vch_diag *diag) {
    struct vch_rec_claim claim;
    struct vch_binding binding;
    enum vch_err err = vch_store_claim(service->store, claim_id, &claim, arena, NULL);
    if (err == VCH_ERR_NOT_FOUND) return VCH_OK;
    if (err == VCH_OK) err = vch_binding_parse(claim.bindings, arena, &binding);
    if (err != VCH_OK) return VCH_REFUSE(diag, VCH_ERR_UNAVAILABLE, STORE_FAILED, "", "The registry could not be read.");
    *ret = (struct vch_claim_entry){alarms_of(&claim, client_id, source_ip), binding.pairing.len > 0};
    err = vch_binding_source(&binding, source_ip, diag);
    if (err != VCH_OK) ret->alarms |= bit(VCH_ALARM_OTHER_NETWORK) & ~(unsigned)claim.alarms;
    return err;
}

enum vch_err vch_claim_may_connect(struct vch_service *service, struct vch_str claim_id, struct vch_str client_id, struct vch_str source_ip,
                                   struct vch_claim_entry *ret, struct vch_diag *diag) {
    struct vch_arena *arena = vch_arena_new(READ_ARENA_BYTES, false);
    *ret = (struct vch_claim_entry){.alarms = 0};
    if (!arena) return VCH_ERR_NOMEM;
    enum vch_err err = may_connect(service, claim_id, client_id, source_ip, arena, ret, diag);
    vch_arena_free(arena);
    return err;
}

/* ---- alarms ---- */

static enum vch_err put_event(const struct vch_call *call, const struct vch_rec_claim *claim, enum vch_alarm alarm, struct vch_val *map) {
    struct vch_arena *arena = call->arena;
    VCH_TRY(vch_val_put_str(arena, map, "eventType", vch_str_from(vch_alarm_word(alarm))));
    VCH_TRY(vch_val_put_int(arena, map, "timestamp", call->now_ms));
    VCH_TRY(vch_val_put_str(arena, map, "claimId", claim->id));
    VCH_TRY(vch_val_put_str(arena, map, "templateName", claim->template_name));
    VCH_TRY(vch_val_put_str(arena, map, "createdBy", claim->created_by));
    VCH_TRY(vch_val_put_str(arena, map, "sourceIp", call->caller.source_ip));
    VCH_TRY(vch_val_put_str(arena, map, "clientId", call->caller.client_id));
    VCH_TRY(vch_val_put_str(arena, map, "firstSourceIp", claim->first_source));
    return vch_val_put_str(arena, map, "firstClientId", claim->first_client);
}

static void announce(const struct vch_call *call, const struct vch_val *map, enum vch_alarm alarm) {
    const struct vch_service *service = call->service;
    struct vch_buf buf;
    struct vch_str text;
    struct vch_str topic = vch_arena_printf(call->arena, "$vouch/events/claims/%s", vch_alarm_word(alarm));
    if (!service->announce || !topic.ptr) return;
    vch_buf_init(&buf, EVENT_MAX);
    vch_json_encode(map, &buf);
    if (vch_buf_finish(&buf, &text) == VCH_OK) service->announce(service->announce_arg, topic, text);
    vch_buf_deinit(&buf);
}

static enum vch_err record_alarm(const struct vch_call *call, const struct vch_rec_claim *claim, enum vch_alarm alarm, struct vch_val *map) {
    struct vch_plan *plan = vch_plan_new(call->arena);
    struct vch_rec_ledger row = vch_call_ledger(call, "claim-alarm");
    if (!plan) return VCH_ERR_NOMEM;
    row.claim_id = claim->id;
    row.template_name = claim->template_name;
    row.outcome = vch_str_from(vch_alarm_word(alarm));
    VCH_TRY(vch_ledger_detail(call, map, &row));
    vch_plan_claim_alarm(plan, claim->id, alarm);
    vch_plan_ledger(plan, &row);
    return vch_store_apply(call->service->store, plan, NULL);
}

static enum vch_err raise_one(const struct vch_call *call, const struct vch_rec_claim *claim, enum vch_alarm alarm) {
    struct vch_val *map = vch_val_new_map(call->arena);
    if (!map) return VCH_ERR_NOMEM;
    VCH_TRY(put_event(call, claim, alarm, map));
    enum vch_err err = record_alarm(call, claim, alarm, map);
    if (err == VCH_ERR_EXISTS) return VCH_OK; /* raised before */
    VCH_TRY(err);
    atomic_fetch_add(&call->service->watch.alarms[alarm], 1);
    VCH_LOG(WARN, "claim-alarm", VCH_LOG_C("kind", vch_alarm_word(alarm)), VCH_LOG_S("claim", claim->id),
            VCH_LOG_S("client", call->caller.client_id), VCH_LOG_S("ip", call->caller.source_ip));
    announce(call, map, alarm);
    return VCH_OK;
}

void vch_claim_alarms_raise(const struct vch_call *call, struct vch_str claim_id, unsigned alarms) {
    struct vch_rec_claim claim;
    enum vch_err err = vch_store_claim(call->service->store, claim_id, &claim, call->arena, NULL);
    for (enum vch_alarm alarm = 0; err == VCH_OK && alarm < VCH_ALARM_COUNT; alarm++)
        if (alarms & bit(alarm)) err = raise_one(call, &claim, alarm);
    if (err != VCH_OK && err != VCH_ERR_NOT_FOUND) VCH_LOG(ERROR, "claim-alarm-lost", VCH_LOG_S("claim", claim_id), VCH_LOG_C("error", vch_err_word(err)));
}

/* ---- refusals in the ledger ---- */

/* A leaky bucket in one number: when it would be empty again. */
static bool take(atomic_int_fast64_t *next_us, int64_t pause_us, int64_t burst) {
    int64_t now_us = vch_mono_us(), was = atomic_load(next_us);
    for (;;) {
        int64_t from = was > now_us ? was : now_us;
        if (from - now_us > pause_us * (burst - 1)) return false;
        if (atomic_compare_exchange_weak(next_us, &was, from + pause_us)) return true;
    }
}

bool vch_refusal_may_write(struct vch_watch *watch, struct vch_str principal) {
    atomic_fetch_add(&watch->refusals, 1);
    if (take(&watch->slot_us[vch_hash(principal) % VCH_WATCH_SLOTS], own_pause_us, own_burst) &&
        take(&watch->next_us, all_pause_us, all_burst))
        return true;
    atomic_fetch_add(&watch->refusals_left_out, 1);
    return false;
}

static enum vch_err put_refusal(const struct vch_call *call, const char *operation, struct vch_val *map) {
    uint64_t left_out = atomic_exchange(&call->service->watch.refusals_left_out, 0);
    VCH_TRY(vch_val_put_str(call->arena, map, "operation", vch_str_from(operation)));
    if (call->diag->field[0]) VCH_TRY(vch_val_put_str(call->arena, map, "field", vch_str_from(call->diag->field)));
    VCH_TRY(vch_val_put_str(call->arena, map, "message", vch_str_from(call->diag->message)));
    if (left_out) VCH_TRY(vch_val_put_int(call->arena, map, "leftOut", (int64_t)left_out));
    return vch_ledger_put_parameters(call, map, vch_val_get(call->in, "parameters"));
}

/* The pairing that the caller's claim came of; empty: none. */
static struct vch_str pairing_of(const struct vch_call *call) {
    struct vch_rec_claim claim;
    struct vch_binding binding;
    if (call->caller.kind != VCH_CALLER_CLAIM) return VCH_STR("");
    enum vch_err err = vch_store_claim(call->service->store, call->caller.certificate_id, &claim, call->arena, NULL);
    if (err == VCH_OK) err = vch_binding_parse(claim.bindings, call->arena, &binding);
    return err == VCH_OK ? binding.pairing : VCH_STR("");
}

static enum vch_err write_refusal(const struct vch_call *call, const char *operation, enum vch_err err) {
    struct vch_val *map = vch_val_new_map(call->arena);
    struct vch_plan *plan = vch_plan_new(call->arena);
    struct vch_rec_ledger row = vch_call_ledger(call, "provisioning-refused");
    if (!map || !plan) return VCH_ERR_NOMEM;
    struct vch_str template_name = vch_val_str_at(call->in, "templateName");
    if (template_name.len) row.template_name = template_name;
    row.outcome = vch_str_from(call->diag->reason ? call->diag->reason : vch_err_word(err));
    struct vch_str pairing_id = pairing_of(call);
    VCH_TRY(put_refusal(call, operation, map));
    VCH_TRY(vch_pairing_mention(call, map, pairing_id));
    vch_pairing_troubled(call, plan, pairing_id);
    VCH_TRY(vch_ledger_detail(call, map, &row));
    vch_plan_ledger(plan, &row);
    return vch_store_apply(call->service->store, plan, NULL);
}

static unsigned alarm_of(const struct vch_diag *diag) {
    if (!diag->reason) return 0;
    if (strcmp(diag->reason, vch_reason_code(VCH_REASON_CLAIM_SPENT)) == 0) return bit(VCH_ALARM_SECOND_USE);
    return strcmp(diag->reason, vch_reason_code(VCH_REASON_CLAIM_SOURCE)) == 0 ? bit(VCH_ALARM_OTHER_NETWORK) : 0;
}

/* What failed on our side is no deed of the device's, and the registry may be away. */
static bool is_ours(enum vch_err err) {
    return err == VCH_ERR_NOMEM || err == VCH_ERR_IO || err == VCH_ERR_UNAVAILABLE || err == VCH_ERR_INTERNAL || err == VCH_ERR_TIMEOUT;
}

void vch_provisioning_refused(const struct vch_call *call, const char *operation, enum vch_err err) {
    unsigned alarms = call->caller.kind == VCH_CALLER_CLAIM ? alarm_of(call->diag) : 0;
    if (is_ours(err)) return;
    if (alarms) vch_claim_alarms_raise(call, call->caller.certificate_id, alarms);
    if (!vch_refusal_may_write(&call->service->watch, call->caller.certificate_id)) return;
    enum vch_err written = write_refusal(call, operation, err);
    if (written != VCH_OK) VCH_LOG(WARN, "refusal-not-recorded", VCH_LOG_C("error", vch_err_word(written)));
}
