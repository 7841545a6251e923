#include "agent/enroll.h"

#include <string.h>

#include "agent/clock.h"
#include "agent/pair_step.h"
#include "agent/stop.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/fault.h"
#include "base/file.h"

enum { RETRY_FIRST_MS = 1000, RETRY_MAX_MS = 15000 };

static const char new_claim[] = "Make a new claim (vouch claim create) and start again within five minutes.";

struct attempt {
    const struct vch_enroll *e;
    struct vch_journal wanted, journal; /* what this run registers; what is on disk */
    bool has_journal;
    bool turned_away; /* the last try did not get as far as MQTT's accepting the claim */
    struct vch_outcome *outcome;
};

int64_t vch_backoff_ms(unsigned tries, int64_t first_ms, int64_t max_ms) {
    int64_t wait = first_ms;
    uint16_t random;
    while (tries-- > 0 && wait < max_ms) wait *= 2;
    if (wait > max_ms) wait = max_ms;
    vch_random(&random, sizeof random);
    return wait / 2 + wait / 2 * random / 65535;
}

static void tell_step(const struct vch_enroll *e, enum vch_pair_step step) {
    if (e->steps) vch_pair_step_say(e->report, step);
}

/* ---- saving ------------------------------------------------------------- */

static struct vch_str keep(const struct vch_enroll *e, const char *text) {
    return vch_arena_str(e->state->arena, vch_str_from(text));
}

static enum vch_exit note_key(const struct vch_enroll *e, struct vch_journal *j,
                              const struct vch_device_identity *identity, struct vch_outcome *outcome) {
    struct vch_str key = identity->private_key_pem ? vch_str_from(identity->private_key_pem) : e->own_key;
    enum vch_err err = vch_x509_check_pair(vch_str_from(identity->certificate_pem), key);
    if (err != VCH_OK)
        return vch_outcome_set(outcome, VCH_EXIT_REJECTED, "Tell the server's operator.",
                               "The certificate that the server made does not fit its private key.");
    j->own_key = e->own_key_path != NULL;
    if (e->own_key_path) {
        j->key = keep(e, e->own_key_path);
        return VCH_EXIT_OK;
    }
    j->key = vch_str_from(vch_state_path(e->state, "keys/%s-private.pem.key", identity->certificate_id));
    j->key_pem = key;
    return VCH_EXIT_OK;
}

static enum vch_exit save_identity(struct attempt *a, const struct vch_device_identity *identity) {
    const struct vch_enroll *e = a->e;
    struct vch_journal j = a->wanted;
    j.certificate_id = keep(e, identity->certificate_id);
    j.token = keep(e, identity->token);
    j.created_ms = vch_now_ms();
    VCH_STEP(note_key(e, &j, identity, a->outcome));
    j.cert = vch_str_from(vch_state_path(e->state, "keys/%s-certificate.pem.crt", identity->certificate_id));
    j.cert_pem = vch_str_from(identity->certificate_pem);
    /* From here on nothing that the server made is lost, whenever we are stopped. */
    VCH_FAULT_POINT("agent.created");
    VCH_STEP(vch_journal_save(e->state, &j, a->outcome));
    VCH_FAULT_POINT("agent.journal");
    VCH_STEP(vch_journal_put_files(&j, a->outcome));
    VCH_FAULT_POINT("agent.files");
    j.cert_pem = j.key_pem = VCH_STR(""); /* the caller's memory, and no longer needed */
    a->journal = j;
    a->has_journal = true;
    vch_report_line(e->report, VCH_REPORT_INFO, "saved", "Stored certificate %s and its private key in %s/keys.",
                    identity->certificate_id, e->state->dir.ptr);
    tell_step(e, VCH_PAIR_STEP_CERTIFICATE_MADE);
    return VCH_EXIT_OK;
}

static int on_save(void *arg, const struct vch_device_identity *identity) {
    return save_identity(arg, identity) == VCH_EXIT_OK ? 0 : 1;
}

static void on_progress(void *arg, enum vch_device_stage stage) {
    const struct attempt *a = arg;
    if (stage == VCH_DEVICE_STAGE_REGISTER) VCH_FAULT_POINT("agent.register");
    vch_report_line(a->e->report, VCH_REPORT_DEBUG, "stage", "Fleet provisioning: %s.", vch_device_stage_word(stage));
}

/* The second copies under fixed names, then the runtime file, then the journal goes. */
static enum vch_exit copy_file(const struct vch_enroll *e, struct vch_str from, const char *to, unsigned mode,
                               struct vch_outcome *outcome) {
    struct vch_buf buf;
    struct vch_diag diag = {0};
    vch_buf_init_secret(&buf, 65536);
    enum vch_exit exit = VCH_EXIT_OK;
    if (vch_file_read(from.ptr, &buf, &diag) != VCH_OK)
        exit = vch_outcome_diag(outcome, VCH_EXIT_LOCAL, NULL, &diag);
    else
        exit = vch_state_write(vch_state_path(e->state, "%s", to), vch_str_of(buf.ptr, buf.len), mode, outcome);
    vch_buf_deinit(&buf);
    return exit;
}

static enum vch_exit conclude(struct attempt *a, const char *thing_name, struct vch_str configuration) {
    const struct vch_enroll *e = a->e;
    struct vch_runtime runtime = e->base;
    runtime.completed = true;
    runtime.thing_name = vch_str_from(thing_name);
    runtime.device_config = configuration;
    runtime.template_name = vch_str_from(e->template_name);
    VCH_FAULT_POINT("agent.registered");
    VCH_STEP(copy_file(e, a->journal.cert, "keys/active-certificate.pem.crt", 0644, a->outcome));
    VCH_FAULT_POINT("agent.active-certificate");
    runtime.cert = vch_str_from(vch_state_path(e->state, "keys/active-certificate.pem.crt"));
    if (a->journal.own_key) {
        runtime.key = a->journal.key;
    } else {
        VCH_STEP(copy_file(e, a->journal.key, "keys/active-private.pem.key", 0600, a->outcome));
        runtime.key = vch_str_from(vch_state_path(e->state, "keys/active-private.pem.key"));
    }
    VCH_FAULT_POINT("agent.active-key");
    VCH_STEP(vch_runtime_save(e->state, &runtime, a->outcome));
    VCH_FAULT_POINT("agent.runtime");
    vch_journal_remove(e->state);
    VCH_FAULT_POINT("agent.done");
    vch_report_line(e->report, VCH_REPORT_INFO, "provisioned", "Successfully provisioned thing: %s", thing_name);
    tell_step(e, VCH_PAIR_STEP_REGISTERED);
    return VCH_EXIT_OK;
}

/* ---- an identity left behind -------------------------------------------- */

static enum vch_exit open_journal(struct attempt *a, struct vch_credentials *c) {
    struct vch_outcome ignored = {0};
    VCH_STEP(vch_credentials_load(c, a->journal.cert.ptr, a->journal.key.ptr, a->e->report, &ignored));
    vch_buf_str(&c->root, vch_str_of(a->e->claim->root.ptr, a->e->claim->root.len));
    return vch_link_open(a->e->link, c, a->e->likely_name, vch_mono_ms() + 10000, "certificate", &ignored);
}

/* The answer to RegisterThing may have been lost on its way: a certificate that
 * can connect is registered, whatever became of the claim. */
static bool adopt(struct attempt *a) {
    struct vch_credentials c;
    vch_credentials_init(&c);
    bool up = a->e->likely_name && open_journal(a, &c) == VCH_EXIT_OK;
    if (up) vch_link_close(a->e->link);
    vch_credentials_deinit(&c);
    if (!up) return false;
    vch_report_line(a->e->report, VCH_REPORT_WARN, "adopted",
                    "An earlier run had registered this device; going on with its certificate.");
    return conclude(a, a->e->likely_name, VCH_STR("{}")) == VCH_EXIT_OK;
}

static void abandon(struct attempt *a) {
    vch_report_line(a->e->report, VCH_REPORT_WARN, "abandoned",
                    "The unfinished registration of certificate %s cannot be resumed; starting anew.",
                    a->journal.certificate_id.ptr);
    vch_journal_abandon(a->e->state, &a->journal);
    a->has_journal = false;
}

/* ---- one attempt -------------------------------------------------------- */

static enum vch_device_status provision(struct attempt *a, bool resume, struct vch_device_provisioned *done) {
    const struct vch_device_provision p = {
        .template_name = a->e->template_name,
        .csr_pem = a->e->csr_pem,
        .parameters_json = a->e->parameters,
        .token = resume ? a->journal.token.ptr : NULL,
        .save = on_save,
        .progress = on_progress,
        .arg = a,
    };
    return vch_device_provision(&a->e->link->device, &p, done);
}

static bool token_is_stale(const struct vch_device *device) {
    return device->failure.stage == VCH_DEVICE_STAGE_REGISTER &&
           strcmp(device->failure.error_code, "InvalidCertificateOwnershipToken") == 0;
}

static enum vch_exit exchange(struct attempt *a, struct vch_device_provisioned *done) {
    struct vch_device *device = &a->e->link->device;
    bool resume = a->has_journal;
    if (resume)
        vch_report_line(a->e->report, VCH_REPORT_INFO, "resume", "Resuming the registration of certificate %s.",
                        a->journal.certificate_id.ptr);
    enum vch_device_status status = provision(a, resume, done);
    if (status == VCH_DEVICE_REJECTED && resume && token_is_stale(device)) {
        abandon(a);
        status = provision(a, false, done);
    }
    if (status == VCH_DEVICE_OK) return VCH_EXIT_OK;
    if (status == VCH_DEVICE_STORAGE) return a->outcome->exit; /* written where it happened */
    char doing[64];
    (void)snprintf(doing, sizeof doing, "provisioning (%s)", vch_device_stage_word(device->failure.stage));
    return vch_link_failed(a->e->link, status, doing, a->outcome);
}

static enum vch_exit try_once(struct attempt *a, int64_t deadline_ms) {
    const struct vch_enroll *e = a->e;
    struct vch_device_provisioned done;
    a->turned_away = true;
    VCH_STEP(vch_link_open(e->link, e->claim, e->client_id, deadline_ms, "claim", a->outcome));
    a->turned_away = false;
    VCH_FAULT_POINT("agent.connected");
    vch_report_line(e->report, VCH_REPORT_INFO, "connected", "MQTT connection established with the claim.");
    tell_step(e, VCH_PAIR_STEP_CONNECTED);
    enum vch_exit exit = exchange(a, &done);
    if (exit == VCH_EXIT_OK) {
        struct vch_str configuration =
            vch_arena_str(e->state->arena, vch_str_of(done.configuration_json, done.configuration_len));
        /* A template without a thing names none: the client id then stays what it was. */
        exit = conclude(a, done.thing_name[0] ? done.thing_name : e->client_id, configuration);
    }
    vch_link_close(e->link);
    return exit;
}

/* ---- the claim's life --------------------------------------------------- */

static enum vch_exit check_life(const struct vch_enroll *e, struct vch_outcome *outcome) {
    char when[25], clock[25];
    const struct vch_validity *v = &e->claim->validity;
    int64_t now = vch_now_ms();
    vch_time_iso(now, clock);
    if (now >= v->not_after_ms) {
        vch_time_iso(v->not_after_ms, when);
        return vch_outcome_set(outcome, VCH_EXIT_EXPIRED, new_claim,
                               "The claim expired at %s; this device's clock says %s.", when, clock);
    }
    if (now + VCH_CLOCK_SKEW_MS < v->not_before_ms) {
        vch_time_iso(v->not_before_ms, when);
        return vch_outcome_set(outcome, VCH_EXIT_CREDENTIALS, "Set the clock of this device.",
                               "The claim is valid from %s, but this device's clock says %s.", when, clock);
    }
    vch_report_line(e->report, VCH_REPORT_INFO, "claim", "The claim is valid for another %lld seconds.",
                    (long long)((v->not_after_ms - now) / 1000));
    return VCH_EXIT_OK;
}

static enum vch_exit keep_trying(struct attempt *a) {
    const struct vch_enroll *e = a->e;
    int64_t start = vch_mono_ms();
    int64_t life = start + (e->claim->validity.not_after_ms - vch_now_ms());
    int64_t deadline = start + e->retry_ms < life ? start + e->retry_ms : life;
    for (unsigned tries = 0;; tries++) {
        /* The first try is given its time even when no retry is wanted. */
        enum vch_exit exit = try_once(a, tries == 0 ? (life < start + 120000 ? life : start + 120000) : deadline);
        if (exit == VCH_EXIT_OK || !a->outcome->again || vch_stop_asked()) return exit;
        /* A claim that is spent is turned away: by an earlier run of ours, perhaps. */
        if (tries == 0 && a->has_journal && a->turned_away && adopt(a)) return VCH_EXIT_OK;
        int64_t wait = vch_backoff_ms(tries, RETRY_FIRST_MS, RETRY_MAX_MS);
        if (vch_mono_ms() + wait >= life) {
            char when[25];
            struct vch_outcome last = *a->outcome;
            vch_time_iso(e->claim->validity.not_after_ms, when);
            return vch_outcome_set(a->outcome, VCH_EXIT_EXPIRED, new_claim,
                                   "The claim expired at %s before it could be used. %.200s", when, last.sentence);
        }
        if (vch_mono_ms() + wait >= deadline) return exit;
        vch_report_line(e->report, VCH_REPORT_WARN, "retry", "%s Trying again in %lld ms.", a->outcome->sentence,
                        (long long)wait);
        if (vch_stop_wait(wait)) return exit;
    }
}

static void look_back(struct attempt *a) {
    a->has_journal = vch_journal_load(a->e->state, &a->journal);
    if (!a->has_journal)
        vch_journal_remove(a->e->state); /* half a journal is none */
    else if (vch_journal_put_files(&a->journal, a->outcome) != VCH_EXIT_OK)
        a->has_journal = false;
}

enum vch_exit vch_enroll_run(const struct vch_enroll *enroll, struct vch_outcome *outcome) {
    struct attempt a = {.e = enroll, .outcome = outcome};
    a.wanted = (struct vch_journal){.endpoint = vch_str_from(enroll->endpoint),
                                    .template_name = vch_str_from(enroll->template_name),
                                    .parameters = vch_str_from(enroll->parameters),
                                    .claim_id = vch_str_from(enroll->claim->validity.id)};
    look_back(&a);
    bool resumes = a.has_journal && vch_journal_resumes(&a.journal, &a.wanted, vch_now_ms());
    enum vch_exit life = check_life(enroll, outcome);
    if (a.has_journal && (!resumes || life != VCH_EXIT_OK)) {
        if (adopt(&a)) return VCH_EXIT_OK;
        if (life != VCH_EXIT_OK) return life; /* kept: a new claim of the same place may find it */
        abandon(&a);
    }
    VCH_STEP(life);
    enum vch_exit exit = keep_trying(&a);
    if (exit == VCH_EXIT_OK || !a.has_journal || exit == VCH_EXIT_LOCAL) return exit;
    return adopt(&a) ? VCH_EXIT_OK : exit;
}
