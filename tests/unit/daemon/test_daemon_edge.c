/* One port for both protocols, and the two of their own, over real TLS. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/file.h"
#include "net/dial.h"
#include "server_child.h"
#include "support/folder.h"

static char folder[64];
static struct server server;
static unsigned ports[3]; /* api, mqtt, edge */
static struct vch_buf root, stranger_key, stranger;

enum { API, MQTT, EDGE };

static void read_file(const char *name, struct vch_buf *buf) {
    char path[160];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    vch_buf_init(buf, 65536);
    assert_int_equal(vch_file_read(path, buf, NULL), VCH_OK);
}

static int setup(void **state) {
    (void)state;
    static const char *const extra[] = {"--edge", "127.0.0.1:0", "--hostname", "iot.example.com", NULL};
    folder_make(folder);
    start(&server, folder, extra);
    if (sscanf(server.ready, "ready api=https://localhost:%u mqtt=localhost:%u edge=localhost:%u", &ports[API], &ports[MQTT], &ports[EDGE]) != 3)
        return -1;
    read_file("ca.pem", &root);
    /* A certificate that the registry does not know, though its issuer is ours. */
    read_file("ca/device.pem", &stranger);
    read_file("ca/device.key", &stranger_key);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    int code = finish(&server, SIGTERM);
    vch_buf_deinit(&root);
    vch_buf_deinit(&stranger);
    vch_buf_deinit(&stranger_key);
    folder_remove(folder);
    return code;
}

static struct vch_str of(const struct vch_buf *buf) {
    return vch_str_of(buf->ptr, buf->len);
}

static enum vch_err dial(int port, const char *host, const char *alpn, bool with_certificate, struct vch_dial **ret) {
    const struct vch_dial_options options = {.host = vch_str_from(host),
                                             .port = (uint16_t)ports[port],
                                             .alpn = alpn,
                                             .root_pem = of(&root),
                                             .certificate_pem = with_certificate ? of(&stranger) : vch_str_of(NULL, 0),
                                             .key_pem = with_certificate ? of(&stranger_key) : vch_str_of(NULL, 0),
                                             .deadline_ms = vch_mono_ms() + 10000,
                                             .tls = true};
    return vch_dial_open(&options, ret, NULL);
}

/* What the server says to `request` before it closes, at most. */
static size_t talk(int port, const char *alpn, bool with_certificate, struct vch_str request, char *answer, size_t size) {
    struct vch_dial *connection = NULL;
    size_t len = 0, got = 0;
    answer[0] = '\0';
    if (dial(port, "localhost", alpn, with_certificate, &connection) != VCH_OK) return 0;
    int64_t deadline_ms = vch_mono_ms() + 10000;
    enum vch_err err = vch_dial_send(connection, request, deadline_ms);
    while (!err && len < size - 1) {
        err = vch_dial_recv(connection, answer + len, size - 1 - len, &got, deadline_ms);
        if (!err) len += got;
    }
    answer[len] = '\0';
    vch_dial_close(connection);
    return len;
}

#define GET(path) VCH_STR("GET " path " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
/* CONNECT of MQTT 3.1.1, clean, client id "x". */
#define CONNECT VCH_STR("\x10\x0D\x00\x04MQTT\x04\x02\x00\x3C\x00\x01x")

static void both_ports_speak_https(void **state) {
    (void)state;
    static const struct {
        int port;
        const char *alpn;
    } cases[] = {{API, NULL}, {API, "http/1.1"}, {EDGE, NULL}, {EDGE, "http/1.1"}, {EDGE, "x-amzn-http-ca"}};
    char answer[4096];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (!talk(cases[i].port, cases[i].alpn, false, GET("/healthz"), answer, sizeof answer)) fail_msg("case %zu: silence", i);
        if (strncmp(answer, "HTTP/1.1 200", 12) != 0) fail_msg("case %zu: %s", i, answer);
    }
}

static void mqtt_needs_a_certificate(void **state) {
    (void)state;
    char answer[256];
    assert_int_equal(talk(MQTT, NULL, false, CONNECT, answer, sizeof answer), 0);
    assert_int_equal(talk(EDGE, "x-amzn-mqtt-ca", false, CONNECT, answer, sizeof answer), 0);
    assert_int_equal(talk(EDGE, "mqtt", false, CONNECT, answer, sizeof answer), 0);
}

static void an_unknown_certificate_opens_nothing(void **state) {
    (void)state;
    char answer[256];
    assert_int_equal(talk(MQTT, NULL, true, CONNECT, answer, sizeof answer), 0);
    assert_int_equal(talk(EDGE, "x-amzn-mqtt-ca", true, CONNECT, answer, sizeof answer), 0);
    assert_int_equal(talk(EDGE, "http/1.1", true, GET("/healthz"), answer, sizeof answer), 0);
    assert_true(talk(API, NULL, true, GET("/healthz"), answer, sizeof answer) > 0); /* it does not ask */
}

static void an_unknown_protocol_is_refused(void **state) {
    (void)state;
    struct vch_dial *connection = NULL;
    assert_int_not_equal(dial(EDGE, "localhost", "h2", false, &connection), VCH_OK);
    assert_int_not_equal(dial(API, "localhost", "h2", false, &connection), VCH_OK);
}

static void the_certificate_has_its_names(void **state) {
    (void)state;
    static const char *const hosts[] = {"localhost", "127.0.0.1"};
    for (size_t i = 0; i < 2; i++) {
        struct vch_dial *connection = NULL;
        assert_int_equal(dial(API, hosts[i], NULL, false, &connection), VCH_OK);
        vch_dial_close(connection);
    }
}

static void metrics_tell_of_both_processes(void **state) {
    (void)state;
    static const char *const lines[] = {"\nvouch_cpu_seconds_total{process=\"front\"} ", "\nvouch_cpu_seconds_total{process=\"signer\"} ",
                                        "\nvouch_resident_peak_bytes ", "\nvouch_mqtt_connections 0\n",
                                        "\nvouch_mqtt_handshakes_refused_total ", "\nvouch_certificates_issued_total 0\n"};
    static char answer[65536];
    assert_true(talk(API, NULL, false, GET("/metrics"), answer, sizeof answer) > 0);
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        if (!strstr(answer, lines[i])) fail_msg("lacks %s", lines[i] + 1);
    }
}

/* The ends of connections that stay open do not hold the server up. */
static void it_stops_with_connections_open(void **state) {
    (void)state;
    struct vch_dial *open_ones[2] = {NULL, NULL};
    assert_int_equal(dial(API, "localhost", NULL, false, &open_ones[0]), VCH_OK);
    assert_int_equal(dial(EDGE, "localhost", "http/1.1", false, &open_ones[1]), VCH_OK);
    int64_t start_ms = vch_mono_ms();
    assert_int_equal(finish(&server, SIGTERM), 0);
    assert_true(vch_mono_ms() - start_ms < 5000);
    for (size_t i = 0; i < 2; i++) vch_dial_close(open_ones[i]);
    static const char *const extra[] = {"--edge", "127.0.0.1:0", NULL};
    start(&server, folder, extra);
    assert_non_null(strstr(server.ready, "edge="));
}

int main(int argc, char **argv) {
    if (server_is_role(argc, argv)) return server_role(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ports_speak_https),         cmocka_unit_test(mqtt_needs_a_certificate),
        cmocka_unit_test(an_unknown_certificate_opens_nothing), cmocka_unit_test(an_unknown_protocol_is_refused),
        cmocka_unit_test(the_certificate_has_its_names),  cmocka_unit_test(metrics_tell_of_both_processes),
        cmocka_unit_test(it_stops_with_connections_open),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
