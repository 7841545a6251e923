/* How failures become exit codes, sentences and retries; and where a link goes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>

#include "agent/link.h"
#include "base/clock.h"

static struct vch_report quiet;
static struct vch_outcome outcome;

static const struct {
    enum vch_device_status status;
    enum vch_device_stage stage;
    int code;
    enum vch_exit exit;
    bool again;
    const char *words;
} failures[] = {
    {VCH_DEVICE_REFUSED, VCH_DEVICE_STAGE_CONNECT, 1, VCH_EXIT_REJECTED, false, "protocol version"},
    {VCH_DEVICE_REFUSED, VCH_DEVICE_STAGE_CONNECT, 2, VCH_EXIT_REJECTED, false, "client id"},
    {VCH_DEVICE_REFUSED, VCH_DEVICE_STAGE_CONNECT, 3, VCH_EXIT_NETWORK, true, "unavailable"},
    {VCH_DEVICE_REFUSED, VCH_DEVICE_STAGE_CONNECT, 5, VCH_EXIT_REJECTED, false, "not authorized"},
    {VCH_DEVICE_REFUSED, VCH_DEVICE_STAGE_CONNECT, 77, VCH_EXIT_REJECTED, false, "unknown"},
    {VCH_DEVICE_REFUSED, VCH_DEVICE_STAGE_CREATE_SUBSCRIBE, 0x80, VCH_EXIT_REJECTED, false, "subscription"},
    {VCH_DEVICE_REJECTED, VCH_DEVICE_STAGE_REGISTER, 400, VCH_EXIT_REJECTED, false, "400 Code: Message"},
    {VCH_DEVICE_REJECTED, VCH_DEVICE_STAGE_REGISTER, 403, VCH_EXIT_REJECTED, false, "403"},
    {VCH_DEVICE_REJECTED, VCH_DEVICE_STAGE_CREATE, 429, VCH_EXIT_REJECTED, true, "429"},
    {VCH_DEVICE_REJECTED, VCH_DEVICE_STAGE_CREATE, 500, VCH_EXIT_REJECTED, true, "500"},
    {VCH_DEVICE_REJECTED, VCH_DEVICE_STAGE_CREATE, 503, VCH_EXIT_REJECTED, true, "503"},
    {VCH_DEVICE_TIMEOUT, VCH_DEVICE_STAGE_CREATE, 0, VCH_EXIT_NETWORK, true, "in time"},
    {VCH_DEVICE_CLOSED, VCH_DEVICE_STAGE_CREATE, 0, VCH_EXIT_NETWORK, true, "ended"},
    {VCH_DEVICE_NETWORK, VCH_DEVICE_STAGE_CREATE, 0, VCH_EXIT_NETWORK, true, "ended"},
    {VCH_DEVICE_PROTOCOL, VCH_DEVICE_STAGE_CREATE, 0, VCH_EXIT_NETWORK, false, "not what MQTT"},
    {VCH_DEVICE_SPACE, VCH_DEVICE_STAGE_CREATE, 0, VCH_EXIT_NETWORK, false, "not what MQTT"},
    {VCH_DEVICE_ARGUMENT, VCH_DEVICE_STAGE_NONE, 0, VCH_EXIT_CONFIG, false, "cannot be sent"},
    {VCH_DEVICE_STORAGE, VCH_DEVICE_STAGE_SAVE, 0, VCH_EXIT_LOCAL, false, "saved"},
    {VCH_DEVICE_OK, VCH_DEVICE_STAGE_DONE, 0, VCH_EXIT_OK, false, ""},
};

static void test_failures(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof failures / sizeof *failures; i++) {
        struct vch_link link = {.route_count = 1, .routes = {{8883, NULL}}};
        struct vch_outcome o = {0};
        link.device.failure.stage = failures[i].stage;
        link.device.failure.code = failures[i].code;
        strcpy(link.device.failure.error_code, "Code");
        strcpy(link.device.failure.error_message, "Message");
        assert_int_equal(vch_link_failed(&link, failures[i].status, "testing", &o), failures[i].exit);
        assert_int_equal(o.again, failures[i].again);
        if (!strstr(o.sentence, failures[i].words)) fail_msg("%zu: %s", i, o.sentence);
        if (failures[i].exit != VCH_EXIT_OK && failures[i].exit != VCH_EXIT_LOCAL) assert_true(strlen(o.next) > 0);
    }
}

/* A port where nobody listens. */
static uint16_t dead_port(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    (void)close(fd);
    return ntohs(address.sin_port);
}

static void test_nobody_there(void **state) {
    (void)state;
    struct vch_link link;
    struct vch_credentials credentials;
    uint16_t port = dead_port();
    vch_credentials_init(&credentials);
    assert_int_equal(vch_link_init(&link, &quiet, "127.0.0.1", 0, port, port, &outcome), VCH_EXIT_OK);
    link.route = 1;
    assert_int_equal(vch_link_open(&link, &credentials, "c", vch_mono_ms() + 5000, "claim", &outcome),
                     VCH_EXIT_NETWORK);
    assert_true(outcome.again);
    assert_non_null(strstr(outcome.sentence, "Cannot connect"));
    assert_int_equal(link.route, 1);
    assert_null(link.dial);
    vch_link_close(&link);
    vch_link_deinit(&link);
    vch_credentials_deinit(&credentials);
}

/* A listener that speaks no TLS and closes: an end, not a hang. */
static void test_no_tls_there(void **state) {
    (void)state;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    struct vch_link link;
    struct vch_credentials credentials;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    assert_int_equal(listen(fd, 4), 0); /* connections wait, nothing answers */
    vch_credentials_init(&credentials);
    assert_int_equal(vch_link_init(&link, &quiet, "127.0.0.1", ntohs(address.sin_port), 0, 0, &outcome), VCH_EXIT_OK);
    int64_t start = vch_mono_ms();
    assert_int_equal(vch_link_open(&link, &credentials, "c", start + 300, "claim", &outcome), VCH_EXIT_NETWORK);
    assert_in_range(vch_mono_ms() - start, 250, 3000);
    vch_link_deinit(&link);
    vch_credentials_deinit(&credentials);
    (void)close(fd);
}

int main(void) {
    quiet = (struct vch_report){.out = fopen("/dev/null", "w"), .lowest = VCH_REPORT_DEBUG};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_nobody_there),
        cmocka_unit_test(test_no_tls_there),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    (void)fclose(quiet.out);
    return failed;
}
