#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/notify.h"

static int manager;
static char name[64];

static int set_up(void **state) {
    (void)state;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int len = snprintf(name, sizeof name, "@vouch-notify-%d", (int)getpid());
    memcpy(address.sun_path, name, (size_t)len);
    address.sun_path[0] = '\0';
    manager = socket(AF_UNIX, SOCK_DGRAM, 0);
    return bind(manager, (struct sockaddr *)&address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)len));
}

static int tear_down(void **state) {
    (void)state;
    return close(manager);
}

static struct vch_notify open_with(const char *socket_name, const char *usec, const char *pid) {
    struct vch_notify notify;
    (void)unsetenv("NOTIFY_SOCKET");
    if (socket_name) (void)setenv("NOTIFY_SOCKET", socket_name, 1);
    if (usec) (void)setenv("WATCHDOG_USEC", usec, 1);
    if (pid) (void)setenv("WATCHDOG_PID", pid, 1);
    vch_notify_open(&notify);
    assert_null(getenv("NOTIFY_SOCKET"));
    assert_null(getenv("WATCHDOG_USEC"));
    assert_null(getenv("WATCHDOG_PID"));
    return notify;
}

static void expect(const char *wanted) {
    char got[1024] = "";
    ssize_t len = recv(manager, got, sizeof got - 1, MSG_DONTWAIT);
    if (!wanted) assert_int_equal(len, -1);
    else assert_string_equal(got, wanted);
}

static void test_words(void **state) {
    (void)state;
    struct vch_notify notify = open_with(name, NULL, NULL);
    vch_notify_say(&notify, "READY=1", "Connected\nMAINPID=1");
    expect("READY=1\nSTATUS=Connected MAINPID=1");
    vch_notify_say(&notify, "STOPPING=1", NULL);
    expect("STOPPING=1");
    assert_int_equal(vch_notify_turn(&notify, 0), INT64_MAX);
    expect(NULL);
    vch_notify_close(&notify);
    vch_notify_say(&notify, "READY=1", NULL);
    expect(NULL);
}

static void test_the_watchdog_is_fed_twice_as_often(void **state) {
    (void)state;
    struct vch_notify notify = open_with(name, "1000000", NULL);
    assert_int_equal(vch_notify_turn(&notify, 1000), 500);
    expect("WATCHDOG=1");
    assert_int_equal(vch_notify_turn(&notify, 1200), 300);
    expect(NULL);
    assert_int_equal(vch_notify_turn(&notify, 1500), 500);
    expect("WATCHDOG=1");
    vch_notify_close(&notify);
}

static void test_a_watchdog_of_another_process(void **state) {
    (void)state;
    struct vch_notify notify = open_with(name, "1000000", "1");
    assert_int_equal(vch_notify_turn(&notify, 0), INT64_MAX);
    vch_notify_close(&notify);
}

static void test_nobody_to_tell(void **state) {
    (void)state;
    static const char *const names[] = {NULL, "", "@", "relative", "/nonexistent/socket", "vsock:2:1"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct vch_notify notify = open_with(names[i], "1000000", NULL);
        assert_int_equal(notify.fd, -1);
        vch_notify_say(&notify, "READY=1", NULL);
        assert_int_equal(vch_notify_turn(&notify, 0), INT64_MAX);
        vch_notify_close(&notify);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_the_watchdog_is_fed_twice_as_often),
        cmocka_unit_test(test_a_watchdog_of_another_process),
        cmocka_unit_test(test_nobody_to_tell),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
