#include "agent/bundle.h"

#include <string.h>

#include "base/val.h"
#include "core/claim_text.h"

static enum vch_exit not_a_claim(const char *path, const char *what, struct vch_outcome *outcome) {
    return vch_outcome_set(outcome, VCH_EXIT_CREDENTIALS, "Make a new one: vouch claim create --out DIR.",
                           "The claim bundle %s %s.", path, what);
}

static void take_settings(struct vch_options *options, const struct vch_val *bundle) {
    static const struct {
        const char *member;
        enum vch_opt opt;
    } rows[] = {{"endpoint", VCH_OPT_ENDPOINT}, {"templateName", VCH_OPT_TEMPLATE}, {"thingName", VCH_OPT_THING_NAME}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct vch_str text = vch_val_str_at(bundle, rows[i].member);
        if (text.len) vch_options_set(options, rows[i].opt, text, VCH_SOURCE_CLAIM);
    }
    vch_options_set(options, VCH_OPT_FLEET, VCH_STR("true"), VCH_SOURCE_CLAIM);
    const struct vch_val *parameters = vch_val_get(bundle, "parameters");
    if (!vch_val_is(parameters, VCH_VAL_MAP)) return;
    struct vch_buf buf;
    struct vch_str text;
    vch_buf_init(&buf, 65536);
    vch_json_encode(parameters, &buf);
    if (vch_buf_finish(&buf, &text) == VCH_OK) vch_options_set(options, VCH_OPT_PARAMETERS, text, VCH_SOURCE_CLAIM);
    vch_buf_deinit(&buf);
}

static int port_at(const struct vch_val *bundle, const char *name) {
    int64_t port = vch_val_int_at(bundle, name, 0);
    return port > 0 && port < 65536 ? (int)port : 0;
}

static enum vch_exit take(const struct vch_val *bundle, const char *path, struct vch_options *options,
                          struct vch_credentials *credentials, struct vch_bundle *ret, struct vch_outcome *outcome) {
    struct vch_str certificate = vch_val_str_at(bundle, "certificatePem"), root = vch_val_str_at(bundle, "rootCa");
    struct vch_str key = vch_val_str_at(bundle, "privateKey");
    if (key.len == 0) key = vch_val_str_at(vch_val_get(bundle, "keyPair"), "PrivateKey");
    if (certificate.len == 0 || key.len == 0)
        return not_a_claim(path, "has no certificatePem or no private key", outcome);
    take_settings(options, bundle);
    ret->mqtt_port = port_at(bundle, "mqttPort");
    ret->edge_port = port_at(bundle, "edgePort");
    ret->has_root = root.len > 0;
    VCH_STEP(vch_credentials_take(credentials, certificate, key, outcome));
    return root.len ? vch_credentials_take_root(credentials, root, outcome) : VCH_EXIT_OK;
}

enum vch_exit vch_bundle_read(struct vch_str text, const char *path, struct vch_options *options,
                              struct vch_credentials *credentials, struct vch_bundle *ret,
                              struct vch_outcome *outcome) {
    struct vch_val *bundle = NULL;
    *ret = (struct vch_bundle){0};
    if (vch_claim_text_is(text)) return vch_bundle_read_text(text, path, options, credentials, ret, outcome);
    struct vch_arena *arena = vch_arena_new(1 << 20, true);
    enum vch_err err = arena ? vch_json_decode(text, NULL, arena, &bundle, NULL) : VCH_ERR_NOMEM;
    enum vch_exit exit = err == VCH_OK && bundle->type == VCH_VAL_MAP
                             ? take(bundle, path, options, credentials, ret, outcome)
                             : not_a_claim(path, "is neither a JSON object nor the text of a QR code", outcome);
    vch_arena_free(arena);
    return exit;
}

enum vch_exit vch_bundle_load(const char *path, struct vch_options *options, struct vch_credentials *credentials,
                              struct vch_bundle *ret, struct vch_report *report, struct vch_outcome *outcome) {
    struct vch_buf text;
    bool piped = strcmp(path, "-") == 0;
    *ret = (struct vch_bundle){0};
    vch_buf_init_secret(&text, 65536);
    enum vch_exit exit = vch_text_load(piped ? "/dev/stdin" : path, "claim bundle", &text, outcome);
    if (exit == VCH_EXIT_OK && !piped) exit = vch_mode_check(path, true, report, outcome);
    if (exit == VCH_EXIT_OK)
        exit = vch_bundle_read(vch_str_of(text.ptr, text.len), piped ? "on standard input" : path, options, credentials,
                               ret, outcome);
    vch_buf_deinit(&text);
    return exit;
}
