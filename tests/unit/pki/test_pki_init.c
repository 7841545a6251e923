#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <openssl/x509v3.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "base/clock.h"
#include "base/file.h"
#include "pki/authority_priv.h"
#include "pki/init.h"
#include "support/folder.h"

static char folder[64];

static int setup(void **state) {
    (void)state;
    folder_make(folder);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    folder_remove(folder);
    return 0;
}

static const char *at(const char *name) {
    static char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static struct vch_str text_of(const char *name, struct vch_buf *buf) {
    struct vch_str text;
    vch_buf_init(buf, 65536);
    assert_int_equal(vch_file_read(at(name), buf, NULL), VCH_OK);
    assert_int_equal(vch_buf_finish(buf, &text), VCH_OK);
    return text;
}

static X509 *certificate_of(const char *name) {
    struct vch_buf buf;
    X509 *x = vch_authority_parse_certificate(text_of(name, &buf));
    vch_buf_deinit(&buf);
    assert_non_null(x);
    return x;
}

static void expect_mode(const char *name, mode_t mode) {
    struct stat st;
    if (stat(at(name), &st) != 0) fail_msg("%s is not there", name);
    if ((st.st_mode & 0777) != mode) fail_msg("%s has mode %o", name, st.st_mode & 0777);
}

static void expect_whole(void) {
    static const char *const keys[] = {"ca/root.key", "ca/device.key", "ca/claim.key", "tls/server.key"};
    static const char *const certificates[] = {"ca/root.pem", "ca/device.pem", "ca/claim.pem", "tls/server.pem"};
    expect_mode("ca", 0700);
    expect_mode("tls", 0700);
    expect_mode("ca.pem", 0644);
    for (size_t i = 0; i < 4; i++) {
        struct vch_buf buf;
        expect_mode(keys[i], 0600);
        expect_mode(certificates[i], 0644);
        EVP_PKEY *key = vch_authority_parse_key(text_of(keys[i], &buf));
        X509 *x = certificate_of(certificates[i]);
        assert_non_null(key);
        assert_int_equal(X509_check_private_key(x, key), 1);
        X509 *root = certificate_of("ca.pem");
        EVP_PKEY *root_key = X509_get_pubkey(root);
        assert_int_equal(X509_verify(x, root_key), 1);
        EVP_PKEY_free(root_key);
        X509_free(root);
        X509_free(x);
        EVP_PKEY_free(key);
        vch_buf_deinit(&buf);
    }
    struct stat st;
    assert_int_not_equal(stat(at("ca.new"), &st), 0);
}

static void an_empty_folder_is_filled(void **state) {
    (void)state;
    static const char *const names[] = {"iot.example.com", "10.1.2.3"};
    struct vch_diag diag = {.reason = NULL};
    if (vch_pki_prepare(folder, names, 2, &diag) != VCH_OK) fail_msg("%s", diag.message);
    expect_whole();
    X509 *server = certificate_of("tls/server.pem");
    static const char *const expected[] = {"iot.example.com", "localhost", "10.1.2.3", "127.0.0.1", "::1"};
    for (size_t i = 0; i < 5; i++) assert_true(vch_authority_covers(server, &expected[i], 1));
    assert_int_equal(X509_check_ip_asc(server, "10.1.2.4", 0), 0);
    assert_true(X509_get_extended_key_usage(server) == XKU_SSL_SERVER);
    int days = 0, seconds = 0;
    assert_true(ASN1_TIME_diff(&days, &seconds, X509_get0_notBefore(server), X509_get0_notAfter(server)));
    assert_int_equal(days, 825);
    X509_free(server);
    for (int i = 0; i < 2; i++) {
        X509 *ca = certificate_of(i ? "ca/device.pem" : "ca/claim.pem");
        assert_int_equal(X509_get_pathlen(ca), 0);
        assert_int_equal(X509_check_ca(ca), 1);
        assert_true(X509_get_key_usage(ca) == (KU_KEY_CERT_SIGN | KU_CRL_SIGN));
        X509_free(ca);
    }
    char command[512];
    (void)snprintf(command, sizeof command,
                   "openssl verify -x509_strict -purpose sslserver -verify_hostname iot.example.com -CAfile %s/ca.pem %s/tls/server.pem >/dev/null 2>&1",
                   folder, folder);
    assert_int_equal(system(command), 0);
}

/* One file, before and after. */
static bool same_after(const char *name, const char *const *names, size_t count) {
    struct vch_buf before, after;
    struct vch_str a = text_of(name, &before);
    struct vch_diag diag = {.reason = NULL};
    if (vch_pki_prepare(folder, names, count, &diag) != VCH_OK) fail_msg("%s", diag.message);
    bool same = vch_str_eq(a, text_of(name, &after));
    vch_buf_deinit(&before);
    vch_buf_deinit(&after);
    return same;
}

static void a_second_call_changes_nothing(void **state) {
    (void)state;
    static const char *const files[] = {"ca.pem", "ca/root.key", "ca/device.key", "ca/claim.pem", "tls/server.key", "tls/server.pem"};
    static const char *const names[] = {"LOCALHOST", "iot.example.com"};
    assert_int_equal(vch_pki_prepare(folder, names, 2, NULL), VCH_OK);
    for (size_t i = 0; i < 6; i++) assert_true(same_after(files[i], names, 2));
    assert_true(same_after("tls/server.pem", names, 1)); /* a name less is still covered */
}

static void a_new_name_renews_the_server_certificate_alone(void **state) {
    (void)state;
    static const char *const names[] = {"a.example.com", "2001:db8::1"};
    assert_int_equal(vch_pki_prepare(folder, NULL, 0, NULL), VCH_OK);
    assert_false(same_after("tls/server.pem", names, 1));
    assert_false(same_after("tls/server.pem", names, 2));
    assert_true(same_after("tls/server.key", names, 2));
    assert_true(same_after("ca.pem", names, 2));
    expect_whole();
}

static void age_renews_at_two_thirds(void **state) {
    (void)state;
    const int64_t day = INT64_C(86400000);
    assert_int_equal(vch_pki_prepare(folder, NULL, 0, NULL), VCH_OK);
    vch_clock_advance(548 * day);
    assert_true(same_after("tls/server.pem", NULL, 0));
    vch_clock_advance(2 * day);
    assert_false(same_after("tls/server.pem", NULL, 0));
    vch_clock_advance(-550 * day);
    assert_false(same_after("tls/server.pem", NULL, 0)); /* of the future: made anew */
}

static void a_lost_certificate_is_made_again_and_a_foreign_one_kept(void **state) {
    (void)state;
    assert_int_equal(vch_pki_prepare(folder, NULL, 0, NULL), VCH_OK);
    assert_int_equal(unlink(at("tls/server.pem")), 0);
    assert_int_equal(unlink(at("ca.pem")), 0);
    assert_int_equal(vch_pki_prepare(folder, NULL, 0, NULL), VCH_OK);
    expect_whole();
    assert_int_equal(unlink(at("tls/server.key")), 0); /* a new key, so a new certificate */
    assert_false(same_after("tls/server.pem", NULL, 0));
    expect_whole();

    struct vch_authority own;
    struct vch_buf buf;
    assert_true(vch_authority_make("Operator's own", NULL, &own));
    vch_buf_init(&buf, 65536);
    vch_authority_put_certificate(own.certificate, &buf);
    assert_int_equal(vch_file_write(at("tls/server.pem"), vch_str_of(buf.ptr, buf.len), 0644, NULL), VCH_OK);
    struct vch_diag diag = {.reason = NULL};
    assert_int_equal(vch_pki_prepare(folder, NULL, 0, &diag), VCH_ERR_MALFORMED); /* not of this key */
    assert_string_equal(diag.field, "tls/server.pem");
    vch_buf_clear(&buf);
    vch_authority_put_key(own.key, &buf);
    assert_int_equal(vch_file_write(at("tls/server.key"), vch_str_of(buf.ptr, buf.len), 0600, NULL), VCH_OK);
    assert_true(same_after("tls/server.pem", NULL, 0));
    vch_buf_deinit(&buf);
    vch_authority_deinit(&own);
}

static void a_lost_issuer_is_not_replaced(void **state) {
    (void)state;
    static const char *const files[] = {"ca/device.key", "ca/claim.pem", "ca/root.pem"};
    assert_int_equal(vch_pki_prepare(folder, NULL, 0, NULL), VCH_OK);
    for (size_t i = 0; i < 3; i++) {
        char kept[300];
        (void)snprintf(kept, sizeof kept, "%s/kept", folder);
        assert_int_equal(rename(at(files[i]), kept), 0);
        struct vch_diag diag = {.reason = NULL};
        assert_int_equal(vch_pki_prepare(folder, NULL, 0, &diag), VCH_ERR_MALFORMED);
        assert_string_equal(diag.field, files[i]);
        assert_int_equal(rename(kept, at(files[i])), 0);
    }
    /* The root's key may be kept elsewhere, until it is needed. */
    static const char *const name = "new.example.com";
    assert_int_equal(unlink(at("ca/root.key")), 0);
    assert_int_equal(vch_pki_prepare(folder, NULL, 0, NULL), VCH_OK);
    struct vch_diag diag = {.reason = NULL};
    assert_int_equal(vch_pki_prepare(folder, &name, 1, &diag), VCH_ERR_MALFORMED);
    assert_string_equal(diag.field, "ca/root.key");
}

static void bad_names_are_refused(void **state) {
    (void)state;
    static const char *const bad[] = {"", "a b", "-x", ".x", "a/b", "a:b", "*.example.com", "n\xC3\xA9"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct vch_diag diag = {.reason = NULL};
        assert_int_equal(vch_pki_prepare(folder, &bad[i], 1, &diag), VCH_ERR_INVALID);
        assert_string_equal(diag.field, "hostname");
    }
    struct stat st;
    assert_int_not_equal(stat(at("ca"), &st), 0); /* and nothing was made */
}

/* Killed at many moments, the next call always completes. */
static void a_kill_at_any_moment_is_completed(void **state) {
    (void)state;
    int killed = 0;
    for (int i = 0; i < 60; i++) {
        folder_remove(folder);
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) _exit(vch_pki_prepare(folder, NULL, 0, NULL) == VCH_OK ? 0 : 1);
        struct timespec pause = {0, (long)i * 250000}; /* 0 to 15 ms */
        (void)nanosleep(&pause, NULL);
        (void)kill(pid, SIGKILL);
        int status = 0;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        killed += WIFSIGNALED(status) ? 1 : 0;
        struct vch_diag diag = {.reason = NULL};
        if (vch_pki_prepare(folder, NULL, 0, &diag) != VCH_OK) fail_msg("after a kill: %s", diag.message);
        expect_whole();
    }
    assert_true(killed > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_empty_folder_is_filled, setup, teardown),
        cmocka_unit_test_setup_teardown(a_second_call_changes_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(a_new_name_renews_the_server_certificate_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(age_renews_at_two_thirds, setup, teardown),
        cmocka_unit_test_setup_teardown(a_lost_certificate_is_made_again_and_a_foreign_one_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(a_lost_issuer_is_not_replaced, setup, teardown),
        cmocka_unit_test_setup_teardown(bad_names_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_kill_at_any_moment_is_completed, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
