#include "agent/pair_state.h"

#include <unistd.h>

#include "agent/credentials.h"
#include "base/file.h"

enum { FILE_MAX = 131072 };

static const char *path_of(const struct vch_state *state) {
    return vch_state_path(state, "keys/pairing.json");
}

/* ---- reading ----------------------------------------------------------------------- */

static const struct {
    const char *name;
    size_t at;
} rows[] = {
    {"server", offsetof(struct vch_pairing, server)},
    {"serialNumber", offsetof(struct vch_pairing, serial)},
    {"model", offsetof(struct vch_pairing, model)},
    {"suggested", offsetof(struct vch_pairing, suggested)},
    {"keySource", offsetof(struct vch_pairing, key_source)},
    {"key", offsetof(struct vch_pairing, key)},
    {"request", offsetof(struct vch_pairing, request)},
    {"rootPem", offsetof(struct vch_pairing, root_pem)},
    {"pairingId", offsetof(struct vch_pairing, codes.pairing_id)},
    {"deviceCode", offsetof(struct vch_pairing, codes.device_code)},
    {"userCode", offsetof(struct vch_pairing, codes.user_code)},
    {"verificationUri", offsetof(struct vch_pairing, codes.uri)},
    {"verificationUriComplete", offsetof(struct vch_pairing, codes.uri_complete)},
};

static struct vch_str *member(struct vch_pairing *pairing, size_t row) {
    return (struct vch_str *)(void *)((char *)pairing + rows[row].at);
}

bool vch_pairing_read(const struct vch_val *document, struct vch_arena *arena, struct vch_pairing *ret) {
    const struct vch_val *claim = vch_val_get(document, "claim");
    *ret = (struct vch_pairing){0};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) *member(ret, i) = vch_val_str_at(document, rows[i].name);
    ret->root_given = vch_val_bool_at(document, "rootGiven", false);
    ret->expires_ms = vch_val_int_at(document, "expiresMillis", 0);
    ret->codes.interval_s = vch_val_int_at(document, "interval", 5);
    if (ret->codes.interval_s < 1 || ret->codes.interval_s > VCH_PAIR_INTERVAL_MAX_S) return false;
    if (ret->server.len == 0 || ret->key.len == 0 || ret->request.len == 0) return false;
    bool begun = ret->codes.device_code.len > 0;
    if (begun && (ret->codes.user_code.len == 0 || ret->root_pem.len == 0 || !vch_pair_uri_is_plain(ret->codes.uri) ||
                  !vch_pair_uri_is_plain(ret->codes.uri_complete)))
        return false;
    if (!claim) return true;
    ret->has_claim = true;
    return begun && vch_pair_claim_read(claim, arena, &ret->claim, NULL) == VCH_OK;
}

static bool read_text(const struct vch_state *state, struct vch_str text, struct vch_pairing *ret) {
    struct vch_val *document = NULL;
    return vch_json_decode(text, NULL, state->arena, &document, NULL) == VCH_OK &&
           vch_pairing_read(document, state->arena, ret);
}

enum vch_exit vch_pairing_load(const struct vch_state *state, struct vch_pairing *ret, bool *ret_found,
                               struct vch_report *report, struct vch_outcome *outcome) {
    struct vch_buf text;
    struct vch_diag diag = {0};
    const char *path = path_of(state);
    *ret_found = false;
    vch_buf_init_secret(&text, FILE_MAX);
    enum vch_err err = vch_file_read(path, &text, &diag);
    enum vch_exit exit = VCH_EXIT_OK;
    if (err == VCH_OK) exit = vch_mode_check(path, true, report, outcome);
    if (err == VCH_OK && exit == VCH_EXIT_OK) *ret_found = read_text(state, vch_str_of(text.ptr, text.len), ret);
    if (err != VCH_ERR_NOT_FOUND && exit == VCH_EXIT_OK && !*ret_found)
        vch_report_line(report, VCH_REPORT_WARN, "abandoned",
                        "The pairing in %s cannot be gone on with; beginning anew.", path);
    vch_buf_deinit(&text);
    return exit;
}

bool vch_pairing_same(const struct vch_pairing *kept, const struct vch_pairing *wanted) {
    return vch_str_eq(kept->server, wanted->server) && vch_str_eq(kept->serial, wanted->serial) &&
           vch_str_eq(kept->model, wanted->model) && vch_str_eq(kept->suggested, wanted->suggested) &&
           vch_str_eq(kept->key_source, wanted->key_source);
}

/* ---- writing ----------------------------------------------------------------------- */

static void write_all(const struct vch_pairing *pairing, struct vch_buf *buf) {
    struct vch_pairing copy = *pairing;
    vch_buf_u8(buf, '{');
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        vch_buf_printf(buf, "\"%s\": ", rows[i].name);
        vch_json_encode_str(*member(&copy, i), buf);
        vch_buf_c(buf, ",\n ");
    }
    vch_buf_printf(buf, "\"rootGiven\": %s, \"expiresMillis\": %lld, \"interval\": %lld",
                   pairing->root_given ? "true" : "false", (long long)pairing->expires_ms,
                   (long long)(pairing->codes.interval_s ? pairing->codes.interval_s : 5));
    if (pairing->has_claim) {
        vch_buf_c(buf, ",\n \"claim\": ");
        vch_pair_claim_write(&pairing->claim, buf);
    }
    vch_buf_c(buf, "}\n");
}

enum vch_exit vch_pairing_save(const struct vch_state *state, const struct vch_pairing *pairing,
                               struct vch_outcome *outcome) {
    struct vch_buf buf;
    struct vch_str text;
    vch_buf_init_secret(&buf, FILE_MAX);
    write_all(pairing, &buf);
    enum vch_exit exit = vch_buf_finish(&buf, &text) == VCH_OK
                             ? vch_state_write(path_of(state), text, 0600, outcome)
                             : vch_outcome_set(outcome, VCH_EXIT_LOCAL, NULL, "The pairing is too large to be kept.");
    vch_buf_deinit(&buf);
    return exit;
}

void vch_pairing_remove(const struct vch_state *state) {
    (void)unlink(path_of(state));
}
