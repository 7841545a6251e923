/* A device asks to be vouched for. Source: RFC 8628 3.1, 3.2, 5. */
#include "base/clock.h"
#include "base/codec.h"
#include "base/digest.h"
#include "core/names.h"
#include "core/pair_code.h"
#include "core/reason.h"
#include "pki/csr.h"
#include "service/claim_watch.h"
#include "service/json_text.h"
#include "service/pairing_priv.h"

enum { SUGGESTED_MAX = 20, SUGGESTED_NAME_MAX = 128, SUGGESTED_VALUE_MAX = 256, DRAWS = 8, CODE_BYTES = 32 };

struct start {
    struct vch_call *call;
    struct vch_rec_pairing record;
    struct vch_str device_code;
    char shown[VCH_PAIR_CODE_LEN + 2];
    int64_t waiting_max;
};

/* The first too many of an address is a row of the ledger; `vouch why` remembers all. */
static enum vch_err throttle(const struct vch_call *call, bool first, const char *whose, int bound) {
    enum vch_err err = VCH_REFUSE(call->diag, VCH_ERR_THROTTLED, PAIRING_THROTTLED, "", "%s may begin %d pairings a minute.", whose, bound);
    if (first) vch_pairing_refused(call, "StartPairing", err);
    return err;
}

static enum vch_err check_rate(const struct vch_call *call) {
    struct vch_pairings *memory = call->service->pairings;
    unsigned own = vch_pairing_count(memory, VCH_PAIRING_COUNT_STARTS, call->caller.source_ip, call->now_ms);
    unsigned site = vch_pairing_count(memory, VCH_PAIRING_COUNT_SITE, call->caller.source_ip, call->now_ms);
    if (own > VCH_PAIRING_STARTS_A_MINUTE)
        return throttle(call, own == VCH_PAIRING_STARTS_A_MINUTE + 1, "An address", VCH_PAIRING_STARTS_A_MINUTE);
    if (site > VCH_PAIRING_STARTS_OF_SITE)
        return throttle(call, site == VCH_PAIRING_STARTS_OF_SITE + 1, "A network", VCH_PAIRING_STARTS_OF_SITE);
    return VCH_OK;
}

/* So that a few who flood do not take every place. */
static int64_t places_for(const struct vch_call *call) {
    unsigned lately = vch_pairing_count(call->service->pairings, VCH_PAIRING_COUNT_LATELY, call->caller.source_ip, call->now_ms);
    return lately > VCH_PAIRING_FEW ? VCH_PAIRING_WAITING_OF_MANY : VCH_PAIRING_WAITING_MAX;
}

/* They are shown to a person, who may take them over: short and readable. */
static enum vch_err check_suggested(const struct vch_call *call, const struct vch_val *suggested) {
    size_t bytes = 0;
    if (suggested->count > SUGGESTED_MAX)
        return VCH_REFUSE(call->diag, VCH_ERR_INVALID, PARAMETER_INVALID, "parameters", "A device suggests at most %d parameters.", SUGGESTED_MAX);
    for (size_t i = 0; i < suggested->count; i++) {
        const struct vch_member *m = &suggested->members[i];
        bool sound = m->name.len && vch_text_valid(m->name, SUGGESTED_NAME_MAX) && m->value.type == VCH_VAL_STR &&
                     vch_text_valid(m->value.str, SUGGESTED_VALUE_MAX);
        if (!sound)
            return VCH_REFUSE(call->diag, VCH_ERR_INVALID, PARAMETER_INVALID, "parameters",
                              "A suggested parameter is a name of at most %d and a value of at most %d readable characters.",
                              SUGGESTED_NAME_MAX, SUGGESTED_VALUE_MAX);
        bytes += m->name.len + m->value.str.len;
    }
    if (bytes <= VCH_PAIRING_SUGGESTED_MAX) return VCH_OK;
    return VCH_REFUSE(call->diag, VCH_ERR_INVALID, PARAMETER_INVALID, "parameters", "All suggested parameters have at most %d bytes.",
                      VCH_PAIRING_SUGGESTED_MAX);
}

static enum vch_err read_device(struct start *s) {
    struct vch_call *call = s->call;
    struct vch_csr csr;
    char hex[VCH_SHA256_HEX];
    const struct vch_val *suggested = vch_val_get(call->in, "parameters");
    VCH_TRY(vch_csr_check(vch_val_str_at(call->in, "certificateSigningRequest"), call->arena, &csr, call->diag));
    vch_sha256_hex(csr.spki, hex);
    s->record.spki = csr.spki;
    s->record.key = vch_arena_str(call->arena, vch_str_from(hex));
    s->record.serial = vch_val_str_at(call->in, "serialNumber");
    s->record.model = vch_val_str_at(call->in, "model");
    s->record.source_ip = call->caller.source_ip;
    s->record.suggested = VCH_STR("{}");
    if (!s->record.key.ptr) return VCH_ERR_NOMEM;
    if (!suggested) return VCH_OK;
    VCH_TRY(check_suggested(call, suggested));
    return vch_json_text(call, suggested, &s->record.suggested);
}

/* ---- codes ---- */

/* Uniform below `below`, which is far less than 256. */
static uint8_t draw(unsigned below) {
    uint8_t byte;
    do vch_random(&byte, 1);
    while (byte >= 256 / below * below);
    return (uint8_t)(byte % below);
}

static struct vch_str draw_user_code(struct vch_arena *arena) {
    uint8_t values[VCH_PAIR_CODE_FREE];
    char code[VCH_PAIR_CODE_LEN + 1];
    do
        for (size_t i = 0; i < VCH_PAIR_CODE_FREE; i++) values[i] = draw(VCH_PAIR_CODE_SYMBOLS);
    while (!vch_pair_code_make(values, code));
    return vch_arena_str(arena, vch_str_from(code));
}

static enum vch_err draw_device_code(struct start *s) {
    uint8_t secret[CODE_BYTES];
    struct vch_buf buf;
    struct vch_str text;
    vch_random(secret, sizeof secret);
    vch_buf_init_secret(&buf, 64);
    vch_base64url(vch_str_of(secret, sizeof secret), &buf);
    vch_wipe(secret, sizeof secret);
    enum vch_err err = vch_buf_finish(&buf, &text);
    if (err == VCH_OK) s->device_code = vch_arena_str(s->call->arena, text);
    vch_buf_deinit(&buf);
    if (err != VCH_OK || !s->device_code.ptr) return VCH_ERR_NOMEM;
    s->record.device_hash = vch_pairing_hash(s->call->arena, s->device_code);
    return s->record.device_hash.ptr ? VCH_OK : VCH_ERR_NOMEM;
}

struct vch_str vch_pairing_hash(struct vch_arena *arena, struct vch_str device_code) {
    uint8_t *hash = vch_arena_alloc(arena, VCH_SHA256_LEN);
    if (!hash) return (struct vch_str){NULL, 0};
    vch_sha256(device_code, hash);
    return vch_str_of(hash, VCH_SHA256_LEN);
}

/* ---- saving ---- */

enum vch_err vch_pairing_row(const struct vch_call *call, const char *event, const struct vch_rec_pairing *pairing,
                             struct vch_rec_ledger *ret, struct vch_val **ret_map) {
    *ret = vch_call_ledger(call, event);
    *ret_map = vch_val_new_map(call->arena);
    if (!*ret_map) return VCH_ERR_NOMEM;
    return vch_val_put_str(call->arena, *ret_map, "pairingId", pairing->id);
}

/* Anybody may cause this row: the flood's rows are counted, not written. */
static enum vch_err plan_row(struct start *s, struct vch_plan *plan) {
    struct vch_call *call = s->call;
    struct vch_rec_ledger *row = VCH_ARENA_NEW(call->arena, struct vch_rec_ledger);
    struct vch_val *map;
    int64_t left_out;
    if (!row) return VCH_ERR_NOMEM;
    if (!vch_pairing_row_fits(call->service->pairings, VCH_PAIRING_ROWS_STARTS, VCH_STR(""), vch_mono_us(), &left_out)) return VCH_OK;
    VCH_TRY(vch_pairing_row(call, "pairing-started", &s->record, row, &map));
    VCH_TRY(vch_val_put_str(call->arena, map, "serialNumber", s->record.serial));
    if (s->record.model.len) VCH_TRY(vch_val_put_str(call->arena, map, "model", s->record.model));
    VCH_TRY(vch_val_put_str(call->arena, map, "key", s->record.key));
    if (left_out) VCH_TRY(vch_val_put_int(call->arena, map, "leftOut", left_out));
    VCH_TRY(vch_ledger_detail(call, map, row));
    vch_plan_ledger(plan, row);
    return VCH_OK;
}

static enum vch_err save(struct start *s) {
    struct vch_call *call = s->call;
    char uuid[37];
    vch_uuid(uuid);
    s->record.id = vch_arena_str(call->arena, vch_str_from(uuid));
    s->record.user_code = draw_user_code(call->arena);
    VCH_TRY(draw_device_code(s));
    struct vch_plan *plan = vch_plan_new(call->arena);
    if (!plan || !s->record.id.ptr || !s->record.user_code.ptr) return VCH_ERR_NOMEM;
    vch_plan_pairing_insert(plan, &s->record, s->waiting_max);
    VCH_TRY(plan_row(s, plan));
    return vch_store_apply(call->service->store, plan, call->diag);
}

static enum vch_err answer(struct start *s) {
    struct vch_call *call = s->call;
    struct vch_arena *arena = call->arena;
    struct vch_str origin = vch_pairing_origin(call), root;
    struct vch_str uri = vch_arena_printf(arena, "%.*s/install", VCH_STR_ARG(origin));
    struct vch_str whole = vch_arena_printf(arena, "%.*s#c=%.*s", VCH_STR_ARG(uri), VCH_STR_ARG(s->record.user_code));
    vch_pair_code_show(s->record.user_code.ptr, s->shown);
    struct vch_str shown = vch_arena_str(arena, vch_str_from(s->shown));
    if (!origin.ptr || !uri.ptr || !whole.ptr || !shown.ptr) return VCH_ERR_NOMEM;
    VCH_TRY(vch_pairing_root_fingerprint(call, &root));
    VCH_TRY(vch_val_put_str(arena, call->out, "pairingId", s->record.id));
    VCH_TRY(vch_val_put_str(arena, call->out, "deviceCode", s->device_code));
    VCH_TRY(vch_val_put_str(arena, call->out, "userCode", shown));
    VCH_TRY(vch_val_put_str(arena, call->out, "verificationUri", uri));
    VCH_TRY(vch_val_put_str(arena, call->out, "verificationUriComplete", whole));
    VCH_TRY(vch_val_put_time(arena, call->out, "expiration", s->record.expires_ms));
    VCH_TRY(vch_val_put_int(arena, call->out, "expiresIn", VCH_PAIRING_LIFE_S));
    VCH_TRY(vch_val_put_int(arena, call->out, "interval", VCH_PAIRING_INTERVAL_S));
    return vch_val_put_str(arena, call->out, "serverFingerprint", root);
}

enum vch_err vch_pairing_served(const struct vch_call *call) {
    if (call->service->pairings) return VCH_OK;
    return VCH_REFUSE(call->diag, VCH_ERR_UNAVAILABLE, INTERNAL, "", "Pairing is not served here.");
}

static enum vch_err start(struct vch_call *call) {
    struct start s = {.call = call,
                      .record = {.created_ms = call->now_ms, .expires_ms = call->now_ms + VCH_PAIRING_LIFE_S * INT64_C(1000)}};
    VCH_TRY(check_rate(call));
    VCH_TRY(read_device(&s));
    s.waiting_max = places_for(call);
    enum vch_err err = VCH_ERR_EXISTS;
    for (int i = 0; i < DRAWS && err == VCH_ERR_EXISTS; i++) err = save(&s); /* the code of another one */
    VCH_TRY(err);
    return answer(&s);
}

enum vch_err vch_uc_start_pairing(struct vch_call *call) {
    VCH_TRY(vch_pairing_served(call));
    enum vch_err err = start(call);
    if (err != VCH_OK) vch_pairing_tell_why(call, "StartPairing", vch_val_str_at(call->in, "serialNumber"));
    return err;
}
