#include "agent/renew.h"

#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/file.h"

enum { PROVE_MS = 30000 };

int64_t vch_renew_due_ms(const struct vch_validity *validity) {
    return validity->not_before_ms + (validity->not_after_ms - validity->not_before_ms) / 3 * 2;
}

static struct vch_str keep(const struct vch_renew *r, struct vch_str text) {
    return vch_arena_str(r->state->arena, text);
}

static struct vch_str text_of(const struct vch_buf *buf) {
    return vch_str_of(buf->ptr, buf->len);
}

/* ---- asking ------------------------------------------------------------- */

struct asking {
    struct vch_renew *r;
    struct vch_buf key, request; /* `key`: PEM, or a URI */
    struct vch_outcome *outcome;
};

static struct vch_str own_uri(const struct vch_renew *r) {
    return vch_key_is_uri(r->runtime->key) ? r->runtime->key : VCH_STR("");
}

static enum vch_exit save_successor(struct asking *a, const struct vch_device_identity *identity) {
    struct vch_renew *r = a->r;
    bool on_token = vch_key_is_uri(text_of(&a->key));
    VCH_FAULT_POINT("renew.made");
    if (vch_x509_check_pair(vch_str_from(identity->certificate_pem), text_of(&a->key)) != VCH_OK)
        return vch_outcome_set(a->outcome, VCH_EXIT_REJECTED, "Tell the server's operator.",
                               "The certificate that the server made does not fit its private key.");
    r->journal = (struct vch_journal){
        .certificate_id = keep(r, vch_str_from(identity->certificate_id)),
        .token = keep(r, vch_str_from(identity->token)),
        .cert = vch_str_from(vch_state_path(r->state, "keys/%s-certificate.pem.crt", identity->certificate_id)),
        .key = on_token ? keep(r, text_of(&a->key))
                        : vch_str_from(vch_state_path(r->state, "keys/%s-private.pem.key", identity->certificate_id)),
        .cert_pem = vch_str_from(identity->certificate_pem),
        .key_pem = on_token ? VCH_STR("") : text_of(&a->key),
        .endpoint = vch_str_from(r->endpoint),
        .template_name = vch_str_from(r->template_name),
        .parameters = vch_str_from(r->parameters),
        .claim_id = keep(r, vch_str_from(r->credentials->validity.id)),
        .created_ms = vch_now_ms(),
        .own_key = on_token,
    };
    VCH_STEP(vch_journal_save(r->state, &r->journal, a->outcome));
    r->pending = true;
    VCH_FAULT_POINT("renew.saved");
    VCH_STEP(vch_journal_put_files(&r->journal, a->outcome));
    r->journal.cert_pem = r->journal.key_pem = VCH_STR(""); /* memory of others */
    VCH_FAULT_POINT("renew.filed");
    return VCH_EXIT_OK;
}

static int on_save(void *arg, const struct vch_device_identity *identity) {
    return save_successor(arg, identity) == VCH_EXIT_OK ? 0 : 1;
}

static enum vch_exit exchange(struct asking *a, const char *request) {
    struct vch_renew *r = a->r;
    struct vch_device_provisioned done;
    const struct vch_device_provision p = {
        .template_name = r->template_name,
        .csr_pem = request,
        .parameters_json = r->parameters,
        .token = r->pending ? r->journal.token.ptr : NULL,
        .save = on_save,
        .arg = a,
    };
    enum vch_device_status status = vch_device_rotate(&r->link->device, &p, &done);
    if (status == VCH_DEVICE_STORAGE) return a->outcome->exit; /* written where it happened */
    VCH_STEP(vch_link_failed(r->link, status, "renewing the certificate", a->outcome));
    VCH_FAULT_POINT("renew.registered");
    if (strcmp(done.thing_name, r->client_id) == 0 || done.thing_name[0] == '\0') return VCH_EXIT_OK;
    return vch_outcome_set(a->outcome, VCH_EXIT_REJECTED, "Correct the template, or its parameters.",
                           "The renewed certificate is of another thing, \"%s\".", done.thing_name);
}

static enum vch_exit make_and_ask(struct asking *a) {
    struct vch_diag diag = {0};
    struct vch_str request;
    enum vch_err err = vch_key_request(a->r->key_type, own_uri(a->r), &a->key, &a->request, &diag);
    if (err == VCH_OK) err = vch_buf_finish(&a->request, &request);
    if (err != VCH_OK) return vch_outcome_diag(a->outcome, VCH_EXIT_LOCAL, "Check the token.", &diag);
    return exchange(a, request.ptr);
}

static const char *default_parameters(const struct vch_renew *r) {
    struct vch_buf buf;
    struct vch_str text = VCH_STR("{}");
    vch_buf_init(&buf, 4096);
    vch_buf_c(&buf, "{\"ThingName\":");
    vch_json_encode_str(vch_str_from(r->client_id), &buf);
    vch_buf_c(&buf, "}");
    if (vch_buf_finish(&buf, &text) != VCH_OK) text = VCH_STR("{}");
    text = keep(r, text);
    vch_buf_deinit(&buf);
    return text.ptr;
}

enum vch_exit vch_renew_ask(struct vch_renew *renew, struct vch_outcome *outcome) {
    struct asking a = {.r = renew, .outcome = outcome};
    if (!renew->template_name[0])
        return vch_outcome_set(outcome, VCH_EXIT_CONFIG, "Give --fleet-provisioning-template-name.",
                               "Without the name of its template the certificate cannot be renewed.");
    if (!renew->parameters) renew->parameters = default_parameters(renew);
    vch_report_line(renew->report, VCH_REPORT_INFO, "renewing", "Asking for the successor of certificate %s.",
                    renew->credentials->validity.id);
    vch_buf_init_secret(&a.key, 65536);
    vch_buf_init(&a.request, 65536);
    enum vch_exit exit = renew->pending ? exchange(&a, NULL) : make_and_ask(&a);
    vch_buf_deinit(&a.key);
    vch_buf_deinit(&a.request);
    return exit;
}

/* ---- the swap ----------------------------------------------------------- */

static void remove_files(const struct vch_renew *r, const char *id) {
    (void)unlink(vch_state_path(r->state, "keys/%s-certificate.pem.crt", id));
    (void)unlink(vch_state_path(r->state, "keys/%s-private.pem.key", id));
}

/* The copies under fixed names, for whoever reads those; the runtime file does not name them any more. */
static enum vch_exit refresh_copies(const struct vch_renew *r, const struct vch_credentials *c,
                                    struct vch_outcome *outcome) {
    VCH_STEP(vch_state_write(vch_state_path(r->state, "keys/active-certificate.pem.crt"), text_of(&c->certificate), 0644,
                             outcome));
    if (vch_key_is_uri(text_of(&c->key))) return VCH_EXIT_OK;
    return vch_state_write(vch_state_path(r->state, "keys/active-private.pem.key"), text_of(&c->key), 0600, outcome);
}

static enum vch_exit finish(struct vch_renew *r, const struct vch_credentials *c, const char *old_id,
                            struct vch_outcome *outcome) {
    VCH_STEP(refresh_copies(r, c, outcome));
    VCH_FAULT_POINT("renew.copied");
    if (strcmp(old_id, c->validity.id) != 0) remove_files(r, old_id);
    vch_journal_remove(r->state);
    r->pending = false;
    return VCH_EXIT_OK;
}

static enum vch_exit swap(struct vch_renew *r, struct vch_credentials *c, struct vch_outcome *outcome) {
    struct vch_runtime next = *r->runtime;
    char old_id[65];
    memcpy(old_id, r->credentials->validity.id, sizeof old_id);
    next.cert = r->journal.cert;
    next.key = r->journal.key;
    VCH_STEP(vch_runtime_save(r->state, &next, outcome));
    VCH_FAULT_POINT("renew.swapped");
    *r->runtime = next;
    struct vch_credentials old = *r->credentials;
    *r->credentials = *c;
    *c = old; /* wiped by its owner */
    return finish(r, r->credentials, old_id, outcome);
}

static enum vch_exit open_pending(struct vch_renew *r, struct vch_credentials *c, struct vch_outcome *outcome) {
    VCH_STEP(vch_credentials_load(c, r->journal.cert.ptr, r->journal.key.ptr, r->report, outcome));
    vch_buf_str(&c->root, text_of(&r->credentials->root));
    VCH_STEP(vch_link_open(r->link, c, r->client_id, vch_mono_ms() + PROVE_MS, "renewed certificate", outcome));
    VCH_FAULT_POINT("renew.proved");
    return VCH_EXIT_OK;
}

enum vch_exit vch_renew_prove(struct vch_renew *renew, struct vch_outcome *outcome) {
    struct vch_credentials c;
    vch_credentials_init(&c);
    enum vch_exit exit = open_pending(renew, &c, outcome);
    if (exit == VCH_EXIT_OK) {
        exit = swap(renew, &c, outcome);
        if (exit != VCH_EXIT_OK) vch_link_close(renew->link);
    }
    vch_credentials_deinit(&c);
    if (exit == VCH_EXIT_OK)
        vch_report_line(renew->report, VCH_REPORT_INFO, "rotated", "The certificate is renewed: %s is in use.",
                        renew->credentials->validity.id);
    return exit;
}

/* ---- what was left behind ----------------------------------------------- */

void vch_renew_look_back(struct vch_renew *renew) {
    struct vch_outcome outcome = {0};
    renew->pending = vch_journal_load(renew->state, &renew->journal);
    if (!renew->pending) {
        vch_journal_remove(renew->state); /* half a journal is none */
        return;
    }
    if (vch_journal_put_files(&renew->journal, &outcome) != VCH_EXIT_OK) {
        vch_report_line(renew->report, VCH_REPORT_WARN, "renewal", "%s", outcome.sentence);
        renew->pending = false; /* and again at the next start */
        return;
    }
    if (!vch_str_eq_c(renew->journal.certificate_id, renew->credentials->validity.id)) return;
    /* In use already, and then cut off. The one before is named as what asked. */
    if (finish(renew, renew->credentials, renew->journal.claim_id.ptr, &outcome) != VCH_EXIT_OK)
        vch_report_line(renew->report, VCH_REPORT_WARN, "renewal", "%s", outcome.sentence);
}

bool vch_renew_may_resume(const struct vch_renew *renew) {
    int64_t age = vch_now_ms() - renew->journal.created_ms;
    return renew->pending && age >= 0 && age < VCH_JOURNAL_LIFE_MS;
}

void vch_renew_abandon(struct vch_renew *renew) {
    vch_report_line(renew->report, VCH_REPORT_WARN, "abandoned", "The renewed certificate %s is not taken; it is dropped.",
                    renew->journal.certificate_id.ptr);
    vch_journal_abandon(renew->state, &renew->journal);
    renew->pending = false;
}
