#include "agent/journal.h"

#include <unistd.h>

#include "base/fault.h"
#include "base/file.h"

struct field {
    const char *name;
    struct vch_str *text;
};

enum { FIELDS = 10 };

static void fields_of(struct vch_journal *j, struct field out[FIELDS]) {
    const struct field fields[FIELDS] = {
        {"certificateId", &j->certificate_id},
        {"token", &j->token},
        {"certificate", &j->cert},
        {"key", &j->key},
        {"endpoint", &j->endpoint},
        {"template", &j->template_name},
        {"parameters", &j->parameters},
        {"claim", &j->claim_id},
        {"certificatePem", &j->cert_pem},
        {"privateKeyPem", &j->key_pem},
    };
    for (size_t i = 0; i < FIELDS; i++) out[i] = fields[i];
}

static const char *path_of(const struct vch_state *state) {
    return vch_state_path(state, "keys/journal.json");
}

bool vch_journal_read(const struct vch_val *document, struct vch_journal *ret) {
    struct field fields[FIELDS];
    fields_of(ret, fields);
    ret->own_key = vch_val_bool_at(document, "ownKey", false);
    for (size_t i = 0; i < FIELDS; i++) {
        *fields[i].text = vch_val_str_at(document, fields[i].name);
        bool optional = fields[i].text == &ret->key_pem && ret->own_key;
        if (fields[i].text->len == 0 && !optional) return false;
    }
    ret->created_ms = vch_val_int_at(document, "createdAt", 0);
    return vch_str_eq_c(vch_val_str_at(document, "stage"), "register") && ret->created_ms > 0;
}

bool vch_journal_load(const struct vch_state *state, struct vch_journal *ret) {
    struct vch_buf text;
    struct vch_val *document = NULL;
    *ret = (struct vch_journal){0};
    vch_buf_init_secret(&text, 65536);
    enum vch_err err = vch_file_read(path_of(state), &text, NULL);
    if (err == VCH_OK) err = vch_json_decode(vch_str_of(text.ptr, text.len), NULL, state->arena, &document, NULL);
    vch_buf_deinit(&text);
    return err == VCH_OK && vch_journal_read(document, ret);
}

enum vch_exit vch_journal_save(const struct vch_state *state, const struct vch_journal *journal,
                               struct vch_outcome *outcome) {
    struct vch_journal copy = *journal;
    struct field fields[FIELDS];
    struct vch_buf buf;
    struct vch_str text;
    fields_of(&copy, fields);
    vch_buf_init_secret(&buf, 65536);
    vch_buf_printf(&buf, "{\"stage\":\"register\",\"createdAt\":%lld,\"ownKey\":%s", (long long)journal->created_ms,
                   journal->own_key ? "true" : "false");
    for (size_t i = 0; i < FIELDS; i++) {
        vch_buf_printf(&buf, ",\"%s\":", fields[i].name);
        vch_json_encode_str(*fields[i].text, &buf);
    }
    vch_buf_c(&buf, "}\n");
    enum vch_exit exit = vch_buf_finish(&buf, &text) == VCH_OK
                             ? vch_state_write(path_of(state), text, 0600, outcome)
                             : vch_outcome_set(outcome, VCH_EXIT_LOCAL, NULL, "The journal would be too large.");
    vch_buf_deinit(&buf);
    return exit;
}

enum vch_exit vch_journal_put_files(const struct vch_journal *journal, struct vch_outcome *outcome) {
    if (!journal->own_key) VCH_STEP(vch_state_write(journal->key.ptr, journal->key_pem, 0600, outcome));
    VCH_FAULT_POINT("agent.key");
    return vch_state_write(journal->cert.ptr, journal->cert_pem, 0644, outcome);
}

void vch_journal_remove(const struct vch_state *state) {
    (void)unlink(path_of(state));
}

bool vch_journal_resumes(const struct vch_journal *journal, const struct vch_journal *wanted, int64_t now_ms) {
    int64_t age = now_ms - journal->created_ms;
    return age >= 0 && age < VCH_JOURNAL_LIFE_MS && vch_str_eq(journal->claim_id, wanted->claim_id) &&
           vch_str_eq(journal->endpoint, wanted->endpoint) &&
           vch_str_eq(journal->template_name, wanted->template_name) &&
           vch_str_eq(journal->parameters, wanted->parameters);
}

void vch_journal_abandon(const struct vch_state *state, const struct vch_journal *journal) {
    (void)unlink(journal->cert.ptr);
    if (!journal->own_key) (void)unlink(journal->key.ptr);
    vch_journal_remove(state);
}
