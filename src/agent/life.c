#include "agent/life.h"

#include <stdlib.h>

#include "agent/credentials.h"

static const char *text(const struct vch_options *o, enum vch_opt opt) {
    return vch_options_text(o, opt);
}

static bool has(const struct vch_options *o, enum vch_opt opt) {
    return vch_options_has(o, opt);
}

static const char *or_null(const struct vch_options *o, enum vch_opt opt) {
    return has(o, opt) ? text(o, opt) : NULL;
}

/* ---- tokens ------------------------------------------------------------- */

/* RFC 3986 2.3: what needs no percent sign. */
static void put_encoded(struct vch_buf *buf, const char *name, struct vch_str value) {
    vch_buf_printf(buf, "%s=", name);
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.ptr[i];
        bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' ||
                     c == '.' || c == '_' || c == '~';
        if (plain)
            vch_buf_u8(buf, c);
        else
            vch_buf_printf(buf, "%%%02X", c);
    }
}

static enum vch_exit use_secure_element(struct vch_options *o, struct vch_outcome *outcome) {
    struct vch_buf uri;
    struct vch_str whole;
    if (!has(o, VCH_OPT_SECURE_ELEMENT_LABEL) || !has(o, VCH_OPT_PKCS11_LIB))
        return vch_outcome_set(outcome, VCH_EXIT_CONFIG, "Give --pkcs11-lib and --secure-element-key-label.",
                               "The secure element's module or key has no name.");
    vch_buf_init(&uri, 1024);
    vch_buf_c(&uri, "pkcs11:");
    put_encoded(&uri, "object", o->settings[VCH_OPT_SECURE_ELEMENT_LABEL].text);
    if (has(o, VCH_OPT_SECURE_ELEMENT_TOKEN)) {
        vch_buf_c(&uri, ";");
        put_encoded(&uri, "token", o->settings[VCH_OPT_SECURE_ELEMENT_TOKEN].text);
    }
    if (has(o, VCH_OPT_SECURE_ELEMENT_SLOT)) {
        vch_buf_c(&uri, ";");
        put_encoded(&uri, "slot-id", o->settings[VCH_OPT_SECURE_ELEMENT_SLOT].text);
    }
    enum vch_err err = vch_buf_finish(&uri, &whole);
    if (err == VCH_OK && !has(o, VCH_OPT_KEY)) vch_options_set(o, VCH_OPT_KEY, whole, VCH_SOURCE_CLI);
    if (err == VCH_OK && !has(o, VCH_OPT_DEVICE_KEY) && vch_options_on(o, VCH_OPT_FLEET))
        vch_options_set(o, VCH_OPT_DEVICE_KEY, whole, VCH_SOURCE_CLI);
    vch_buf_deinit(&uri);
    if (err == VCH_OK) return VCH_EXIT_OK;
    return vch_outcome_set(outcome, VCH_EXIT_CONFIG, NULL, "The names of the secure element are too long.");
}

static enum vch_exit check_uris(const struct vch_options *o, struct vch_outcome *outcome) {
    static const enum vch_opt keys[] = {VCH_OPT_KEY, VCH_OPT_DEVICE_KEY};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        struct vch_diag diag = {0};
        struct vch_str uri = o->settings[keys[i]].text;
        if (vch_key_is_uri(uri) && vch_key_uri_check(uri, &diag) != VCH_OK)
            return vch_outcome_diag(outcome, VCH_EXIT_CONFIG,
                                    "Write pkcs11:token=T;object=K or handle:0x81000001; the PIN comes from "
                                    "--token-pin-file or VOUCH_TOKEN_PIN.",
                                    &diag);
    }
    return VCH_EXIT_OK;
}

static struct vch_str without_newline(struct vch_str s) {
    while (s.len && (s.ptr[s.len - 1] == '\n' || s.ptr[s.len - 1] == '\r')) s.len--;
    return s;
}

static enum vch_exit open_with_pin(struct vch_options *o, struct vch_report *report, struct vch_outcome *outcome) {
    struct vch_buf pin;
    const char *variable = getenv("VOUCH_TOKEN_PIN");
    const char *module = or_null(o, VCH_OPT_PKCS11_LIB);
    enum vch_exit exit = VCH_EXIT_OK;
    vch_buf_init_secret(&pin, 4096);
    if (has(o, VCH_OPT_TOKEN_PIN_FILE)) {
        exit = vch_text_load(text(o, VCH_OPT_TOKEN_PIN_FILE), "PIN file", &pin, outcome);
        if (exit == VCH_EXIT_OK) exit = vch_mode_check(text(o, VCH_OPT_TOKEN_PIN_FILE), true, report, outcome);
    } else if (variable) {
        vch_buf_c(&pin, variable);
    } else if (has(o, VCH_OPT_SECURE_ELEMENT_PIN)) {
        if (o->settings[VCH_OPT_SECURE_ELEMENT_PIN].source == VCH_SOURCE_CLI)
            vch_report_line(report, VCH_REPORT_WARN, "pin",
                            "The PIN stands on the command line, where other users see it: use --token-pin-file.");
        vch_buf_str(&pin, o->settings[VCH_OPT_SECURE_ELEMENT_PIN].text);
    }
    if (exit == VCH_EXIT_OK) vch_keystore_open(module, without_newline(vch_str_of(pin.ptr, pin.len)));
    (void)unsetenv("VOUCH_TOKEN_PIN");
    vch_buf_deinit(&pin);
    return exit;
}

enum vch_exit vch_life_tokens(struct vch_options *options, struct vch_report *report, struct vch_outcome *outcome) {
    if (vch_options_on(options, VCH_OPT_SECURE_ELEMENT)) VCH_STEP(use_secure_element(options, outcome));
    VCH_STEP(check_uris(options, outcome));
    return open_with_pin(options, report, outcome);
}

static enum vch_exit read_type(const struct vch_options *o, enum vch_key_type *ret, struct vch_outcome *outcome) {
    if (vch_key_type_parse(vch_str_from(text(o, VCH_OPT_KEY_TYPE)), ret) == VCH_OK) return VCH_EXIT_OK;
    return vch_outcome_set(outcome, VCH_EXIT_CONFIG, "Give ec-p256, ec-p384, rsa-2048 or rsa-3072.",
                           "The key type \"%.40s\" is not known.", text(o, VCH_OPT_KEY_TYPE));
}

enum vch_exit vch_life_request(const struct vch_options *options, struct vch_buf *key, struct vch_buf *request,
                               struct vch_outcome *outcome) {
    enum vch_key_type type;
    struct vch_diag diag = {0};
    VCH_STEP(read_type(options, &type, outcome));
    enum vch_err err =
        vch_key_request(type, vch_str_from(text(options, VCH_OPT_DEVICE_KEY)), key, request, &diag);
    if (err == VCH_OK) return VCH_EXIT_OK;
    return vch_outcome_diag(outcome, has(options, VCH_OPT_DEVICE_KEY) ? VCH_EXIT_CREDENTIALS : VCH_EXIT_LOCAL,
                            "Check the token, its name and its PIN.", &diag);
}

/* ---- settings of the life after provisioning ---------------------------- */

static void set_events(const struct vch_options *o, struct vch_events *e) {
    e->program = or_null(o, VCH_OPT_ON_EVENT);
    e->limit_ms = 1000 * (int64_t)vch_options_int(o, VCH_OPT_EVENT_SECONDS);
    e->state_dir = text(o, VCH_OPT_STATE_DIR);
    e->device_config = or_null(o, VCH_OPT_DEVICE_CONFIG);
}

enum vch_exit vch_life_settings(const struct vch_options *options, struct vch_serve *serve, struct vch_renew *renew,
                                struct vch_outcome *outcome) {
    if (has(options, VCH_OPT_ON_EVENT)) VCH_STEP(vch_events_check(text(options, VCH_OPT_ON_EVENT), outcome));
    set_events(options, &serve->events);
    serve->events.report = serve->report;
    serve->events.thing_name = serve->client_id;
    serve->events.certificate = text(options, VCH_OPT_CERT);
    serve->heartbeat_topic = or_null(options, VCH_OPT_HEARTBEAT_TOPIC);
    serve->heartbeat_ms = 1000 * (int64_t)vch_options_int(options, VCH_OPT_HEARTBEAT_SECONDS);
    if (serve->heartbeat_ms < 1000) serve->heartbeat_ms = 1000;
    serve->sample.on_change = vch_options_on(options, VCH_OPT_PUBLISH_ON_CHANGE);
    serve->stay_revoked = vch_options_on(options, VCH_OPT_STAY_WHEN_REVOKED);
    serve->renew_by_age = vch_options_on(options, VCH_OPT_RENEW);
    serve->renew_now = vch_options_on(options, VCH_OPT_RENEW_NOW);
    VCH_STEP(read_type(options, &renew->key_type, outcome));
    renew->template_name = text(options, VCH_OPT_TEMPLATE);
    if (!renew->template_name[0] && renew->runtime->template_name.len)
        renew->template_name = renew->runtime->template_name.ptr;
    renew->parameters = or_null(options, VCH_OPT_PARAMETERS);
    if (renew->runtime->completed) serve->renew = renew;
    if (!serve->renew_now || serve->renew) return VCH_EXIT_OK;
    return vch_outcome_set(outcome, VCH_EXIT_CONFIG, "Provision the device first.",
                           "There is no identity in the state folder that could be renewed.");
}

enum vch_exit vch_life_device_config(const struct vch_options *options, const struct vch_runtime *runtime,
                                     struct vch_outcome *outcome) {
    struct vch_buf buf;
    struct vch_str whole;
    if (!has(options, VCH_OPT_DEVICE_CONFIG) || !runtime->completed) return VCH_EXIT_OK;
    vch_buf_init(&buf, 262144);
    vch_buf_str(&buf, runtime->device_config.len ? runtime->device_config : VCH_STR("{}"));
    vch_buf_c(&buf, "\n");
    enum vch_exit exit = vch_buf_finish(&buf, &whole) == VCH_OK
                             ? vch_state_write(text(options, VCH_OPT_DEVICE_CONFIG), whole, 0640, outcome)
                             : vch_outcome_set(outcome, VCH_EXIT_LOCAL, NULL, "The device configuration is too large.");
    vch_buf_deinit(&buf);
    return exit;
}

void vch_life_refused(const struct vch_options *options, struct vch_report *report,
                      const struct vch_outcome *outcome) {
    struct vch_outcome unfit = {0};
    struct vch_events events = {.report = report};
    if (!has(options, VCH_OPT_ON_EVENT) || vch_events_check(text(options, VCH_OPT_ON_EVENT), &unfit) != VCH_EXIT_OK)
        return;
    set_events(options, &events);
    events.thing_name = or_null(options, VCH_OPT_THING_NAME);
    vch_events_raise(&events, VCH_EVENT_REFUSED, "", outcome->sentence);
    vch_events_drain(&events);
}
