#include "agent/pair_answer.h"

#include <stdio.h>
#include <string.h>

#include "base/codec.h"
#include "core/names.h"

enum { PEM_MAX = 16384, NAME_MAX_ = 128, CODE_MAX = 256, PARAMETERS_MAX = 16384, ARENA_MAX = 65536 };

static const struct vch_val_limits limits = {.depth = 6, .values = 400};

static enum vch_err refuse(struct vch_diag *diag, const char *member) {
    return vch_diag_set(diag, VCH_ERR_MALFORMED, "answer-invalid", member,
                        "The server's answer has no %s that could be used.", member);
}

/* ---- what a member may hold -------------------------------------------------------- */

static bool is_alnum(char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool is_of(struct vch_str s, const char *extra, size_t min, size_t max) {
    for (size_t i = 0; i < s.len; i++)
        if (!is_alnum(s.ptr[i]) && (s.ptr[i] == '\0' || !strchr(extra, s.ptr[i]))) return false;
    return s.len >= min && s.len <= max;
}

/* RFC 3986 2, without what shells and terminals read otherwise. */
bool vch_pair_uri_is_plain(struct vch_str uri) {
    return vch_str_starts(uri, VCH_STR("https://")) && is_of(uri, "-._~:/?#[]@&+,;=%", 9, VCH_PAIR_URI_MAX);
}

static bool is_readable(struct vch_str s, size_t max) {
    return s.len <= max && vch_text_seen(s, max);
}

static int64_t within(int64_t value, int64_t least, int64_t most) {
    return value < least ? least : value > most ? most : value;
}

static enum vch_err read_map(struct vch_str json, struct vch_arena *arena, struct vch_val **ret,
                             struct vch_diag *diag) {
    VCH_TRY(vch_json_decode(json, &limits, arena, ret, diag));
    if ((*ret)->type == VCH_VAL_MAP) return VCH_OK;
    return vch_diag_set(diag, VCH_ERR_MALFORMED, "answer-invalid", "", "The server's answer is not a JSON object.");
}

/* ---- StartPairing ------------------------------------------------------------------ */

enum vch_err vch_pair_start_read(struct vch_str json, struct vch_arena *arena, struct vch_pair_start *ret,
                                 struct vch_diag *diag) {
    struct vch_val *map = NULL;
    uint8_t digest[32];
    VCH_TRY(read_map(json, arena, &map, diag));
    *ret = (struct vch_pair_start){
        .pairing_id = vch_val_str_at(map, "pairingId"),
        .device_code = vch_val_str_at(map, "deviceCode"),
        .user_code = vch_val_str_at(map, "userCode"),
        .uri = vch_val_str_at(map, "verificationUri"),
        .uri_complete = vch_val_str_at(map, "verificationUriComplete"),
        .server_fingerprint = vch_val_str_at(map, "serverFingerprint"),
        .expires_in_s = within(vch_val_int_at(map, "expiresIn", 600), 1, VCH_PAIR_LIFE_MAX_S),
        .interval_s = within(vch_val_int_at(map, "interval", 5), 1, VCH_PAIR_INTERVAL_MAX_S),
    };
    if (!is_of(ret->device_code, "-_", 16, CODE_MAX)) return refuse(diag, "deviceCode");
    if (!is_of(ret->user_code, "-", 4, 16)) return refuse(diag, "userCode");
    if (!is_of(ret->pairing_id, "-_", 1, 64)) return refuse(diag, "pairingId");
    if (!vch_pair_uri_is_plain(ret->uri)) return refuse(diag, "verificationUri");
    if (!vch_pair_uri_is_plain(ret->uri_complete) || vch_str_find(ret->uri_complete, '#', 0) == SIZE_MAX)
        return refuse(diag, "verificationUriComplete");
    if (ret->server_fingerprint.len && vch_unhex(ret->server_fingerprint, digest, sizeof digest) != VCH_OK)
        return refuse(diag, "serverFingerprint");
    return VCH_OK;
}

/* ---- PollPairing ------------------------------------------------------------------- */

static int port_at(const struct vch_val *map, const char *name) {
    int64_t port = vch_val_int_at(map, name, 0);
    return port > 0 && port < 65536 ? (int)port : 0;
}

static enum vch_err encode_parameters(const struct vch_val *map, struct vch_arena *arena, struct vch_str *ret) {
    struct vch_buf buf;
    struct vch_str text;
    vch_buf_init(&buf, PARAMETERS_MAX);
    vch_json_encode(map, &buf);
    enum vch_err err = vch_buf_finish(&buf, &text);
    if (err == VCH_OK) *ret = vch_arena_str(arena, text);
    vch_buf_deinit(&buf);
    return err == VCH_OK && !ret->ptr ? VCH_ERR_NOMEM : err;
}

static enum vch_err read_parameters(const struct vch_val *map, struct vch_arena *arena, struct vch_str *ret,
                                    struct vch_diag *diag) {
    *ret = VCH_STR("{}");
    if (!map || map->type == VCH_VAL_NULL) return VCH_OK;
    if (map->type != VCH_VAL_MAP) return refuse(diag, "parameters");
    for (size_t i = 0; i < map->count; i++)
        if (map->members[i].value.type != VCH_VAL_STR) return refuse(diag, "parameters");
    return encode_parameters(map, arena, ret) == VCH_OK ? VCH_OK : refuse(diag, "parameters");
}

enum vch_err vch_pair_claim_read(const struct vch_val *map, struct vch_arena *arena, struct vch_pair_claim *ret,
                                 struct vch_diag *diag) {
    *ret = (struct vch_pair_claim){
        .certificate_pem = vch_val_str_at(map, "certificatePem"),
        .template_name = vch_val_str_at(map, "templateName"),
        .thing_name = vch_val_str_at(map, "thingName"),
        .endpoint = vch_val_str_at(map, "endpoint"),
        .root_pem = vch_val_str_at(map, "rootCaPem"),
        .mqtt_port = port_at(map, "mqttPort"),
        .edge_port = port_at(map, "edgePort"),
    };
    if (ret->certificate_pem.len == 0 || ret->certificate_pem.len > PEM_MAX) return refuse(diag, "certificatePem");
    if (ret->root_pem.len == 0 || ret->root_pem.len > PEM_MAX) return refuse(diag, "rootCaPem");
    if (!is_of(ret->template_name, "-_", 1, NAME_MAX_)) return refuse(diag, "templateName");
    if (!is_of(ret->thing_name, ":_-", 0, NAME_MAX_)) return refuse(diag, "thingName");
    if (!is_of(ret->endpoint, "-._:[]", 1, 253)) return refuse(diag, "endpoint");
    if (!ret->mqtt_port && !ret->edge_port) return refuse(diag, "mqttPort");
    return read_parameters(vch_val_get(map, "parameters"), arena, &ret->parameters, diag);
}

static const struct {
    const char *word;
    enum vch_pair_state state;
} states[] = {{"WAITING", VCH_PAIR_WAITING},  {"LOOKED_AT", VCH_PAIR_LOOKED_AT}, {"APPROVED", VCH_PAIR_OVER},
              {"CLAIM_TAKEN", VCH_PAIR_OVER}, {"CONNECTED", VCH_PAIR_OVER},      {"CERTIFIED", VCH_PAIR_OVER},
              {"REGISTERED", VCH_PAIR_OVER},  {"DONE", VCH_PAIR_OVER},           {"DENIED", VCH_PAIR_DENIED},
              {"EXPIRED", VCH_PAIR_EXPIRED},  {"FAILED", VCH_PAIR_FAILED}};

static enum vch_err read_state(const struct vch_val *map, struct vch_pair_poll *ret, struct vch_diag *diag) {
    struct vch_str word = vch_val_str_at(map, "state");
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        if (!vch_str_eq_c(word, states[i].word)) continue;
        ret->state = states[i].state;
        return VCH_OK;
    }
    return refuse(diag, "state");
}

enum vch_err vch_pair_poll_read(struct vch_str json, struct vch_arena *arena, struct vch_pair_poll *ret,
                                struct vch_diag *diag) {
    struct vch_val *map = NULL;
    *ret = (struct vch_pair_poll){0};
    VCH_TRY(read_map(json, arena, &map, diag));
    VCH_TRY(read_state(map, ret, diag));
    ret->interval_s = within(vch_val_int_at(map, "interval", 5), 1, VCH_PAIR_INTERVAL_MAX_S);
    ret->message = vch_val_str_at(map, "message");
    if (!is_readable(ret->message, 256)) ret->message = VCH_STR("");
    if (ret->state != VCH_PAIR_OVER || !vch_val_get(map, "certificatePem")) return VCH_OK;
    VCH_TRY(vch_pair_claim_read(map, arena, &ret->claim, diag));
    ret->state = VCH_PAIR_CLAIM;
    return VCH_OK;
}

/* ---- in the state folder ----------------------------------------------------------- */

static void put(struct vch_buf *buf, const char *name, struct vch_str value) {
    vch_buf_printf(buf, "\"%s\":", name);
    vch_json_encode_str(value, buf);
    vch_buf_u8(buf, ',');
}

void vch_pair_claim_write(const struct vch_pair_claim *claim, struct vch_buf *buf) {
    vch_buf_u8(buf, '{');
    put(buf, "certificatePem", claim->certificate_pem);
    put(buf, "templateName", claim->template_name);
    put(buf, "thingName", claim->thing_name);
    put(buf, "endpoint", claim->endpoint);
    put(buf, "rootCaPem", claim->root_pem);
    vch_buf_printf(buf, "\"mqttPort\":%d,\"edgePort\":%d,\"parameters\":", claim->mqtt_port, claim->edge_port);
    vch_buf_str(buf, claim->parameters);
    vch_buf_u8(buf, '}');
}

/* ---- refusals ---------------------------------------------------------------------- */

void vch_pair_refusal_read(struct vch_str json, char *out, size_t size) {
    struct vch_arena *arena = vch_arena_new(ARENA_MAX, false);
    struct vch_val *map = NULL;
    out[0] = '\0';
    if (!arena) return;
    if (json.len < ARENA_MAX / 4 && read_map(json, arena, &map, NULL) == VCH_OK) {
        struct vch_str message = vch_val_str_at(map, "message");
        if (is_readable(message, ARENA_MAX)) (void)snprintf(out, size, "%.*s", VCH_STR_ARG(message));
    }
    vch_arena_free(arena);
}
