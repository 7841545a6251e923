/* What a certificate tells policies: the example of AWS's guide, and what is
 * not so simple. */
#include "support/cmocka_all.h"

#include <openssl/asn1.h>
#include <openssl/x509v3.h>

#include "base/arena.h"
#include "pki/csr.h"
#include "make.h"

struct world {
    struct vch_arena *arena;
    struct vch_certificate_value values[VCH_CERTIFICATE_VALUES_MAX];
    size_t count;
};

static int setup(void **state) {
    struct world *w = calloc(1, sizeof *w);
    w->arena = vch_arena_new(1 << 20, false);
    *state = w;
    return 0;
}

static int teardown(void **state) {
    struct world *w = *state;
    vch_arena_free(w->arena);
    free(w);
    return 0;
}

/* "C=US\nCN=x\n+OU=y" in order; a part that starts with '+' joins the one before. */
static X509_NAME *name_of(const char *parts) {
    X509_NAME *name = X509_NAME_new();
    char text[8192];
    (void)snprintf(text, sizeof text, "%s", parts);
    for (char *save = NULL, *part = strtok_r(text, "\n", &save); part; part = strtok_r(NULL, "\n", &save)) {
        int set = *part == '+' ? -1 : 0;
        char *equals = strchr(part, '=');
        *equals = '\0';
        if (!X509_NAME_add_entry_by_txt(name, part + (set ? 1 : 0), MBSTRING_UTF8, (unsigned char *)equals + 1, -1, -1, set))
            fail_msg("name part %s", part);
    }
    return name;
}

static void add_extension(X509 *certificate, int nid, const char *value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
    X509V3_set_ctx_nodb(&context);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    assert_non_null(extension);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
}

static void add_directory(X509 *certificate, const char *parts) {
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    GENERAL_NAME *name = GENERAL_NAME_new();
    GENERAL_NAME_set0_value(name, GEN_DIRNAME, name_of(parts));
    sk_GENERAL_NAME_push(names, name);
    assert_int_equal(X509_add1_ext_i2d(certificate, NID_subject_alt_name, names, 0, 0), 1);
    GENERAL_NAMES_free(names);
}

static X509 *certificate_of(const char *subject, const char *issuer, const char *serial_hex) {
    X509 *certificate = X509_new();
    X509_NAME *name = name_of(subject), *by = name_of(issuer);
    BIGNUM *number = NULL;
    EVP_PKEY *key = make_key("P-256");
    BN_hex2bn(&number, serial_hex);
    X509_set_version(certificate, 2);
    BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));
    X509_set_subject_name(certificate, name);
    X509_set_issuer_name(certificate, by);
    X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    EVP_PKEY_free(key);
    BN_free(number);
    X509_NAME_free(name);
    X509_NAME_free(by);
    return certificate;
}

/* Signs, reads, and frees the certificate. */
static void read_values(struct world *w, X509 *certificate) {
    EVP_PKEY *key = make_key("P-256");
    unsigned char *der = NULL;
    struct vch_diag diag = {0};
    assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
    int len = i2d_X509(certificate, &der);
    if (vch_certificate_values(vch_str_of(der, (size_t)len), w->arena, w->values, &w->count, &diag) != VCH_OK)
        fail_msg("%s", diag.message);
    /* Cut anywhere, it is refused. */
    for (size_t cut = 0; cut < (size_t)len; cut += 7) {
        struct vch_certificate_value dropped[VCH_CERTIFICATE_VALUES_MAX];
        size_t count = 1;
        assert_int_equal(vch_certificate_values(vch_str_of(der, cut), w->arena, dropped, &count, NULL), VCH_ERR_MALFORMED);
        assert_int_equal(count, 0);
    }
    OPENSSL_free(der);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

/* The nth value of "iot:Certificate." name, or NULL. */
static const char *value(const struct world *w, const char *name, size_t nth) {
    for (size_t i = 0; i < w->count; i++) {
        assert_memory_equal(w->values[i].name, "iot:Certificate.", 16);
        if (strcmp(w->values[i].name + 16, name) == 0 && nth-- == 0) return w->values[i].value.ptr;
    }
    return NULL;
}

static void expect(const struct world *w, const char *name, size_t nth, const char *want) {
    const char *have = value(w, name, nth);
    if (!want && have) fail_msg("%s[%zu] is %s", name, nth, have);
    if (want && (!have || strcmp(have, want) != 0)) fail_msg("%s[%zu] is %s, not %s", name, nth, have ? have : "absent", want);
}

static void test_guide(void **state) {
    struct world *w = *state;
    X509 *certificate = certificate_of(
        "C=US\nO=IoT Devices\nST=NY\nCN=LightBulb Device Cert\nGN=Bulb\ninitials=ZZ\ndnQualifier=Bulb001\nSN=Multi Color\n"
        "title=RGB\npseudonym=RGB Device\ngenerationQualifier=4\nserialNumber=123",
        "C=US\nO=IoT Devices\nOU=SmartHome\nST=WA\nCN=IoT Devices Primary CA\nGN=Primary CA1\ninitials=XY\n"
        "dnQualifier=Example corp\nSN=SmartHome\ntitle=CA1\npseudonym=Primary_CA\ngenerationQualifier=2\nserialNumber=987",
        "921285cbb7a5e086");
    add_extension(certificate, NID_issuer_alt_name, "DNS:issuer.com,IP:5.6.7.8,URI:PrimarySignerCA,email:primary@issuer.com");
    add_extension(certificate, NID_subject_alt_name,
                  "DNS:example.com,IP:1.2.3.4,IP:2001:db8::1,URI:ResourceIdentifier001,email:device1@example.com,RID:1.2.3");
    read_values(w, certificate);
    static const char *const rows[][2] = {
        {"Subject.Country", "US"}, {"Subject.Organization", "IoT Devices"}, {"Subject.State", "NY"},
        {"Subject.CommonName", "LightBulb Device Cert"}, {"Subject.GivenName", "Bulb"}, {"Subject.Initials", "ZZ"},
        {"Subject.DistinguishedNameQualifier", "Bulb001"}, {"Subject.Surname", "Multi Color"}, {"Subject.Title", "RGB"},
        {"Subject.Pseudonym", "RGB Device"}, {"Subject.GenerationQualifier", "4"}, {"Subject.SerialNumber", "123"},
        {"Subject.OrganizationalUnit", NULL}, {"Issuer.OrganizationalUnit", "SmartHome"},
        {"Issuer.CommonName", "IoT Devices Primary CA"}, {"Issuer.SerialNumber", "987"}, {"Issuer.Pseudonym", "Primary_CA"},
        {"Issuer.State", "WA"}, {"Issuer.AlternativeName.DNSName", "issuer.com"},
        {"Issuer.AlternativeName.IPAddress", "5.6.7.8"},
        {"Issuer.AlternativeName.UniformResourceIdentifier", "PrimarySignerCA"},
        {"Issuer.AlternativeName.RFC822Name", "primary@issuer.com"}, {"Subject.AlternativeName.DNSName", "example.com"},
        {"Subject.AlternativeName.IPAddress", "1.2.3.4"},
        {"Subject.AlternativeName.UniformResourceIdentifier", "ResourceIdentifier001"},
        {"Subject.AlternativeName.RFC822Name", "device1@example.com"}, {"SerialNumber", "10525622389124227206"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) expect(w, rows[i][0], 0, rows[i][1]);
    expect(w, "Subject.AlternativeName.IPAddress", 1, "2001:db8::1");
    assert_int_equal(w->count, 1 + 12 + 13 + 4 + 5);
}

static void test_directory_name(void **state) {
    struct world *w = *state;
    X509 *certificate = certificate_of("CN=x", "CN=y", "01");
    add_directory(certificate, "C=US\nO=IoT\nOU=Smart, Home\nL=Ulm\nCN=LightBulbCert");
    read_values(w, certificate);
    expect(w, "Subject.AlternativeName.DirectoryName", 0, "cn=LightBulbCert,l=Ulm,ou=Smart\\, Home,o=IoT,c=US");
    expect(w, "SerialNumber", 0, "1");
}

static void test_many_and_escapes(void **state) {
    struct world *w = *state;
    read_values(w, certificate_of("OU=a\n+OU=b\nOU=c\nO=Amazon.com Inc. L=Seattle\nCN=a,b\"c\\d+e<f>g;h\nL=Ulm", "CN=\xC3\xA9t\xC3\xA9", "7F"));
    expect(w, "Subject.OrganizationalUnit", 0, "a");
    expect(w, "Subject.OrganizationalUnit", 1, "b");
    expect(w, "Subject.OrganizationalUnit", 2, "c");
    expect(w, "Subject.OrganizationalUnit", 3, NULL);
    expect(w, "Subject.Organization", 0, "Amazon.com Inc. L\\=Seattle");
    expect(w, "Subject.CommonName", 0, "a\\,b\\\"c\\\\d\\+e\\<f\\>g\\;h");
    expect(w, "Issuer.CommonName", 0, "\xC3\xA9t\xC3\xA9");
    assert_int_equal(w->count, 1 + 5 + 1);
}

/* More than there is room for: the first ones are kept. */
static void test_too_many(void **state) {
    struct world *w = *state;
    char subject[8192] = "";
    size_t at = 0;
    for (int i = 0; i < 200; i++) at += (size_t)snprintf(subject + at, sizeof subject - at, "%sOU=u%d", i ? "\n" : "", i);
    read_values(w, certificate_of(subject, "CN=y", "01"));
    assert_int_equal(w->count, VCH_CERTIFICATE_VALUES_MAX);
    expect(w, "Subject.OrganizationalUnit", 126, "u126");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_guide, setup, teardown),
        cmocka_unit_test_setup_teardown(test_directory_name, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_and_escapes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_too_many, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
