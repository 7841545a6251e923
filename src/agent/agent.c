#include "agent/agent.h"

#include <string.h>
#include <unistd.h>

#include "agent/bundle.h"
#include "agent/clock.h"
#include "agent/enroll.h"
#include "agent/life.h"
#include "agent/lock.h"
#include "agent/pair.h"
#include "agent/stop.h"
#include "base/clock.h"
#include "base/digest.h"

enum { PARAMETERS_MAX = 16384 };

struct agent {
    struct vch_options *options;
    struct vch_report *report;
    struct vch_outcome *outcome;
    struct vch_state state;
    struct vch_lock lock;
    struct vch_runtime runtime;
    struct vch_credentials credentials;
    struct vch_bundle bundle;
    struct vch_link link;
    struct vch_buf own_key, request; /* CSR mode */
    enum vch_clock clock;
    char client_id[160];
    struct vch_str likely_name;
    bool paired;
};

static const char *text(const struct agent *a, enum vch_opt opt) {
    return vch_options_text(a->options, opt);
}

static bool has(const struct agent *a, enum vch_opt opt) {
    return vch_options_has(a->options, opt);
}

static enum vch_exit missing(struct agent *a, const char *what, const char *flag) {
    char next[128];
    (void)snprintf(next, sizeof next, "Give %s, or --claim BUNDLE.", flag);
    return vch_outcome_set(a->outcome, VCH_EXIT_CONFIG, next, "There is no %s.", what);
}

/* ---- what is there ------------------------------------------------------ */

static bool is_file(const char *path) {
    return path && access(path, F_OK) == 0;
}

/* Without a word about the folder, a device that the AWS client provisioned goes
 * on where that one kept its identity. */
static void choose_folder(struct agent *a) {
    struct vch_arena *arena = a->options->arena;
    if (a->options->settings[VCH_OPT_STATE_DIR].source != VCH_SOURCE_DEFAULT) return;
    struct vch_str own = vch_arena_printf(arena, "%s/" VCH_RUNTIME_FILE, text(a, VCH_OPT_STATE_DIR));
    struct vch_str folder = vch_path_expand(VCH_STR("~/.aws-iot-device-client"), arena);
    struct vch_str theirs = vch_arena_printf(arena, "%.*s/" VCH_RUNTIME_FILE, VCH_STR_ARG(folder));
    if (is_file(own.ptr) || !is_file(theirs.ptr)) return;
    vch_options_set(a->options, VCH_OPT_STATE_DIR, folder, VCH_SOURCE_FILE);
    vch_report_line(a->report, VCH_REPORT_INFO, "taken-over",
                    "Going on with the identity of the AWS IoT Device Client in %.*s.", VCH_STR_ARG(folder));
}

/* The AWS client honours the object in its configuration file, too. */
static void load_runtime(struct agent *a) {
    vch_runtime_load(&a->state, &a->runtime, a->report);
    if (!a->runtime.completed && a->options->document) vch_runtime_read(a->options->document, &a->runtime);
    if (!a->runtime.completed) a->runtime = (struct vch_runtime){0};
}

static void take_runtime(struct agent *a) {
    const struct vch_runtime *r = &a->runtime;
    vch_options_set(a->options, VCH_OPT_CERT, r->cert, VCH_SOURCE_RUNTIME);
    vch_options_set(a->options, VCH_OPT_KEY, r->key, VCH_SOURCE_RUNTIME);
    vch_options_set(a->options, VCH_OPT_THING_NAME, r->thing_name, VCH_SOURCE_RUNTIME);
    /* A claim bundle told these; what people set by hand is stronger. */
    if (r->endpoint.len && !has(a, VCH_OPT_ENDPOINT))
        vch_options_set(a->options, VCH_OPT_ENDPOINT, r->endpoint, VCH_SOURCE_CLAIM);
    if (r->root_ca.len && !has(a, VCH_OPT_ROOT_CA))
        vch_options_set(a->options, VCH_OPT_ROOT_CA, r->root_ca, VCH_SOURCE_CLAIM);
    a->bundle.edge_port = r->edge_port;
    a->bundle.mqtt_port = r->mqtt_port;
    vch_report_line(a->report, VCH_REPORT_INFO, "identity", "This device is provisioned as \"%.*s\".",
                    VCH_STR_ARG(r->thing_name));
}

static void warn_missing_features(struct agent *a) {
    char list[512];
    if (vch_options_missing(a->options, list, sizeof list))
        vch_report_line(a->report, VCH_REPORT_WARN, "features",
                        "Switched on but not in this agent yet, and skipped: %s.", list);
}

static enum vch_exit load_root(struct agent *a) {
    if (has(a, VCH_OPT_ROOT_CA)) {
        vch_buf_clear(&a->credentials.root);
        return vch_credentials_load_root(&a->credentials, text(a, VCH_OPT_ROOT_CA), a->report, a->outcome);
    }
    if (a->credentials.root.len == 0)
        vch_report_line(a->report, VCH_REPORT_DEBUG, "root-ca", "Trusting %s.",
                        a->bundle.is_pinned ? "the root certificate that the claim names, and no other"
                                            : "the system's root certificates");
    return VCH_EXIT_OK;
}

/* Two words on whom to trust must be the same. */
static enum vch_exit check_pin(struct agent *a) {
    struct vch_str root = vch_str_of(a->credentials.root.ptr, a->credentials.root.len);
    if (!a->bundle.is_pinned || root.len == 0 || vch_x509_holds(root, a->bundle.root_sha256)) return VCH_EXIT_OK;
    return vch_outcome_set(a->outcome, VCH_EXIT_CREDENTIALS, "Leave --root-ca out, or make a claim on the server of that root.",
                           "The root certificate that the claim names is not in %s.", text(a, VCH_OPT_ROOT_CA));
}

static enum vch_exit pair(struct agent *a) {
    const struct vch_pair pair = {.options = a->options,
                                  .state = &a->state,
                                  .report = a->report,
                                  .credentials = &a->credentials,
                                  .bundle = &a->bundle,
                                  .own_key = &a->own_key,
                                  .request = &a->request};
    enum vch_exit exit = vch_pair_run(&pair, a->outcome);
    a->paired = exit == VCH_EXIT_OK;
    if (!a->paired) vch_pair_conclude(&a->state, exit);
    return exit;
}

static enum vch_exit load_credentials(struct agent *a) {
    if (has(a, VCH_OPT_PAIR) && !a->runtime.completed) return pair(a);
    if (has(a, VCH_OPT_CLAIM) && !a->runtime.completed) {
        VCH_STEP(
            vch_bundle_load(text(a, VCH_OPT_CLAIM), a->options, &a->credentials, &a->bundle, a->report, a->outcome));
    } else {
        if (!has(a, VCH_OPT_CERT)) return missing(a, "certificate", "--cert FILE");
        if (!has(a, VCH_OPT_KEY)) return missing(a, "private key", "--key FILE");
        VCH_STEP(
            vch_credentials_load(&a->credentials, text(a, VCH_OPT_CERT), text(a, VCH_OPT_KEY), a->report, a->outcome));
    }
    VCH_STEP(load_root(a));
    return check_pin(a);
}

/* An enrollment that was cut off after its last write but one. A renewal's journal
 * has the files of the certificate that asked beside it, and is not ours. */
static void drop_finished_journal(const struct agent *a) {
    struct vch_journal journal;
    if (a->runtime.completed) vch_pairing_remove(&a->state);
    if (!a->runtime.completed || !vch_journal_load(&a->state, &journal)) return;
    const char *asker = vch_state_path(&a->state, "keys/%.*s-certificate.pem.crt", VCH_STR_ARG(journal.claim_id));
    if (vch_str_eq_c(journal.certificate_id, a->credentials.validity.id) && !is_file(asker))
        vch_journal_remove(&a->state);
}

/* ---- checks before the first packet ------------------------------------- */

/* Who pins no root has no word that a forger could not have given. */
static void check_clock(struct agent *a) {
    char clock[25], begin[25];
    const struct vch_validity *v = &a->credentials.validity;
    bool is_claim = vch_options_on(a->options, VCH_OPT_FLEET) && !a->runtime.completed;
    int64_t now = vch_now_ms();
    a->clock = vch_clock_judge(v, is_claim, now);
    if (a->clock == VCH_CLOCK_PLAUSIBLE || (is_claim && a->credentials.root.len == 0 && !a->bundle.is_pinned)) return;
    vch_time_iso(now, clock);
    vch_time_iso(v->not_before_ms, begin);
    a->link.time_floor_ms = vch_clock_mend(v);
    vch_report_line(a->report, VCH_REPORT_WARN, "clock",
                    "This device's clock says %s, which cannot be right: going on from %s, which the %s tells.", clock,
                    begin, is_claim ? "claim" : "device certificate");
}

static enum vch_exit bad_parameters(struct agent *a, const char *why) {
    return vch_outcome_set(a->outcome, VCH_EXIT_CONFIG,
                           "Give an object of strings, such as '{\"ThingName\": \"lamp-7\"}'.",
                           "The template parameters %s.", why);
}

static enum vch_exit check_parameters(struct agent *a) {
    struct vch_val *map = NULL;
    struct vch_diag diag = {0};
    if (!has(a, VCH_OPT_PARAMETERS)) vch_options_set(a->options, VCH_OPT_PARAMETERS, VCH_STR("{}"), VCH_SOURCE_RUNTIME);
    struct vch_str json = vch_str_from(text(a, VCH_OPT_PARAMETERS));
    if (json.len > PARAMETERS_MAX) return bad_parameters(a, "are longer than 16 KiB");
    if (vch_json_decode(json, NULL, a->state.arena, &map, &diag) != VCH_OK || map->type != VCH_VAL_MAP)
        return bad_parameters(a, "are not a JSON object");
    for (size_t i = 0; i < map->count; i++)
        if (map->members[i].value.type != VCH_VAL_STR) return bad_parameters(a, "hold a value that is not a string");
    a->likely_name = vch_val_str_at(map, "ThingName");
    return VCH_EXIT_OK;
}

static enum vch_exit read_request(struct agent *a) {
    if (!has(a, VCH_OPT_CSR_FILE) || !has(a, VCH_OPT_DEVICE_KEY))
        return vch_outcome_set(a->outcome, VCH_EXIT_CONFIG, "Give both, or --csr auto.",
                               "--csr-file and --device-key go together.");
    VCH_STEP(vch_text_load(text(a, VCH_OPT_CSR_FILE), "signing request", &a->request, a->outcome));
    if (vch_key_is_uri(vch_str_from(text(a, VCH_OPT_DEVICE_KEY)))) {
        vch_buf_c(&a->own_key, text(a, VCH_OPT_DEVICE_KEY));
    } else {
        VCH_STEP(vch_text_load(text(a, VCH_OPT_DEVICE_KEY), "device key", &a->own_key, a->outcome));
        VCH_STEP(vch_mode_check(text(a, VCH_OPT_DEVICE_KEY), true, a->report, a->outcome));
    }
    enum vch_err err =
        vch_x509_check_request(vch_str_of(a->request.ptr, a->request.len), vch_str_of(a->own_key.ptr, a->own_key.len));
    if (err == VCH_OK) return VCH_EXIT_OK;
    return vch_outcome_set(a->outcome, VCH_EXIT_CREDENTIALS,
                           "Make the request again: openssl req -new -key KEY -out CSR.",
                           err == VCH_ERR_CONFLICT ? "The signing request was not made with the device key."
                                                   : "The signing request or the device key cannot be read.");
}

static enum vch_exit prepare_request(struct agent *a) {
    bool on_token = vch_key_is_uri(vch_str_from(text(a, VCH_OPT_DEVICE_KEY)));
    bool files = has(a, VCH_OPT_CSR_FILE) || (has(a, VCH_OPT_DEVICE_KEY) && !(on_token && has(a, VCH_OPT_CSR)));
    if (!has(a, VCH_OPT_CSR)) return files ? read_request(a) : VCH_EXIT_OK;
    if (strcmp(text(a, VCH_OPT_CSR), "auto") != 0 || files)
        return vch_outcome_set(a->outcome, VCH_EXIT_CONFIG, "Give --csr auto alone, or --csr-file with --device-key.",
                               "--csr knows \"auto\" only, and goes without --csr-file and --device-key.");
    return vch_life_request(a->options, &a->own_key, &a->request, a->outcome);
}

static enum vch_exit name_client(struct agent *a) {
    char id[37];
    if (has(a, VCH_OPT_THING_NAME)) {
        if (vch_str_copy(a->client_id, 129, vch_str_from(text(a, VCH_OPT_THING_NAME)))) return VCH_EXIT_OK;
        return vch_outcome_set(a->outcome, VCH_EXIT_CONFIG, NULL, "The thing name is longer than 128 bytes.");
    }
    if (!vch_options_on(a->options, VCH_OPT_FLEET)) return missing(a, "thing name", "--thing-name NAME");
    vch_uuid(id);
    (void)snprintf(a->client_id, sizeof a->client_id, "vouch-agent-%s", id);
    return VCH_EXIT_OK;
}

static enum vch_exit check_settings(struct agent *a) {
    if (!has(a, VCH_OPT_ENDPOINT)) return missing(a, "endpoint", "--endpoint HOST");
    VCH_STEP(name_client(a));
    if (a->runtime.completed || !vch_options_on(a->options, VCH_OPT_FLEET)) return VCH_EXIT_OK;
    if (!has(a, VCH_OPT_TEMPLATE)) return missing(a, "template name", "--fleet-provisioning-template-name NAME");
    VCH_STEP(check_parameters(a));
    return a->paired ? VCH_EXIT_OK : prepare_request(a);
}

/* ---- the two halves ----------------------------------------------------- */

/* The root that the claim named by its digest: for this run, and for later ones. */
static enum vch_exit keep_root(void *arg, struct vch_str pem, struct vch_outcome *outcome) {
    struct agent *a = arg;
    VCH_STEP(vch_credentials_take_root(&a->credentials, pem, outcome));
    return vch_state_write(vch_state_path(&a->state, "root-ca.pem"), pem, 0644, outcome);
}

static void pin_root(struct agent *a) {
    if (!a->bundle.is_pinned || a->credentials.root.len) return;
    a->link.root_sha256 = a->bundle.root_sha256;
    a->link.on_root = keep_root;
    a->link.root_arg = a;
}

/* What a bundle told is kept, so that later starts need no bundle. */
static enum vch_exit keep_bundle(struct agent *a, struct vch_runtime *base) {
    if (!has(a, VCH_OPT_CLAIM) && !a->paired) return VCH_EXIT_OK;
    base->endpoint = vch_str_from(text(a, VCH_OPT_ENDPOINT));
    base->edge_port = a->bundle.edge_port;
    base->mqtt_port = a->bundle.mqtt_port;
    if (!a->bundle.has_root && !a->link.root_sha256) return VCH_EXIT_OK;
    base->root_ca = vch_str_from(vch_state_path(&a->state, "root-ca.pem"));
    if (!a->bundle.has_root) return VCH_EXIT_OK; /* written when the server shows it */
    return vch_state_write(base->root_ca.ptr, vch_str_of(a->credentials.root.ptr, a->credentials.root.len), 0644,
                           a->outcome);
}

static const char *find_likely_name(const struct agent *a) {
    if (a->likely_name.len) return a->likely_name.ptr;
    return has(a, VCH_OPT_THING_NAME) ? text(a, VCH_OPT_THING_NAME) : NULL;
}

static enum vch_exit enroll(struct agent *a) {
    struct vch_str request;
    if (vch_buf_finish(&a->request, &request) != VCH_OK)
        return vch_outcome_set(a->outcome, VCH_EXIT_CONFIG, NULL, "The signing request is too large.");
    struct vch_enroll e = {
        .link = &a->link,
        .claim = &a->credentials,
        .state = &a->state,
        .report = a->report,
        .endpoint = text(a, VCH_OPT_ENDPOINT),
        .client_id = a->client_id,
        .template_name = text(a, VCH_OPT_TEMPLATE),
        .parameters = text(a, VCH_OPT_PARAMETERS),
        .csr_pem = request.len ? request.ptr : NULL,
        .own_key = vch_str_of(a->own_key.ptr, a->own_key.len),
        .own_key_path = has(a, VCH_OPT_DEVICE_KEY) ? text(a, VCH_OPT_DEVICE_KEY) : NULL,
        .likely_name = find_likely_name(a),
        .retry_ms = 1000 * (int64_t)vch_options_int(a->options, VCH_OPT_RETRY_SECONDS),
        .steps = a->paired,
    };
    VCH_STEP(keep_bundle(a, &e.base));
    vch_report_line(a->report, VCH_REPORT_INFO, "provisioning",
                    "Fleet provisioning with template \"%s\" has been started.", e.template_name);
    VCH_STEP(vch_enroll_run(&e, a->outcome));
    vch_buf_deinit(&a->own_key); /* wiped: from now on it is a file */
    vch_buf_init_secret(&a->own_key, 65536);
    vch_runtime_load(&a->state, &a->runtime, a->report);
    if (!a->runtime.completed)
        return vch_outcome_set(a->outcome, VCH_EXIT_LOCAL, "Check the disk.", "The runtime file does not read back.");
    return VCH_EXIT_OK;
}

static enum vch_exit become_device(struct agent *a) {
    if (!vch_str_copy(a->client_id, sizeof a->client_id, a->runtime.thing_name))
        return vch_outcome_set(a->outcome, VCH_EXIT_CONFIG, NULL, "The thing name is too long.");
    vch_credentials_forget(&a->credentials);
    return vch_credentials_load(&a->credentials, a->runtime.cert.ptr, a->runtime.key.ptr, a->report, a->outcome);
}

static enum vch_exit check_identity(struct agent *a) {
    char when[25];
    int64_t end = a->credentials.validity.not_after_ms;
    if (vch_now_ms() < end) return VCH_EXIT_OK;
    vch_time_iso(end, when);
    return vch_outcome_set(a->outcome, VCH_EXIT_CREDENTIALS,
                           "Provision the device again: remove the runtime file and use a new claim.",
                           "The device certificate expired at %s.", when);
}

static const char *or_null(const struct agent *a, enum vch_opt opt) {
    return has(a, opt) ? text(a, opt) : NULL;
}

/* The year was taken for a mistake of the clock; it may have been right. */
static enum vch_exit doubt_clock(struct agent *a, enum vch_exit exit) {
    char when[25];
    if (a->clock != VCH_CLOCK_AHEAD || (exit != VCH_EXIT_NETWORK && exit != VCH_EXIT_REJECTED)) return exit;
    struct vch_outcome last = *a->outcome;
    vch_time_iso(a->credentials.validity.not_after_ms, when);
    exit = vch_outcome_set(a->outcome, exit, "Make a new claim, or set the clock of this device.",
                           "%.320s The claim ended at %s, unless this device's clock is wrong.", last.sentence, when);
    return exit;
}

static enum vch_exit serve(struct agent *a, bool fresh) {
    struct vch_renew renew = {.link = &a->link,
                              .credentials = &a->credentials,
                              .state = &a->state,
                              .runtime = &a->runtime,
                              .report = a->report,
                              .endpoint = text(a, VCH_OPT_ENDPOINT),
                              .client_id = a->client_id};
    struct vch_serve s = {
        .link = &a->link,
        .credentials = &a->credentials,
        .report = a->report,
        .client_id = a->client_id,
        .once = vch_options_on(a->options, VCH_OPT_ONCE),
        .fresh = fresh,
        .paired = a->paired,
        .retry_ms = 1000 * (int64_t)vch_options_int(a->options, VCH_OPT_RETRY_SECONDS),
    };
    if (vch_options_on(a->options, VCH_OPT_PUB_SUB))
        s.sample = (struct vch_sample){or_null(a, VCH_OPT_PUBLISH_TOPIC), or_null(a, VCH_OPT_PUBLISH_FILE),
                                       or_null(a, VCH_OPT_SUBSCRIBE_TOPIC), or_null(a, VCH_OPT_SUBSCRIBE_FILE), false};
    VCH_STEP(vch_life_settings(a->options, &s, &renew, a->outcome));
    VCH_STEP(vch_life_device_config(a->options, &a->runtime, a->outcome));
    VCH_STEP(check_identity(a));
    vch_notify_open(&s.notify);
    enum vch_exit exit = vch_serve_run(&s, a->outcome);
    vch_notify_close(&s.notify);
    return exit;
}

static void choose_way(struct agent *a) {
    const struct vch_proxy *proxy = &a->options->proxy;
    if (proxy->host.len == 0) return;
    bool direct = vch_proxy_is_unwanted(vch_str_from(a->link.host));
    if (!direct) a->link.proxy = proxy;
    vch_report_line(a->report, VCH_REPORT_INFO, "proxy", "%s the HTTP proxy %.*s port %d.",
                    direct ? "NO_PROXY: not using" : "Using", VCH_STR_ARG(proxy->host), proxy->port);
}

static enum vch_exit work(struct agent *a) {
    choose_folder(a);
    VCH_STEP(vch_state_open(&a->state, a->options->settings[VCH_OPT_STATE_DIR].text, a->options->arena, a->outcome));
    load_runtime(a);
    if (a->runtime.completed) take_runtime(a);
    warn_missing_features(a);
    VCH_STEP(vch_life_tokens(a->options, a->report, a->outcome));
    VCH_STEP(load_credentials(a));
    drop_finished_journal(a);
    VCH_STEP(check_settings(a));
    VCH_STEP(vch_lock_take(&a->lock, a->client_id, a->report, a->outcome));
    VCH_STEP(vch_link_init(&a->link, a->report, text(a, VCH_OPT_ENDPOINT), vch_options_int(a->options, VCH_OPT_PORT),
                           a->bundle.edge_port, a->bundle.mqtt_port, a->outcome));
    check_clock(a);
    pin_root(a);
    choose_way(a);
    bool fresh = vch_options_on(a->options, VCH_OPT_FLEET) && !a->runtime.completed;
    if (fresh) {
        enum vch_exit exit = doubt_clock(a, enroll(a));
        if (a->paired) vch_pair_conclude(&a->state, exit);
        VCH_STEP(exit);
        VCH_STEP(become_device(a));
    }
    return serve(a, fresh);
}

enum vch_exit vch_agent_run(struct vch_options *options, struct vch_report *report, struct vch_outcome *outcome) {
    struct agent a = {.options = options, .report = report, .outcome = outcome, .state = {.lock_fd = -1}};
    vch_credentials_init(&a.credentials);
    vch_buf_init_secret(&a.own_key, 65536);
    vch_buf_init(&a.request, 65536);
    enum vch_exit exit = work(&a);
    if (exit == VCH_EXIT_NETWORK && vch_stop_asked()) exit = VCH_EXIT_OK; /* given up because it was told to */
    if (exit == VCH_EXIT_REJECTED && !a.runtime.completed) vch_life_refused(options, report, outcome);
    vch_link_deinit(&a.link);
    vch_lock_release(&a.lock);
    vch_state_close(&a.state);
    vch_credentials_deinit(&a.credentials);
    vch_keystore_close();
    vch_buf_deinit(&a.own_key);
    vch_buf_deinit(&a.request);
    return exit;
}
