/* The server's TLS against OpenSSL's client with chosen settings: what is
 * agreed, what is refused, and with which alert. */
#include "base/clock.h"
#include "support/cmocka_all.h"
#include "support/net_server.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

struct client {
    int max_version; /* 0: newest */
    int min_version;
    const char *suites12, *suites13, *groups, *sigalgs;
    const struct tls_material *material;
    const char *sni, *alpn; /* alpn in wire form */
    unsigned alpn_len;
};

struct outcome {
    bool ok;   /* handshake and one echoed byte */
    int alert; /* that came from the server; 0: none */
    char version[16], suite[64], group[32], alpn[32];
    bool resumable; /* the server gave a ticket or a session id */
    bool compressed;
};

enum { NO_ALERT = 0 };

static int connect_to(const struct net_server *server) {
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(server->port)};
    const struct timeval limit = {.tv_sec = 5};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void use_material(SSL_CTX *ctx, const struct tls_material *material) {
    BIO *bio = BIO_new_mem_buf(material->certificate_pem, -1);
    X509 *cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    BIO_free(bio);
    bio = BIO_new_mem_buf(material->key_pem, -1);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    BIO_free(bio);
    assert_int_equal(SSL_CTX_use_certificate(ctx, cert), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(ctx, key), 1);
    X509_free(cert);
    EVP_PKEY_free(key);
}

static SSL *client_new(const struct net_server *server, const struct client *client) {
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_security_level(ctx, 0); /* the server's rules are under test, not the client's */
    (void)SSL_CTX_set_min_proto_version(ctx, client->min_version ? client->min_version : TLS1_VERSION);
    if (client->max_version) (void)SSL_CTX_set_max_proto_version(ctx, client->max_version);
    if (client->suites12) assert_int_equal(SSL_CTX_set_cipher_list(ctx, client->suites12), 1);
    if (client->suites13) assert_int_equal(SSL_CTX_set_ciphersuites(ctx, client->suites13), 1);
    if (client->groups) assert_int_equal(SSL_CTX_set1_groups_list(ctx, client->groups), 1);
    if (client->sigalgs) assert_int_equal(SSL_CTX_set1_sigalgs_list(ctx, client->sigalgs), 1);
    if (client->material) use_material(ctx, client->material);
    SSL *ssl = SSL_new(ctx);
    SSL_CTX_free(ctx);
    if (client->sni) assert_int_equal(SSL_set_tlsext_host_name(ssl, client->sni), 1);
    if (client->alpn)
        assert_int_equal(SSL_set_alpn_protos(ssl, (const unsigned char *)client->alpn, client->alpn_len), 0);
    assert_int_equal(SSL_set_fd(ssl, connect_to(server)), 1);
    return ssl;
}

static void client_free(SSL *ssl) {
    int fd = SSL_get_fd(ssl);
    SSL_free(ssl);
    (void)close(fd);
}

static int alert_of(void) {
    for (unsigned long code = ERR_get_error(); code; code = ERR_get_error())
        if (ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) >= SSL_AD_REASON_OFFSET)
            return ERR_GET_REASON(code) - SSL_AD_REASON_OFFSET;
    return NO_ALERT;
}

static struct outcome attempt(const struct net_server *server, const struct client *client) {
    struct outcome outcome = {0};
    char byte = 'x';
    ERR_clear_error();
    SSL *ssl = client_new(server, client);
    outcome.ok = SSL_connect(ssl) == 1 && SSL_write(ssl, &byte, 1) == 1 && SSL_read(ssl, &byte, 1) == 1;
    outcome.alert = outcome.ok ? NO_ALERT : alert_of();
    if (outcome.ok) {
        const unsigned char *alpn = NULL;
        unsigned len = 0;
        SSL_get0_alpn_selected(ssl, &alpn, &len);
        (void)snprintf(outcome.version, sizeof outcome.version, "%s", SSL_get_version(ssl));
        (void)snprintf(outcome.suite, sizeof outcome.suite, "%s", SSL_get_cipher(ssl));
        (void)snprintf(outcome.alpn, sizeof outcome.alpn, "%.*s", (int)len, (const char *)alpn);
        int nid = (int)SSL_get_negotiated_group(ssl);
        (void)snprintf(outcome.group, sizeof outcome.group, "%s", OBJ_nid2sn(nid));
        outcome.resumable =
            SSL_SESSION_has_ticket(SSL_get_session(ssl)) || SSL_SESSION_is_resumable(SSL_get_session(ssl));
        outcome.compressed = SSL_get_current_compression(ssl) != NULL;
    }
    client_free(ssl);
    return outcome;
}

/* ---- what is agreed ------------------------------------------------------------- */

struct agreement {
    const char *what;
    struct client client;
    bool ok;
    int alert;
    const char *version, *suite, *group;
};

static void check_agreements(const struct net_server *server, const struct agreement *rows, size_t count) {
    for (size_t i = 0; i < count; i++) {
        struct outcome got = attempt(server, &rows[i].client);
        if (got.ok != rows[i].ok || got.alert != rows[i].alert)
            fail_msg("%s: ok %d, alert %d", rows[i].what, got.ok, got.alert);
        if (rows[i].version && strcmp(got.version, rows[i].version) != 0)
            fail_msg("%s: version %s", rows[i].what, got.version);
        if (rows[i].suite && strcmp(got.suite, rows[i].suite) != 0) fail_msg("%s: suite %s", rows[i].what, got.suite);
        if (rows[i].group && strcmp(got.group, rows[i].group) != 0) fail_msg("%s: group %s", rows[i].what, got.group);
        if (got.ok && (got.resumable || got.compressed))
            fail_msg("%s: resumable %d, compressed %d", rows[i].what, got.resumable, got.compressed);
    }
}

static void versions_suites_groups(void **state) {
    (void)state;
    static const struct agreement rows[] = {
        {"defaults", {0}, true, 0, "TLSv1.3", "TLS_AES_128_GCM_SHA256", "X25519"},
        {"TLS 1.2", {.max_version = TLS1_2_VERSION}, true, 0, "TLSv1.2", "ECDHE-ECDSA-AES128-GCM-SHA256", "X25519"},
        {"TLS 1.1",
         {.max_version = TLS1_1_VERSION, .suites12 = "ALL:@SECLEVEL=0"},
         false,
         SSL_AD_PROTOCOL_VERSION,
         NULL,
         NULL,
         NULL},
        {"1.3 AES-256", {.suites13 = "TLS_AES_256_GCM_SHA384"}, true, 0, "TLSv1.3", "TLS_AES_256_GCM_SHA384", NULL},
        {"1.3 the client likes ChaCha20",
         {.suites13 = "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256"},
         true,
         0,
         "TLSv1.3",
         "TLS_CHACHA20_POLY1305_SHA256",
         NULL},
        {"1.3 CCM",
         {.min_version = TLS1_3_VERSION, .suites13 = "TLS_AES_128_CCM_SHA256"},
         false,
         SSL_AD_HANDSHAKE_FAILURE,
         NULL,
         NULL,
         NULL},
        {"1.2 AES-256",
         {.max_version = TLS1_2_VERSION, .suites12 = "ECDHE-ECDSA-AES256-GCM-SHA384"},
         true,
         0,
         "TLSv1.2",
         "ECDHE-ECDSA-AES256-GCM-SHA384",
         NULL},
        {"1.2 ChaCha20",
         {.max_version = TLS1_2_VERSION, .suites12 = "ECDHE-ECDSA-CHACHA20-POLY1305"},
         true,
         0,
         "TLSv1.2",
         "ECDHE-ECDSA-CHACHA20-POLY1305",
         NULL},
        {"1.2 CBC",
         {.max_version = TLS1_2_VERSION, .suites12 = "ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES128-SHA"},
         false,
         SSL_AD_HANDSHAKE_FAILURE,
         NULL,
         NULL,
         NULL},
        {"1.2 no forward secrecy",
         {.max_version = TLS1_2_VERSION, .suites12 = "AES128-GCM-SHA256"},
         false,
         SSL_AD_HANDSHAKE_FAILURE,
         NULL,
         NULL,
         NULL},
        {"1.2 anonymous",
         {.max_version = TLS1_2_VERSION, .suites12 = "AECDH-AES128-SHA:@SECLEVEL=0"},
         false,
         SSL_AD_HANDSHAKE_FAILURE,
         NULL,
         NULL,
         NULL},
        {"the client likes P-384, knows X25519", {.groups = "P-384:X25519"}, true, 0, "TLSv1.3", NULL, NULL},
        {"P-256 only", {.groups = "P-256"}, true, 0, "TLSv1.3", NULL, "prime256v1"},
        {"P-384 only", {.groups = "P-384"}, true, 0, "TLSv1.3", NULL, "secp384r1"},
        {"P-521 only", {.groups = "P-521"}, false, SSL_AD_HANDSHAKE_FAILURE, NULL, NULL, NULL},
        {"X448 only", {.groups = "X448"}, false, SSL_AD_HANDSHAKE_FAILURE, NULL, NULL, NULL},
        {"1.2 P-521 only",
         {.max_version = TLS1_2_VERSION, .groups = "P-521"},
         false,
         SSL_AD_HANDSHAKE_FAILURE,
         NULL,
         NULL,
         NULL},
        {"SHA-1 signatures only",
         {.max_version = TLS1_2_VERSION, .sigalgs = "ECDSA+SHA1"},
         false,
         SSL_AD_HANDSHAKE_FAILURE,
         NULL,
         NULL,
         NULL},
    };
    struct net_server server;
    net_server_start(&server, &(struct net_setup){0});
    check_agreements(&server, rows, COUNT_OF(rows));
    net_server_free(&server);
}

static void an_rsa_server(void **state) {
    (void)state;
    static const struct agreement rows[] = {
        {"1.3", {0}, true, 0, "TLSv1.3", "TLS_AES_128_GCM_SHA256", "X25519"},
        {"1.2", {.max_version = TLS1_2_VERSION}, true, 0, "TLSv1.2", "ECDHE-RSA-AES128-GCM-SHA256", NULL},
        {"1.2 RSA key transport",
         {.max_version = TLS1_2_VERSION, .suites12 = "AES128-GCM-SHA256:AES256-GCM-SHA384"},
         false,
         SSL_AD_HANDSHAKE_FAILURE,
         NULL,
         NULL,
         NULL},
        {"1.2 finite-field DH",
         {.max_version = TLS1_2_VERSION, .suites12 = "DHE-RSA-AES128-GCM-SHA256"},
         false,
         SSL_AD_HANDSHAKE_FAILURE,
         NULL,
         NULL,
         NULL},
    };
    struct net_server server;
    net_server_start(&server, &(struct net_setup){.key = TLS_RSA_2048});
    check_agreements(&server, rows, COUNT_OF(rows));
    net_server_free(&server);
}

/* ---- ALPN and SNI ------------------------------------------------------------------ */

static void alpn_and_sni(void **state) {
    (void)state;
    static const char *const liked[] = {"x-amzn-mqtt-ca", "mqtt", "http/1.1", NULL};
#define WIRE(s) s, sizeof(s) - 1
    static const struct {
        const char *what, *offer;
        unsigned len;
        bool ok;
        const char *chosen;
    } rows[] = {
        {"none offered", NULL, 0, true, ""},
        {"one", WIRE("\x04mqtt"), true, "mqtt"},
        {"the server's liking decides", WIRE("\x08http/1.1\x04mqtt\x0ex-amzn-mqtt-ca"), true, "x-amzn-mqtt-ca"},
        {"the client's first is unknown", WIRE("\x02h2\x08http/1.1"), true, "http/1.1"},
        {"nothing in common",
         WIRE("\x02h2\x03"
              "foo"),
         false, ""},
        {"a prefix is not the name", WIRE("\x03mqt"), false, ""},
        {"nor a longer one", WIRE("\x05mqttx"), false, ""},
    };
    struct net_server server;
    net_server_start(&server, &(struct net_setup){.alpn = liked});
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
            const struct client client = {
                .max_version = version, .alpn = rows[i].offer, .alpn_len = rows[i].len, .sni = "device.example"};
            struct outcome got = attempt(&server, &client);
            if (got.ok != rows[i].ok || strcmp(got.alpn, rows[i].chosen) != 0)
                fail_msg("%s: ok %d, chose %s", rows[i].what, got.ok, got.alpn);
            if (!got.ok) assert_int_equal(got.alert, SSL_AD_NO_APPLICATION_PROTOCOL);
            if (!got.ok) continue;
            assert_string_equal(server.sni, "device.example");
            assert_string_equal(server.alpn, rows[i].chosen);
        }
    }
    net_server_free(&server);
    /* A server without protocols ignores the offer. */
    net_server_start(&server, &(struct net_setup){0});
    struct outcome got = attempt(&server, &(struct client){.alpn = "\x02h2", .alpn_len = 3});
    assert_true(got.ok);
    assert_string_equal(got.alpn, "");
    net_server_free(&server);
}

/* ---- client certificates ------------------------------------------------------------- */

struct registry {
    const char *known;
    enum vch_err verdict;
    unsigned asked;
};

static enum vch_err look_up(void *arg, const char id[65], struct vch_diag *diag) {
    struct registry *registry = arg;
    registry->asked++;
    if (!registry->known || strcmp(id, registry->known) != 0)
        return vch_diag_set(diag, VCH_ERR_NOT_FOUND, "certificate-unknown", "", "Never heard of it.");
    return registry->verdict;
}

static void asked_for_or_not(void **state) {
    (void)state;
    struct tls_material device, stranger;
    tls_make(&device, TLS_P256, "device", NULL, 2);
    tls_make(&stranger, TLS_P256, "stranger", NULL, 2);
    const struct {
        enum vch_client_cert mode;
        const struct tls_material *shown;
        bool ok;
        int alert13, alert12;
        const char *id;
    } rows[] = {
        {VCH_CLIENT_CERT_NONE, NULL, true, 0, 0, ""},
        {VCH_CLIENT_CERT_NONE, &stranger, true, 0, 0, ""}, /* not asked, so not shown */
        {VCH_CLIENT_CERT_OPTIONAL, NULL, true, 0, 0, ""},
        {VCH_CLIENT_CERT_OPTIONAL, &device, true, 0, 0, device.id},
        {VCH_CLIENT_CERT_OPTIONAL, &stranger, false, SSL_AD_UNKNOWN_CA, SSL_AD_UNKNOWN_CA, ""},
        {VCH_CLIENT_CERT_REQUIRED, NULL, false, SSL_AD_CERTIFICATE_REQUIRED, SSL_AD_HANDSHAKE_FAILURE, ""},
        {VCH_CLIENT_CERT_REQUIRED, &device, true, 0, 0, device.id},
        {VCH_CLIENT_CERT_REQUIRED, &stranger, false, SSL_AD_UNKNOWN_CA, SSL_AD_UNKNOWN_CA, ""},
    };
    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        struct registry registry = {.known = device.id};
        struct net_server server;
        net_server_start(&server,
                         &(struct net_setup){.client_cert = rows[i].mode, .verify = look_up, .verify_arg = &registry});
        for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
            struct outcome got = attempt(&server, &(struct client){.max_version = version, .material = rows[i].shown});
            int want = version == TLS1_3_VERSION ? rows[i].alert13 : rows[i].alert12;
            if (got.ok != rows[i].ok || got.alert != want)
                fail_msg("row %u, version %x: ok %d, alert %d", i, (unsigned)version, got.ok, got.alert);
            if (!got.ok) continue;
            assert_string_equal(server.peer_id, rows[i].id);
            assert_true((server.der_len > 100) == (rows[i].id[0] != '\0'));
        }
        if (!rows[i].ok) {
            net_wait(&server, &server.closed, 2);
            assert_int_equal(net_count(&server, &server.opened), 0);
            assert_int_equal(server.reason, VCH_CLOSE_HANDSHAKE);
            assert_string_equal(server.diag.reason, rows[i].shown ? "certificate-unknown" : "tls-failed");
        }
        net_server_free(&server);
    }
}

static void verdicts_choose_alerts(void **state) {
    (void)state;
    static const struct {
        enum vch_err verdict;
        int alert;
    } rows[] = {
        {VCH_OK, 0},
        {VCH_ERR_NOT_FOUND, SSL_AD_UNKNOWN_CA},
        {VCH_ERR_EXPIRED, SSL_AD_CERTIFICATE_EXPIRED},
        {VCH_ERR_DENIED, SSL_AD_CERTIFICATE_REVOKED},
        {VCH_ERR_STATE, SSL_AD_CERTIFICATE_UNKNOWN},
        {VCH_ERR_INVALID, SSL_AD_CERTIFICATE_UNKNOWN},
        {VCH_ERR_UNAVAILABLE, SSL_AD_CERTIFICATE_UNKNOWN},
    };
    struct tls_material device;
    tls_make(&device, TLS_P256, "device", NULL, 2);
    struct registry registry = {.known = device.id};
    struct net_server server;
    net_server_start(&server, &(struct net_setup){
                                  .client_cert = VCH_CLIENT_CERT_REQUIRED, .verify = look_up, .verify_arg = &registry});
    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
            registry.verdict = rows[i].verdict;
            struct outcome got = attempt(&server, &(struct client){.max_version = version, .material = &device});
            if (got.ok != (rows[i].verdict == VCH_OK) || got.alert != rows[i].alert)
                fail_msg("row %u: ok %d, alert %d", i, got.ok, got.alert);
        }
    }
    net_server_free(&server);
    assert_int_equal(registry.asked, 2 * COUNT_OF(rows));
}

static void kinds_of_keys(void **state) {
    (void)state;
    static const struct {
        enum tls_key_kind kind;
        bool ok13, ok12;
    } rows[] = {
        {TLS_P256, true, true},        {TLS_P384, true, true},
        {TLS_P521, true, false}, /* TLS 1.2 ties it to the groups for key exchange, RFC 8422 5.4 */
        {TLS_RSA_2048, true, true},    {TLS_RSA_1024, false, false},
        {TLS_SECP256K1, false, false}, {TLS_ED25519, false, false},
    };
    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        struct tls_material device;
        tls_make(&device, rows[i].kind, "device", NULL, 2);
        struct registry registry = {.known = device.id};
        struct net_server server;
        net_server_start(
            &server,
            &(struct net_setup){.client_cert = VCH_CLIENT_CERT_REQUIRED, .verify = look_up, .verify_arg = &registry});
        for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
            struct outcome got = attempt(&server, &(struct client){.max_version = version, .material = &device});
            if (got.ok != (version == TLS1_3_VERSION ? rows[i].ok13 : rows[i].ok12))
                fail_msg("kind %u, version %x: ok %d, alert %d", i, (unsigned)version, got.ok, got.alert);
        }
        if (!rows[i].ok13) assert_int_equal(registry.asked, 0);
        net_server_free(&server);
    }
}

/* ---- after the handshake ------------------------------------------------------------------ */

static bool echo_once(SSL *ssl) {
    char byte = 'x';
    return SSL_write(ssl, &byte, 1) == 1 && SSL_read(ssl, &byte, 1) == 1;
}

/* What crosses the wire after the handshake must not be readable. */
static void nothing_is_sent_in_the_clear(void **state) {
    (void)state;
    static const char word[] = "a word that must not be seen";
    struct net_server server;
    net_server_start(&server, &(struct net_setup){0});
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        char raw[512], plain[512];
        SSL *ssl = client_new(&server, &(struct client){.max_version = version});
        assert_int_equal(SSL_connect(ssl), 1);
        for (int round = 0; round < 3; round++) {
            assert_int_equal(SSL_write(ssl, word, (int)sizeof word), (int)sizeof word);
            ssize_t len = recv(SSL_get_fd(ssl), raw, sizeof raw, MSG_PEEK);
            assert_true(len > (ssize_t)sizeof word);
            assert_null(memmem(raw, (size_t)len, word, 8));
            assert_int_equal(SSL_read(ssl, plain, sizeof plain), (int)sizeof word);
            assert_memory_equal(plain, word, sizeof word);
        }
        client_free(ssl);
    }
    net_server_free(&server);
}

/* TLS 1.3's change of keys, either way. */
static void keys_may_be_updated(void **state) {
    (void)state;
    struct tls_material device;
    tls_make(&device, TLS_P256, "device", NULL, 2);
    struct registry registry = {.known = device.id};
    struct net_server server;
    net_server_start(&server, &(struct net_setup){
                                  .client_cert = VCH_CLIENT_CERT_REQUIRED, .verify = look_up, .verify_arg = &registry});
    SSL *ssl = client_new(&server, &(struct client){.material = &device});
    assert_int_equal(SSL_connect(ssl), 1);
    for (int i = 0; i < 5; i++) {
        assert_true(echo_once(ssl));
        assert_int_equal(SSL_key_update(ssl, i % 2 ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED), 1);
        assert_int_equal(SSL_do_handshake(ssl), 1);
    }
    assert_true(echo_once(ssl));
    client_free(ssl);
    net_server_free(&server);
}

static void renegotiation_is_refused(void **state) {
    (void)state;
    struct net_server server;
    net_server_start(&server, &(struct net_setup){0});
    SSL *ssl = client_new(&server, &(struct client){.max_version = TLS1_2_VERSION});
    assert_int_equal(SSL_connect(ssl), 1);
    assert_true(echo_once(ssl));
    assert_int_equal(SSL_renegotiate(ssl), 1);
    bool done = SSL_do_handshake(ssl) == 1 && !SSL_renegotiate_pending(ssl) && echo_once(ssl);
    assert_false(done);
    client_free(ssl);
    net_wait(&server, &server.closed, 1);
    net_server_free(&server);
}

static void a_session_is_not_resumed(void **state) {
    (void)state;
    struct tls_material device;
    tls_make(&device, TLS_P256, "device", NULL, 2);
    struct registry registry = {.known = device.id};
    struct net_server server;
    net_server_start(&server, &(struct net_setup){
                                  .client_cert = VCH_CLIENT_CERT_REQUIRED, .verify = look_up, .verify_arg = &registry});
    SSL *first = client_new(&server, &(struct client){.max_version = TLS1_2_VERSION, .material = &device});
    assert_int_equal(SSL_connect(first), 1);
    assert_true(echo_once(first));
    SSL_SESSION *session = SSL_get1_session(first);
    (void)SSL_shutdown(first);
    client_free(first);
    SSL *second = client_new(&server, &(struct client){.max_version = TLS1_2_VERSION, .material = &device});
    assert_int_equal(SSL_set_session(second, session), 1);
    assert_int_equal(SSL_connect(second), 1);
    assert_int_equal(SSL_session_reused(second), 0);
    assert_true(echo_once(second));
    SSL_SESSION_free(session);
    client_free(second);
    net_server_free(&server);
    assert_int_equal(registry.asked, 2); /* judged anew */
}

/* Each costs the server a derivation of keys: without data between them they end. */
static void key_updates_without_end(void **state) {
    (void)state;
    struct net_server server;
    net_server_start(&server, &(struct net_setup){0});
    struct vch_dial *bystander = net_dial(&server, NULL, NULL);
    SSL *ssl = client_new(&server, &(struct client){0});
    assert_int_equal(SSL_connect(ssl), 1);
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 30; i++) {
            assert_int_equal(SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED), 1);
            assert_int_equal(SSL_do_handshake(ssl), 1);
        }
        assert_true(echo_once(ssl));
    }
    bool alive = true;
    for (unsigned i = 0; i < 200000 && alive; i++)
        alive = SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED) == 1 && SSL_do_handshake(ssl) == 1;
    assert_false(alive && echo_once(ssl));
    net_wait(&server, &server.closed, 1);
    assert_string_equal(server.diag.reason, "tls-messages");
    char byte;
    size_t len = 0;
    assert_int_equal(vch_dial_send(bystander, VCH_STR("x"), vch_mono_ms() + 1000), VCH_OK);
    assert_int_equal(vch_dial_recv(bystander, &byte, 1, &len, vch_mono_ms() + 1000), VCH_OK);
    vch_dial_close(bystander);
    client_free(ssl);
    net_server_free(&server);
}

/* Many clients leave Nagle's algorithm on: their first message must not wait for
 * a delayed acknowledgement, 40 ms at least. */
static void the_first_message_does_not_wait(void **state) {
    (void)state;
    struct tls_material device;
    int64_t took_ms = INT64_MAX;
    tls_make(&device, TLS_P256, "device", NULL, 2);
    struct registry registry = {.known = device.id};
    struct net_server server;
    net_server_start(&server, &(struct net_setup){
                                  .client_cert = VCH_CLIENT_CERT_REQUIRED, .verify = look_up, .verify_arg = &registry});
    for (size_t i = 0; i < 500 && took_ms >= 38; i++) { /* one that is quick shows it; a busy machine may be slow often */
        int64_t before = vch_mono_ms();
        assert_true(attempt(&server, &(struct client){.material = &device}).ok);
        took_ms = vch_mono_ms() - before;
    }
    assert_true(took_ms < 38);
    net_server_free(&server);
}

/* ---- hostile openings ---------------------------------------------------------------------- */

static void bytes_that_are_not_tls(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
    } rows[] = {
        {WIRE("GET / HTTP/1.1\r\nHost: x\r\n\r\n")},    {WIRE("\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00")},
        {WIRE("\x16\x03\x01\xff\xff\x01\x00\xff\xfb")}, {WIRE("\x80\x2e\x01\x00\x02")},
        {WIRE("\x15\x03\x03\x00\x02\x02\x28")},         {WIRE("\x17\x03\x03\x00\x05hello")},
    };
    struct net_server server;
    net_server_start(&server, &(struct net_setup){.handshake_timeout_ms = 300});
    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        char buf[256];
        int fd = connect_to(&server);
        assert_int_equal(send(fd, rows[i].bytes, rows[i].len, MSG_NOSIGNAL), (ssize_t)rows[i].len);
        while (recv(fd, buf, sizeof buf, 0) > 0) {
        }
        (void)close(fd);
        net_wait(&server, &server.closed, i + 1);
        assert_true(server.reason == VCH_CLOSE_HANDSHAKE || server.reason == VCH_CLOSE_TIMEOUT);
    }
    assert_int_equal(net_count(&server, &server.opened), 0);
    assert_true(attempt(&server, &(struct client){0}).ok);
    net_server_free(&server);
}

static void a_silent_client_is_cut(void **state) {
    (void)state;
    struct net_server server;
    char byte;
    net_server_start(&server, &(struct net_setup){.handshake_timeout_ms = 150});
    int64_t before = vch_mono_ms();
    int fd = connect_to(&server);
    assert_int_equal(send(fd, "\x16\x03\x01", 3, MSG_NOSIGNAL), 3); /* the start of a record does not help */
    assert_true(recv(fd, &byte, 1, 0) <= 0);
    assert_in_range(vch_mono_ms() - before, 140, 2000);
    net_wait(&server, &server.closed, 1);
    assert_int_equal(server.reason, VCH_CLOSE_TIMEOUT);
    assert_string_equal(server.diag.reason, "handshake-timeout");
    (void)close(fd);
    net_server_free(&server);
}

static void wrong_settings_are_named(void **state) {
    (void)state;
    struct net_server server;
    struct vch_tls *tls = NULL;
    net_server_start(&server, &(struct net_setup){0});
    char certificate[128], key[128], missing[128];
    (void)snprintf(certificate, sizeof certificate, "%s/server.pem", server.folder);
    (void)snprintf(key, sizeof key, "%s/server.key", server.folder);
    (void)snprintf(missing, sizeof missing, "%s/missing", server.folder);
    static const char *const empty_name[] = {"", NULL};
    const struct vch_tls_host no_key = {"a.example", certificate, missing}, no_certificate = {"a.example", missing, key};
    const struct {
        struct vch_tls_options options;
        const char *reason;
    } rows[] = {
        {{.certificate_file = missing, .key_file = key, .client_cert = VCH_CLIENT_CERT_NONE}, "server-certificate"},
        {{.certificate_file = certificate, .key_file = missing, .client_cert = VCH_CLIENT_CERT_NONE}, "server-key"},
        {{.certificate_file = certificate, .key_file = certificate, .client_cert = VCH_CLIENT_CERT_NONE}, "server-key"},
        {{.certificate_file = certificate, .key_file = key, .client_cert = VCH_CLIENT_CERT_REQUIRED}, "verify-missing"},
        {{.certificate_file = certificate, .key_file = key, .client_cert = VCH_CLIENT_CERT_NONE, .alpn = empty_name}, NULL},
        {{.certificate_file = certificate, .key_file = key, .anchor_file = missing}, "server-certificate"},
        {{.certificate_file = certificate, .key_file = key, .anchor_file = key}, "server-certificate"},
        {{.certificate_file = certificate, .key_file = key, .hosts = &no_key, .host_count = 1}, "server-key"},
        {{.certificate_file = certificate, .key_file = key, .hosts = &no_certificate, .host_count = 1}, "server-certificate"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct vch_diag diag = {0};
        assert_int_equal(vch_tls_new(&rows[i].options, &tls, &diag), VCH_ERR_INVALID);
        if (rows[i].reason) assert_string_equal(diag.reason, rows[i].reason);
        assert_null(tls);
    }
    net_server_free(&server);
}

int main(void) {
    (void)signal(SIGPIPE, SIG_IGN); /* OpenSSL's own sockets, of the clients here */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(versions_suites_groups),
        cmocka_unit_test(an_rsa_server),
        cmocka_unit_test(alpn_and_sni),
        cmocka_unit_test(asked_for_or_not),
        cmocka_unit_test(verdicts_choose_alerts),
        cmocka_unit_test(kinds_of_keys),
        cmocka_unit_test(nothing_is_sent_in_the_clear),
        cmocka_unit_test(the_first_message_does_not_wait),
        cmocka_unit_test(keys_may_be_updated),
        cmocka_unit_test(key_updates_without_end),
        cmocka_unit_test(renegotiation_is_refused),
        cmocka_unit_test(a_session_is_not_resumed),
        cmocka_unit_test(bytes_that_are_not_tls),
        cmocka_unit_test(a_silent_client_is_cut),
        cmocka_unit_test(wrong_settings_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
