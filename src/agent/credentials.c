#include "agent/credentials.h"

#include <openssl/evp.h>
#include <string.h>

#include "agent/keystore.h"
#include "agent/pem_mend.h"
#include "base/file.h"

enum { FILE_MAX = 65536 };

void vch_credentials_init(struct vch_credentials *credentials) {
    memset(credentials, 0, sizeof *credentials);
    vch_buf_init(&credentials->certificate, FILE_MAX);
    vch_buf_init_secret(&credentials->key, FILE_MAX);
    vch_buf_init(&credentials->root, 8 * FILE_MAX);
}

void vch_credentials_deinit(struct vch_credentials *credentials) {
    vch_buf_deinit(&credentials->certificate);
    vch_buf_deinit(&credentials->key);
    vch_buf_deinit(&credentials->root);
}

void vch_credentials_forget(struct vch_credentials *credentials) {
    vch_buf_clear(&credentials->certificate);
    vch_buf_deinit(&credentials->key);
    vch_buf_init_secret(&credentials->key, FILE_MAX);
}

enum vch_exit vch_text_load(const char *path, const char *what, struct vch_buf *buf, struct vch_outcome *outcome) {
    struct vch_diag diag = {0};
    enum vch_err err = vch_file_read(path, buf, &diag);
    if (err == VCH_OK) return VCH_EXIT_OK;
    if (err == VCH_ERR_NOT_FOUND)
        return vch_outcome_set(outcome, VCH_EXIT_CREDENTIALS, "Check the path.", "The %s %s does not exist.", what,
                               path);
    return vch_outcome_diag(outcome, VCH_EXIT_CREDENTIALS, "Check the file and its owner.", &diag);
}

/* ---- by content --------------------------------------------------------- */

static enum vch_exit not_pem(struct vch_outcome *outcome, const char *where, enum vch_pem_kind found,
                             const char *wanted) {
    if (found == VCH_PEM_ENCRYPTED_KEY)
        return vch_outcome_set(outcome, VCH_EXIT_CREDENTIALS, "Remove the password: openssl pkey -in FILE -out FILE.",
                               "The private key in %s is protected by a password.", where);
    return vch_outcome_set(outcome, VCH_EXIT_CREDENTIALS, "Paste the whole text, from BEGIN to END.",
                           "There is no %s in %s.", wanted, where);
}

static enum vch_exit mend(struct vch_str text, enum vch_pem_kind kind, const char *where, struct vch_buf *to,
                          bool *ret_changed, struct vch_outcome *outcome) {
    const char *wanted = kind == VCH_PEM_CERTIFICATE ? "certificate" : "private key";
    vch_buf_clear(to);
    enum vch_err err = vch_pem_mend(text, kind, to, ret_changed);
    if (err == VCH_ERR_NOT_FOUND) return not_pem(outcome, where, vch_pem_first(text), wanted);
    if (err == VCH_OK) return VCH_EXIT_OK;
    return vch_outcome_set(outcome, VCH_EXIT_CREDENTIALS, "Copy it again, from BEGIN to END.",
                           "The %s in %s is damaged.", wanted, where);
}

static enum vch_exit check_token(struct vch_str uri, struct vch_outcome *outcome) {
    struct vch_diag diag = {0};
    EVP_PKEY *key = NULL;
    enum vch_err err = vch_key_load(uri, &key, &diag);
    EVP_PKEY_free(key);
    if (err == VCH_OK) return VCH_EXIT_OK;
    return vch_outcome_diag(outcome, VCH_EXIT_CREDENTIALS, "Check the token, its name and its PIN.", &diag);
}

static enum vch_exit check_pair(struct vch_credentials *c, struct vch_outcome *outcome) {
    struct vch_str certificate = vch_str_of(c->certificate.ptr, c->certificate.len);
    struct vch_str key = vch_str_of(c->key.ptr, c->key.len);
    if (vch_x509_describe(certificate, &c->validity) != VCH_OK)
        return vch_outcome_set(outcome, VCH_EXIT_CREDENTIALS, "Copy it again, from BEGIN to END.",
                               "The certificate cannot be read.");
    if (vch_key_is_uri(key)) VCH_STEP(check_token(key, outcome));
    enum vch_err err = vch_x509_check_pair(certificate, key);
    if (err == VCH_OK) return VCH_EXIT_OK;
    if (err == VCH_ERR_CONFLICT)
        return vch_outcome_set(outcome, VCH_EXIT_CREDENTIALS, "Use the two files that were made together.",
                               "The private key does not belong to the certificate.");
    return vch_outcome_set(outcome, VCH_EXIT_CREDENTIALS, "Copy it again, from BEGIN to END.",
                           "The private key cannot be read.");
}

enum vch_exit vch_credentials_take(struct vch_credentials *credentials, struct vch_str certificate, struct vch_str key,
                                   struct vch_outcome *outcome) {
    bool changed;
    VCH_STEP(mend(certificate, VCH_PEM_CERTIFICATE, "the claim bundle", &credentials->certificate, &changed, outcome));
    VCH_STEP(mend(key, VCH_PEM_PRIVATE_KEY, "the claim bundle", &credentials->key, &changed, outcome));
    return check_pair(credentials, outcome);
}

/* ---- from files --------------------------------------------------------- */

struct pair {
    const char *cert_path, *key_path;
    struct vch_buf cert_text, key_text;
};

/* The key may stand in the file meant for the certificate, and the other way round. */
static bool is_swapped(const struct pair *pair) {
    enum vch_pem_kind first = vch_pem_first(vch_str_of(pair->cert_text.ptr, pair->cert_text.len));
    enum vch_pem_kind second = vch_pem_first(vch_str_of(pair->key_text.ptr, pair->key_text.len));
    return (first == VCH_PEM_PRIVATE_KEY || first == VCH_PEM_ENCRYPTED_KEY) && second == VCH_PEM_CERTIFICATE;
}

static void swap(struct pair *pair) {
    struct pair old = *pair;
    *pair = (struct pair){old.key_path, old.cert_path, old.key_text, old.cert_text};
}

/* The key is on a token: there is a certificate to read, and nothing else. */
static enum vch_exit load_beside_token(struct vch_credentials *c, struct pair *pair, struct vch_report *report,
                                       struct vch_outcome *outcome) {
    bool changed;
    VCH_STEP(vch_text_load(pair->cert_path, "certificate file", &pair->cert_text, outcome));
    VCH_STEP(mend(vch_str_of(pair->cert_text.ptr, pair->cert_text.len), VCH_PEM_CERTIFICATE, pair->cert_path,
                  &c->certificate, &changed, outcome));
    VCH_STEP(vch_mode_check(pair->cert_path, false, report, outcome));
    vch_buf_clear(&c->key);
    vch_buf_c(&c->key, pair->key_path);
    return check_pair(c, outcome);
}

static enum vch_exit load_pair(struct vch_credentials *c, struct pair *pair, struct vch_report *report,
                               struct vch_outcome *outcome) {
    bool cert_changed, key_changed;
    VCH_STEP(vch_text_load(pair->cert_path, "certificate file", &pair->cert_text, outcome));
    VCH_STEP(vch_text_load(pair->key_path, "private key file", &pair->key_text, outcome));
    if (is_swapped(pair)) {
        vch_report_line(report, VCH_REPORT_WARN, "swapped",
                        "%s holds the private key and %s the certificate: using each for what it is.", pair->cert_path,
                        pair->key_path);
        swap(pair);
    }
    VCH_STEP(mend(vch_str_of(pair->cert_text.ptr, pair->cert_text.len), VCH_PEM_CERTIFICATE, pair->cert_path,
                  &c->certificate, &cert_changed, outcome));
    VCH_STEP(mend(vch_str_of(pair->key_text.ptr, pair->key_text.len), VCH_PEM_PRIVATE_KEY, pair->key_path, &c->key,
                  &key_changed, outcome));
    if (cert_changed)
        vch_report_line(report, VCH_REPORT_WARN, "mended", "The text of %s was not clean PEM; read as meant.",
                        pair->cert_path);
    if (key_changed)
        vch_report_line(report, VCH_REPORT_WARN, "mended", "The text of %s was not clean PEM; read as meant.",
                        pair->key_path);
    VCH_STEP(vch_mode_check(pair->key_path, true, report, outcome));
    VCH_STEP(vch_mode_check(pair->cert_path, false, report, outcome));
    return check_pair(c, outcome);
}

enum vch_exit vch_credentials_load(struct vch_credentials *credentials, const char *cert_path, const char *key_path,
                                   struct vch_report *report, struct vch_outcome *outcome) {
    struct pair pair = {.cert_path = cert_path, .key_path = key_path};
    vch_buf_init_secret(&pair.cert_text, FILE_MAX);
    vch_buf_init_secret(&pair.key_text, FILE_MAX);
    enum vch_exit exit = vch_key_is_uri(vch_str_from(key_path)) ? load_beside_token(credentials, &pair, report, outcome)
                                                               : load_pair(credentials, &pair, report, outcome);
    vch_buf_deinit(&pair.cert_text);
    vch_buf_deinit(&pair.key_text);
    return exit;
}

/* ---- roots -------------------------------------------------------------- */

enum vch_exit vch_credentials_take_root(struct vch_credentials *credentials, struct vch_str pem,
                                        struct vch_outcome *outcome) {
    bool changed;
    return mend(pem, VCH_PEM_CERTIFICATE, "the root certificates", &credentials->root, &changed, outcome);
}

enum vch_exit vch_credentials_load_root(struct vch_credentials *credentials, const char *path,
                                        struct vch_report *report, struct vch_outcome *outcome) {
    struct vch_buf text;
    struct vch_diag diag = {0};
    vch_buf_init(&text, 8 * FILE_MAX);
    enum vch_err err = vch_file_read(path, &text, &diag);
    enum vch_exit exit = VCH_EXIT_OK;
    if (err == VCH_ERR_NOT_FOUND) {
        vch_report_line(report, VCH_REPORT_WARN, "root-ca",
                        "The root certificate file %s does not exist; trusting the system's.", path);
    } else if (err != VCH_OK) {
        exit = vch_outcome_diag(outcome, VCH_EXIT_CREDENTIALS, "Check the file and its owner.", &diag);
    } else {
        exit = vch_mode_check(path, false, report, outcome);
        if (exit == VCH_EXIT_OK) exit = vch_credentials_take_root(credentials, vch_str_of(text.ptr, text.len), outcome);
    }
    vch_buf_deinit(&text);
    return exit;
}
