#include "base/clock.h"
#include "base/codec.h"
#include "support/cmocka_all.h"
#include "support/net_server.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int64_t soon(void) {
    return vch_mono_ms() + 5000;
}

static struct vch_dial_options to(const struct net_server *server, const char *host) {
    return (struct vch_dial_options){.host = vch_str_from(host),
                                     .port = server->port,
                                     .root_pem = vch_str_from(server->identity.certificate_pem),
                                     .deadline_ms = soon(),
                                     .tls = true};
}

static void assert_echo(struct vch_dial *dial, const char *text) {
    char buf[64] = {0};
    assert_int_equal(vch_dial_send(dial, vch_str_from(text), soon()), VCH_OK);
    assert_int_equal(net_recv_all(dial, buf, strlen(text)), strlen(text));
    assert_string_equal(buf, text);
}

static void name_and_address_are_verified(void **state) {
    struct net_server *server = *state;
    static const char *const hosts[] = {"localhost", "127.0.0.1"};
    for (size_t i = 0; i < COUNT_OF(hosts); i++) {
        struct vch_dial_options options = to(server, hosts[i]);
        struct vch_dial *dial = NULL;
        struct vch_diag diag = {0};
        assert_int_equal(vch_dial_open(&options, &dial, &diag), VCH_OK);
        assert_string_equal(vch_dial_tls_version(dial), "TLSv1.3");
        assert_true(vch_dial_fd(dial) >= 0);
        assert_echo(dial, "hello");
        net_wait(server, &server->datas, 1);
        assert_string_equal(server->sni, i == 0 ? "localhost" : ""); /* RFC 6066 3: no SNI for addresses */
        vch_dial_close(dial);
    }
}

static void assert_refused(const struct vch_dial_options *options, enum vch_err want, const char *reason,
                           const char *words) {
    struct vch_dial *dial = NULL;
    struct vch_diag diag = {0};
    assert_int_equal(vch_dial_open(options, &dial, &diag), want);
    assert_null(dial);
    assert_string_equal(diag.reason, reason);
    if (!strstr(diag.message, words)) fail_msg("\"%s\" lacks \"%s\"", diag.message, words);
}

static void a_stranger_is_not_trusted(void **state) {
    struct net_server *server = *state;
    struct tls_material other;
    tls_make(&other, TLS_P256, "localhost", "DNS:localhost", 2);
    struct vch_dial_options options = to(server, "localhost");
    options.root_pem = vch_str_from(other.certificate_pem);
    assert_refused(&options, VCH_ERR_DENIED, "tls-untrusted", "self-signed certificate");
}

static void a_root_is_known_by_its_digest(void **state) {
    struct net_server *server = *state;
    static const char *const hosts[] = {"localhost", "127.0.0.1"};
    uint8_t pin[32];
    assert_int_equal(vch_unhex(vch_str_from(server->identity.id), pin, sizeof pin), VCH_OK);
    for (size_t i = 0; i < COUNT_OF(hosts); i++) {
        struct vch_dial_options options = to(server, hosts[i]);
        struct vch_dial *dial = NULL;
        struct vch_buf pem;
        options.root_pem = VCH_STR("nothing here"); /* is not looked at */
        options.root_sha256 = pin;
        vch_buf_init(&pem, 8192);
        assert_int_equal(vch_dial_open(&options, &dial, NULL), VCH_OK);
        assert_echo(dial, "hello");
        assert_int_equal(vch_dial_root(dial, pin, &pem), VCH_OK);
        assert_true(vch_str_eq_c(vch_str_of(pem.ptr, pem.len), server->identity.certificate_pem));
        pin[0] ^= 1;
        assert_int_equal(vch_dial_root(dial, pin, &pem), VCH_ERR_NOT_FOUND);
        pin[0] ^= 1;
        vch_buf_deinit(&pem);
        vch_dial_close(dial);
    }
    for (size_t i = 0; i < sizeof pin; i += 31) {
        struct vch_dial_options options = to(server, "localhost"); /* whose root would do */
        pin[i] ^= 0x80;
        options.root_sha256 = pin;
        assert_refused(&options, VCH_ERR_DENIED, "tls-untrusted", "the root certificate is not the one that was handed over");
        pin[i] ^= 0x80;
    }
}

/* A first meeting takes whatever root is sent, tells which one, and excuses nothing else. */
static void a_first_meeting_tells_the_root(void **state) {
    struct net_server *server = *state;
    uint8_t want[32], got[32];
    struct vch_dial *dial = NULL;
    struct vch_buf pem;
    vch_buf_init(&pem, 8192);
    struct vch_dial_options options = to(server, "localhost");
    options.root_pem = VCH_STR("nothing here"); /* is not looked at */
    options.root_unknown = true;
    assert_int_equal(vch_unhex(vch_str_from(server->identity.id), want, sizeof want), VCH_OK);
    assert_int_equal(vch_dial_open(&options, &dial, NULL), VCH_OK);
    assert_echo(dial, "hello");
    assert_int_equal(vch_dial_anchor(dial, got, &pem), VCH_OK);
    assert_memory_equal(got, want, sizeof want);
    assert_true(vch_str_eq_c(vch_str_of(pem.ptr, pem.len), server->identity.certificate_pem));
    vch_dial_close(dial);
    /* What was found is what the next connection may be held to. */
    options = to(server, "localhost");
    options.root_pem = vch_str_of(pem.ptr, pem.len);
    assert_int_equal(vch_dial_open(&options, &dial, NULL), VCH_OK);
    memset(got, 0, sizeof got);
    assert_int_equal(vch_dial_anchor(dial, got, &pem), VCH_OK);
    assert_memory_equal(got, want, sizeof want);
    vch_dial_close(dial);
    vch_buf_deinit(&pem);
    /* A pin is stronger: who has one does not meet strangers. */
    want[3] ^= 1;
    options.root_sha256 = want;
    options.root_unknown = true;
    assert_refused(&options, VCH_ERR_DENIED, "tls-untrusted", "the root certificate is not the one that was handed over");
}

/* The digest stands for the root, and for nothing else of the check; so does a first meeting. */
static void a_digest_excuses_nothing(void **state) {
    (void)state;
    static const struct {
        struct net_setup setup;
        const char *host, *words;
    } rows[] = {{{.names = "DNS:*.example.com"}, "localhost", "hostname mismatch"},
                {{.names = "DNS:localhost"}, "127.0.0.1", "IP address mismatch"},
                {{.days = -1}, "localhost", "certificate has expired"}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct net_server server;
        uint8_t pin[32];
        net_server_start(&server, &rows[i].setup);
        assert_int_equal(vch_unhex(vch_str_from(server.identity.id), pin, sizeof pin), VCH_OK);
        struct vch_dial_options options = to(&server, rows[i].host);
        options.root_sha256 = pin;
        assert_refused(&options, VCH_ERR_DENIED, "tls-untrusted", rows[i].words);
        options.root_sha256 = NULL;
        options.root_unknown = true;
        assert_refused(&options, VCH_ERR_DENIED, "tls-untrusted", rows[i].words);
        net_server_free(&server);
    }
}

static void another_name_is_not_trusted(void **state) {
    (void)state;
    struct net_server server;
    net_server_start(&server, &(struct net_setup){.address = "0.0.0.0:0"});
    struct vch_dial_options options = to(&server, "127.0.0.2");
    assert_refused(&options, VCH_ERR_DENIED, "tls-untrusted", "IP address mismatch");
    net_server_free(&server);
    net_server_start(&server, &(struct net_setup){.names = "DNS:*.example.com"});
    options = to(&server, "localhost");
    assert_refused(&options, VCH_ERR_DENIED, "tls-untrusted", "hostname mismatch");
    net_server_free(&server);
}

static void an_expired_server_is_not_trusted(void **state) {
    (void)state;
    struct net_server server;
    net_server_start(&server, &(struct net_setup){.days = -1});
    struct vch_dial_options options = to(&server, "localhost");
    assert_refused(&options, VCH_ERR_DENIED, "tls-untrusted", "certificate has expired");
    net_wait(&server, &server.closed, 1);
    assert_int_equal(server.reason, VCH_CLOSE_HANDSHAKE);
    assert_string_equal(server.diag.reason, "tls-alert");
    net_server_free(&server);
}

static void broken_credentials_are_named(void **state) {
    struct net_server *server = *state;
    struct tls_material one, two;
    tls_make(&one, TLS_P256, "one", NULL, 2);
    tls_make(&two, TLS_P256, "two", NULL, 2);
    struct vch_dial_options good = to(server, "localhost");
    good.certificate_pem = vch_str_from(one.certificate_pem);
    good.key_pem = vch_str_from(one.key_pem);
    struct vch_dial *dial = NULL;
    assert_int_equal(vch_dial_open(&good, &dial, NULL), VCH_OK);
    vch_dial_close(dial);

    struct vch_dial_options bad = good;
    bad.key_pem = vch_str_from(two.key_pem);
    assert_refused(&bad, VCH_ERR_INVALID, "credentials-invalid", "key");
    bad = good;
    bad.key_pem = VCH_STR("not a key");
    assert_refused(&bad, VCH_ERR_INVALID, "credentials-invalid", "private key cannot be used");
    bad = good;
    bad.certificate_pem = VCH_STR("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    assert_refused(&bad, VCH_ERR_INVALID, "credentials-invalid", "client certificate");
    bad = good;
    bad.root_pem = VCH_STR("nothing here");
    assert_refused(&bad, VCH_ERR_INVALID, "credentials-invalid", "root certificates");
    bad = good;
    char half[8192];
    (void)snprintf(half, sizeof half, "%s-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
                   server->identity.certificate_pem);
    bad.root_pem = vch_str_from(half);
    assert_refused(&bad, VCH_ERR_INVALID, "credentials-invalid", "root certificates");
    bad = good;
    bad.alpn = "";
    assert_refused(&bad, VCH_ERR_INVALID, "alpn-invalid", "protocol name");
}

/* Asking for a passphrase on a terminal would hang a daemon. */
static void an_encrypted_key_is_refused_without_asking(void **state) {
    struct net_server *server = *state;
    struct tls_material one;
    tls_make(&one, TLS_P256, "one", NULL, 2);
    struct vch_dial_options options = to(server, "localhost");
    options.certificate_pem = vch_str_from(one.certificate_pem);
    options.key_pem = VCH_STR("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
                              "MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAg=\n"
                              "-----END ENCRYPTED PRIVATE KEY-----\n");
    assert_refused(&options, VCH_ERR_INVALID, "credentials-invalid", "private key");
}

static void hosts_that_cannot_be(void **state) {
    struct net_server *server = *state;
    struct vch_dial_options options = to(server, "");
    assert_refused(&options, VCH_ERR_INVALID, "host-invalid", "host");
    options.host = vch_str_of("local\0host", 10);
    assert_refused(&options, VCH_ERR_INVALID, "host-invalid", "host");
    char longest[300];
    memset(longest, 'a', sizeof longest);
    options.host = vch_str_of(longest, sizeof longest);
    assert_refused(&options, VCH_ERR_INVALID, "host-invalid", "host");
    options = to(server, "no-such-host.invalid");
    assert_refused(&options, VCH_ERR_IO, "name-unresolved", "no-such-host.invalid");
}

static int bound_socket(bool listening, uint16_t *ret_port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
    if (listening) assert_int_equal(listen(fd, 4), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    *ret_port = ntohs(address.sin_port);
    return fd;
}

static void nobody_listens(void **state) {
    struct net_server *server = *state;
    struct vch_dial_options options = to(server, "127.0.0.1");
    int fd = bound_socket(false, &options.port);
    assert_refused(&options, VCH_ERR_IO, "connect-failed", "Connection refused");
    (void)close(fd);
}

/* The kernel accepts, nobody says a word. */
static void silence_ends_at_the_deadline(void **state) {
    struct net_server *server = *state;
    struct vch_dial_options options = to(server, "127.0.0.1");
    int fd = bound_socket(true, &options.port);
    int64_t before = vch_mono_ms();
    options.deadline_ms = before + 150;
    assert_refused(&options, VCH_ERR_TIMEOUT, "tls-timeout", "in time");
    assert_in_range(vch_mono_ms() - before, 145, 2000);
    (void)close(fd);
}

static void a_deadline_in_the_past(void **state) {
    struct net_server *server = *state;
    struct vch_dial_options options = to(server, "localhost");
    struct vch_dial *dial = NULL;
    int fd = bound_socket(true, &options.port);
    options.deadline_ms = vch_mono_ms() - 1000;
    assert_int_equal(vch_dial_open(&options, &dial, NULL), VCH_ERR_TIMEOUT);
    assert_null(dial);
    (void)close(fd);
}

static void receiving_waits_until_its_deadline(void **state) {
    struct net_server *server = *state;
    struct vch_dial *dial = net_dial(server, NULL, NULL);
    char buf[8];
    size_t len = 1;
    int64_t before = vch_mono_ms();
    assert_int_equal(vch_dial_recv(dial, buf, sizeof buf, &len, before + 100), VCH_ERR_TIMEOUT);
    assert_int_equal(len, 0);
    assert_in_range(vch_mono_ms() - before, 95, 2000);
    assert_echo(dial, "still usable");
    vch_dial_close(dial);
}

static void much_goes_through(void **state) {
    struct net_server *server = *state;
    enum { SIZE = 1 << 20 };
    struct vch_dial *dial = net_dial(server, NULL, NULL);
    char *out = malloc(SIZE), *in = malloc(SIZE);
    for (size_t i = 0; i < SIZE; i++) out[i] = (char)(i * 7 + i / 251);
    for (size_t at = 0; at < SIZE; at += 65536) {
        assert_int_equal(vch_dial_send(dial, vch_str_of(out + at, 65536), soon()), VCH_OK);
        assert_int_equal(net_recv_all(dial, in + at, 65536), 65536);
    }
    assert_memory_equal(out, in, SIZE);
    free(out);
    free(in);
    vch_dial_close(dial);
}

static size_t close_on_data(struct net_server *server, struct vch_conn *conn, struct vch_str bytes) {
    (void)server;
    vch_conn_write(conn, VCH_STR("bye"));
    vch_conn_close(conn, NULL);
    return bytes.len;
}

/* Writing to a peer that has gone must be an error and not a signal. */
static void a_gone_peer(bool plain) {
    static const struct net_script script = {.on_data = close_on_data};
    struct net_server server;
    net_server_start(&server, &(struct net_setup){.plain = plain, .script = &script});
    struct vch_dial *dial = net_dial(&server, NULL, NULL);
    char buf[8];
    size_t len = 0;
    assert_int_equal(vch_dial_send(dial, VCH_STR("x"), soon()), VCH_OK);
    assert_int_equal(net_recv_all(dial, buf, 3), 3);
    assert_int_equal(vch_dial_recv(dial, buf, sizeof buf, &len, soon()), VCH_ERR_NOT_FOUND);
    assert_string_equal(vch_dial_diag(dial)->reason, "peer-closed");
    net_server_free(&server);
    enum vch_err err = VCH_OK;
    for (int i = 0; i < 100 && err == VCH_OK; i++) {
        err = vch_dial_send(dial, VCH_STR("anybody there?"), soon());
        (void)usleep(1000);
    }
    assert_int_equal(err, VCH_ERR_IO);
    assert_string_equal(vch_dial_diag(dial)->reason, "connection-lost");
    vch_dial_close(dial);
}

static void a_gone_peer_is_an_error(void **state) {
    (void)state;
    a_gone_peer(true);
    a_gone_peer(false);
}

static void plain_and_ipv6(void **state) {
    (void)state;
    struct net_server server;
    net_server_start(&server, &(struct net_setup){.plain = true, .address = "[::]:0"});
    static const struct { const char *host, *seen; } rows[] = {{"127.0.0.1", "127.0.0.1"}, {"::1", "::1"}};
    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        struct vch_dial_options options = to(&server, rows[i].host);
        struct vch_dial *dial = NULL;
        options.tls = false;
        assert_int_equal(vch_dial_open(&options, &dial, NULL), VCH_OK);
        assert_echo(dial, "plain");
        assert_string_equal(server.ip, rows[i].seen);
        assert_string_equal(vch_dial_tls_version(dial), "");
        assert_int_equal(vch_dial_alpn(dial).len, 0);
        vch_dial_close(dial);
    }
    net_server_free(&server);
    vch_dial_close(NULL);
}

static void tls_to_a_plain_server(void **state) {
    (void)state;
    struct net_server server;
    net_server_start(&server, &(struct net_setup){.plain = true});
    struct vch_dial_options options = to(&server, "127.0.0.1");
    options.root_pem = vch_str_of(NULL, 0); /* the system's */
    assert_refused(&options, VCH_ERR_DENIED, "tls-failed", "TLS failed");
    net_server_free(&server);
}

static void alpn_is_agreed(void **state) {
    (void)state;
    static const char *const protocols[] = {"x-amzn-mqtt-ca", "http/1.1", NULL};
    struct net_server server;
    net_server_start(&server, &(struct net_setup){.alpn = protocols});
    struct vch_dial *dial = net_dial(&server, NULL, "http/1.1");
    assert_str(vch_dial_alpn(dial), "http/1.1");
    net_wait(&server, &server.opened, 1);
    assert_string_equal(server.alpn, "http/1.1");
    vch_dial_close(dial);
    struct vch_diag diag = {0};
    assert_int_equal(net_dial_try(&server, NULL, "h2", &dial, &diag), VCH_ERR_DENIED);
    assert_string_equal(diag.reason, "tls-refused");
    assert_non_null(strstr(diag.message, "no application protocol"));
    net_server_free(&server);
}

static enum vch_err refuse_all(void *arg, const char id[65], struct vch_diag *diag) {
    (void)arg;
    (void)id;
    return vch_diag_set(diag, VCH_ERR_DENIED, "certificate-revoked", "", "Revoked.");
}

/* TLS 1.3: the client believes the handshake done; the alert comes with its first read. */
static void a_refused_certificate_shows_at_the_first_read(void **state) {
    (void)state;
    struct net_server server;
    struct tls_material client;
    char buf[8];
    size_t len = 0;
    tls_make(&client, TLS_P256, "device", NULL, 2);
    net_server_start(&server, &(struct net_setup){.client_cert = VCH_CLIENT_CERT_REQUIRED, .verify = refuse_all});
    struct vch_dial *dial = net_dial(&server, &client, NULL);
    (void)!vch_dial_send(dial, VCH_STR("CONNECT"), soon());
    assert_int_equal(vch_dial_recv(dial, buf, sizeof buf, &len, soon()), VCH_ERR_DENIED);
    assert_string_equal(vch_dial_diag(dial)->reason, "tls-refused");
    assert_non_null(strstr(vch_dial_diag(dial)->message, "certificate revoked"));
    vch_dial_close(dial);
    net_server_free(&server);
}

static int start(void **state) {
    static struct net_server server;
    net_server_start(&server, &(struct net_setup){0});
    *state = &server;
    return 0;
}

static int stop(void **state) {
    net_server_free(*state);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(name_and_address_are_verified, start, stop),
        cmocka_unit_test_setup_teardown(a_stranger_is_not_trusted, start, stop),
        cmocka_unit_test_setup_teardown(a_root_is_known_by_its_digest, start, stop),
        cmocka_unit_test_setup_teardown(a_first_meeting_tells_the_root, start, stop),
        cmocka_unit_test(a_digest_excuses_nothing),
        cmocka_unit_test(another_name_is_not_trusted),
        cmocka_unit_test(an_expired_server_is_not_trusted),
        cmocka_unit_test_setup_teardown(broken_credentials_are_named, start, stop),
        cmocka_unit_test_setup_teardown(an_encrypted_key_is_refused_without_asking, start, stop),
        cmocka_unit_test_setup_teardown(hosts_that_cannot_be, start, stop),
        cmocka_unit_test_setup_teardown(nobody_listens, start, stop),
        cmocka_unit_test_setup_teardown(silence_ends_at_the_deadline, start, stop),
        cmocka_unit_test_setup_teardown(a_deadline_in_the_past, start, stop),
        cmocka_unit_test_setup_teardown(receiving_waits_until_its_deadline, start, stop),
        cmocka_unit_test_setup_teardown(much_goes_through, start, stop),
        cmocka_unit_test(a_gone_peer_is_an_error),
        cmocka_unit_test(plain_and_ipv6),
        cmocka_unit_test(tls_to_a_plain_server),
        cmocka_unit_test(alpn_is_agreed),
        cmocka_unit_test(a_refused_certificate_shows_at_the_first_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
