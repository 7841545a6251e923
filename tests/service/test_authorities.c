/* Authorities of others: proof of their key, registration of what they sign. */
#include "service/fixture.h"

#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "pki/foreign.h"
#include "unit/pki/make.h"

#define OP(name, function) VCH_OP_##name, vch_uc_##function
#define MISSING "0000000000000000000000000000000000000000000000000000000000000000"

enum { DAY_MS = 86400 * 1000, PEM_MAX = 4096, INPUT_MAX = 3 * PEM_MAX };

struct authority {
    EVP_PKEY *key;
    const char *name;
    char pem[PEM_MAX], id[65];
};

static void set_name(X509_NAME *name, const char *common_name) {
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)common_name, -1, -1, 0);
}

/* JSON text of a certificate for `key`, signed by `by`. */
static void issue(EVP_PKEY *key, const char *subject, const char *issuer, EVP_PKEY *by, bool ca, char out[PEM_MAX]) {
    static long serial = 1;
    X509 *x = X509_new();
    BIO *bio = BIO_new(BIO_s_mem());
    X509V3_CTX context;
    char *bytes = NULL;
    time_t from = (time_t)((fx.now_ms - DAY_MS) / 1000), to = (time_t)((fx.now_ms + DAY_MS) / 1000);
    (void)X509_set_version(x, 2);
    (void)ASN1_INTEGER_set(X509_get_serialNumber(x), serial++);
    set_name(X509_get_subject_name(x), subject);
    set_name(X509_get_issuer_name(x), issuer);
    (void)ASN1_TIME_set(X509_getm_notBefore(x), from);
    (void)ASN1_TIME_set(X509_getm_notAfter(x), to);
    (void)X509_set_pubkey(x, key);
    X509V3_set_ctx_nodb(&context);
    X509_EXTENSION *basic = X509V3_EXT_conf_nid(NULL, &context, NID_basic_constraints, ca ? "critical,CA:TRUE" : "CA:FALSE");
    (void)X509_add_ext(x, basic, -1);
    X509_EXTENSION_free(basic);
    if (!X509_sign(x, by, EVP_sha256()) || !PEM_write_bio_X509(bio, x)) abort();
    size_t len = (size_t)BIO_get_mem_data(bio, &bytes), at = 0;
    for (size_t i = 0; i < len; i++) {
        assert_true(at + 3 < PEM_MAX);
        if (bytes[i] == '\n') out[at++] = '\\';
        out[at++] = bytes[i] == '\n' ? 'n' : bytes[i];
    }
    out[at] = '\0';
    BIO_free(bio);
    X509_free(x);
}

static void make_authority(const char *name, EVP_PKEY *key, struct authority *ret) {
    ret->key = key ? key : make_key("P-256");
    ret->name = name;
    issue(ret->key, name, name, ret->key, true, ret->pem);
}

static void sign(const struct authority *ca, const char *subject, char out[PEM_MAX]) {
    EVP_PKEY *key = make_key("P-256");
    issue(key, subject, ca->name, ca->key, false, out);
    EVP_PKEY_free(key);
}

static void code(char out[65]) {
    fixture_good(OP(GET_REGISTRATION_CODE, get_registration_code), "{}");
    assert_true(vch_str_copy(out, 65, fixture_text("registrationCode")));
}

static const char *registration(const struct authority *ca, const char *more) {
    static char in[INPUT_MAX];
    char subject[65], proof[PEM_MAX];
    code(subject);
    sign(ca, subject, proof);
    (void)snprintf(in, sizeof in, "{'caCertificate':'%s','verificationCertificate':'%s'%s}", ca->pem, proof, more);
    return in;
}

static void have_authority(struct authority *ca, const char *name, EVP_PKEY *key) {
    make_authority(name, key, ca);
    fixture_good(OP(REGISTER_CA_CERTIFICATE, register_ca_certificate), registration(ca, ",'setAsActive':true"));
    assert_true(vch_str_copy(ca->id, sizeof ca->id, fixture_text("certificateId")));
}

static const char *with_id(const struct authority *ca, const char *more) {
    static char in[512];
    (void)snprintf(in, sizeof in, "{'caCertificateId':'%s'%s}", ca->id, more);
    return in;
}

static void the_code_is_stable_until_deleted(void **state) {
    (void)state;
    char first[65], second[65];
    fixture_refused(OP(DELETE_REGISTRATION_CODE, delete_registration_code), "{}", VCH_ERR_NOT_FOUND, "registration-code-missing");
    code(first);
    code(second);
    assert_string_equal(first, second);
    assert_int_equal(strlen(first), 64);
    fixture_good(OP(DELETE_REGISTRATION_CODE, delete_registration_code), "{}");
    code(second);
    assert_string_not_equal(first, second);
    assert_int_equal(fixture_events("registration-code-created"), 2);
    assert_int_equal(fixture_events("registration-code-deleted"), 1);
}

static void an_authority_is_proved_and_described(void **state) {
    (void)state;
    struct authority ca;
    have_authority(&ca, "Root", NULL);
    fixture_good(OP(DESCRIBE_CA_CERTIFICATE, describe_ca_certificate), with_id(&ca, ""));
    assert_str(fixture_text("certificateDescription/status"), "ACTIVE");
    assert_str(fixture_text("certificateDescription/autoRegistrationStatus"), "DISABLE");
    assert_str(fixture_text("certificateDescription/certificateMode"), "DEFAULT");
    assert_int_equal(fixture_count("registrationConfig"), SIZE_MAX);
    fixture_refused(OP(REGISTER_CA_CERTIFICATE, register_ca_certificate), registration(&ca, ""), VCH_ERR_EXISTS, "ca-exists");
    assert_str(fixture_text("resourceId"), ca.id);
    fixture_good(OP(LIST_CA_CERTIFICATES, list_ca_certificates), "{}");
    assert_int_equal(fixture_count("certificates"), 1);
    assert_int_equal(fixture_events("ca-registered"), 1);
    EVP_PKEY_free(ca.key);
}

static void proofs_that_prove_nothing(void **state) {
    (void)state;
    struct authority ca, other;
    char in[INPUT_MAX], proof[PEM_MAX], subject[65];
    make_authority("Root", NULL, &ca);
    make_authority("Other", NULL, &other);
    code(subject);
    sign(&other, subject, proof);
    (void)snprintf(in, sizeof in, "{'caCertificate':'%s','verificationCertificate':'%s'}", ca.pem, proof);
    fixture_refused(OP(REGISTER_CA_CERTIFICATE, register_ca_certificate), in, VCH_ERR_INVALID, "certificate-invalid");
    sign(&ca, "not the code", proof);
    (void)snprintf(in, sizeof in, "{'caCertificate':'%s','verificationCertificate':'%s'}", ca.pem, proof);
    fixture_refused(OP(REGISTER_CA_CERTIFICATE, register_ca_certificate), in, VCH_ERR_INVALID, "registration-code-invalid");
    (void)snprintf(in, sizeof in, "{'caCertificate':'%s'}", ca.pem);
    fixture_refused(OP(REGISTER_CA_CERTIFICATE, register_ca_certificate), in, VCH_ERR_INVALID, "field-invalid");
    (void)snprintf(in, sizeof in, "{'caCertificate':'%s','verificationCertificate':'%s','certificateMode':'SNI_ONLY'}", ca.pem, proof);
    fixture_refused(OP(REGISTER_CA_CERTIFICATE, register_ca_certificate), in, VCH_ERR_INVALID, "field-invalid");
    (void)snprintf(in, sizeof in, "{'caCertificate':'%s','certificateMode':'SNI_ONLY'}", proof);
    fixture_refused(OP(REGISTER_CA_CERTIFICATE, register_ca_certificate), in, VCH_ERR_INVALID, "certificate-invalid");
    assert_int_equal(fixture_events("ca-registered"), 0);
    EVP_PKEY_free(ca.key);
    EVP_PKEY_free(other.key);
}

static void registrations_of_devices(void **state) {
    (void)state;
    struct authority ca;
    have_authority(&ca, "Root", NULL);
    static const struct {
        const char *more;
        enum vch_err err;
        const char *reason;
    } cases[] = {
        {",'registrationConfig':{}", VCH_ERR_INVALID, "field-invalid"},
        {",'registrationConfig':{'templateName':'none'}", VCH_ERR_NOT_FOUND, "template-missing"},
        {",'registrationConfig':{'templateBody':'{}'}", VCH_ERR_INVALID, "field-invalid"},
        {",'registrationConfig':{'templateBody':'{}','roleArn':'arn:aws:iam::" ACCOUNT ":role/r'}", VCH_ERR_INVALID, "template-invalid"},
        {",'removeAutoRegistration':true,'newAutoRegistrationStatus':'ENABLE'", VCH_ERR_INVALID, "field-invalid"},
        {",'newStatus':'REVOKED'", VCH_ERR_INVALID, "field-invalid"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        fixture_refused(OP(UPDATE_CA_CERTIFICATE, update_ca_certificate), with_id(&ca, cases[i].more), cases[i].err, cases[i].reason);
    fixture_good(OP(UPDATE_CA_CERTIFICATE, update_ca_certificate), with_id(&ca, ""));
    assert_int_equal(fixture_events("ca-updated"), 0);
    fixture_good(OP(UPDATE_CA_CERTIFICATE, update_ca_certificate), with_id(&ca, ",'newAutoRegistrationStatus':'ENABLE'"));
    fixture_good(OP(DESCRIBE_CA_CERTIFICATE, describe_ca_certificate), with_id(&ca, ""));
    assert_str(fixture_text("certificateDescription/autoRegistrationStatus"), "ENABLE");
    assert_int_equal(fixture_number("certificateDescription/customerVersion"), 2);
    fixture_refused(OP(UPDATE_CA_CERTIFICATE, update_ca_certificate), "{'caCertificateId':'" MISSING "'}", VCH_ERR_NOT_FOUND, "ca-missing");
    fixture_refused(OP(DELETE_CA_CERTIFICATE, delete_ca_certificate), with_id(&ca, ""), VCH_ERR_STATE, "certificate-state");
    fixture_good(OP(UPDATE_CA_CERTIFICATE, update_ca_certificate), with_id(&ca, ",'newStatus':'INACTIVE'"));
    fixture_good(OP(DELETE_CA_CERTIFICATE, delete_ca_certificate), with_id(&ca, ""));
    fixture_refused(OP(DELETE_CA_CERTIFICATE, delete_ca_certificate), with_id(&ca, ""), VCH_ERR_NOT_FOUND, "ca-missing");
    EVP_PKEY_free(ca.key);
}

static const char *device(const struct authority *ca, const char *more) {
    static char in[INPUT_MAX];
    char pem[PEM_MAX];
    sign(ca, "device", pem);
    (void)snprintf(in, sizeof in, "{'certificatePem':'%s'%s}", pem, more);
    return in;
}

static void certificates_of_an_authority(void **state) {
    (void)state;
    struct authority ca, stranger;
    have_authority(&ca, "Root", NULL);
    make_authority("Root", NULL, &stranger);
    fixture_good(OP(REGISTER_CERTIFICATE, register_certificate), device(&ca, ",'setAsActive':true"));
    fixture_refused(OP(REGISTER_CERTIFICATE, register_certificate), device(&stranger, ""), VCH_ERR_INVALID, "certificate-invalid");
    fixture_refused(OP(REGISTER_CERTIFICATE, register_certificate), device(&ca, ",'status':'REVOKED'"), VCH_ERR_STATE, "certificate-state");
    fixture_good(OP(UPDATE_CA_CERTIFICATE, update_ca_certificate), with_id(&ca, ",'newStatus':'INACTIVE'"));
    fixture_refused(OP(REGISTER_CERTIFICATE, register_certificate), device(&ca, ""), VCH_ERR_STATE, "certificate-state");
    fixture_good(OP(REGISTER_CERTIFICATE_WITHOUT_CA, register_certificate_without_ca), device(&stranger, ""));
    fixture_good(OP(LIST_CERTIFICATES_BY_CA, list_certificates_by_ca), with_id(&ca, ""));
    assert_int_equal(fixture_count("certificates"), 1);
    assert_str(fixture_text("certificates/0/status"), "ACTIVE");
    fixture_good(OP(LIST_CERTIFICATES, list_certificates), "{}");
    assert_int_equal(fixture_count("certificates"), 2);
    assert_int_equal(fixture_events("certificate-registered"), 2);
    EVP_PKEY_free(ca.key);
    EVP_PKEY_free(stranger.key);
}

static void twins_need_a_word(void **state) {
    (void)state;
    struct authority first, second;
    char more[PEM_MAX + 32];
    have_authority(&first, "Twin", NULL);
    have_authority(&second, "Twin", first.key);
    assert_string_not_equal(first.id, second.id);
    fixture_refused(OP(REGISTER_CERTIFICATE, register_certificate), device(&first, ""), VCH_ERR_CONFLICT, "certificate-ambiguous");
    (void)snprintf(more, sizeof more, ",'caCertificatePem':'%s'", second.pem);
    fixture_good(OP(REGISTER_CERTIFICATE, register_certificate), device(&first, more));
    fixture_good(OP(LIST_CERTIFICATES_BY_CA, list_certificates_by_ca), with_id(&second, ""));
    assert_int_equal(fixture_count("certificates"), 1);
    EVP_PKEY_free(first.key);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, fixture_setup, fixture_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_code_is_stable_until_deleted), TEST(an_authority_is_proved_and_described), TEST(proofs_that_prove_nothing),
        TEST(registrations_of_devices), TEST(certificates_of_an_authority), TEST(twins_need_a_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
