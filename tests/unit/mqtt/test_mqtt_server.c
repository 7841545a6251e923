/* What the server does with sessions: ends them by client id, names them, says why they ended; retained messages in bulk. */
#include "client.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

static struct rig rig;
static atomic_uint done_count;

static int setup(void **state) {
    (void)state;
    atomic_store(&done_count, 0);
    rig_start(&rig, 3, NULL);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    rig_stop(&rig);
    return 0;
}

static void done(void *arg) {
    (void)arg;
    atomic_fetch_add(&done_count, 1);
}

static void disconnect(const char *client_id, bool clean, bool without_will) {
    const struct vch_mqtt_eviction eviction = {.clean = clean, .without_will = without_will, .done = done};
    unsigned before = atomic_load(&done_count);
    assert_int_equal(vch_mqtt_disconnect_client(rig.broker, vch_str_from(client_id), &eviction), VCH_OK);
    for (int64_t until = vch_mono_ms() + 10000; atomic_load(&done_count) == before;) {
        assert_true(vch_mono_ms() < until);
        (void)usleep(500);
    }
}

static void ended_by_an_operator(void **state) {
    (void)state;
    const struct vch_mqtt_eviction eviction = {.done = done};
    assert_int_equal(vch_mqtt_disconnect_client(rig.broker, VCH_STR("nobody"), &eviction), VCH_ERR_NOT_FOUND);
    int sub = client_open(&rig, 0, "sub");
    client_subscribe(sub, "w", 0);
    for (int quiet = 0; quiet < 2; quiet++) {
        int fd = client_dial(&rig, 1);
        client_send(fd, pkt_connect_will("willing", "w", "gone", 0, false));
        client_expect(fd, CONNACK_OK);
        disconnect("willing", false, quiet);
        client_expect_closed(fd);
        if (!quiet) client_expect(sub, pkt_publish("w", "gone", 0, 0));
        client_ping(sub);
    }
    assert_int_equal(rig_ends(&rig, "willing", "api-disconnect"), 2);
    int five = client5_open(&rig, 2, "five", false, VCH_STR("\x11\x00\x00\x00\x64"), NULL);
    disconnect("five", false, false);
    client_expect(five, VCH_STR("\xE0\x01\x98"));
    client_expect_closed(five);
    assert_int_equal(rig_stats(&rig).sessions_away, 1); /* its session stays */
    disconnect("five", true, false);
    assert_int_equal(rig_stats(&rig).sessions_away, 0);
    assert_int_equal(vch_mqtt_disconnect_client(rig.broker, VCH_STR("five"), &eviction), VCH_ERR_NOT_FOUND);
}

static char names[4][37];
static unsigned named;

static void name_it(struct vch_mqtt_session *session, const char *key) {
    if (!vch_str_eq_c(vch_mqtt_session_client_id(session), key)) return;
    vch_mqtt_session_uuid(session, names[named]);
    assert_int_equal(vch_mqtt_session_persistent(session), named < 2);
    named++;
    atomic_fetch_add(&done_count, 1);
}

static void name_of(const char *client_id) {
    unsigned before = atomic_load(&done_count);
    assert_int_equal(vch_mqtt_each(rig.broker, name_it, vch_str_from(client_id)), VCH_OK);
    for (int64_t until = vch_mono_ms() + 10000; atomic_load(&done_count) == before;) {
        assert_true(vch_mono_ms() < until);
        (void)usleep(500);
    }
}

/* A session has one name over its connections, on whichever loop. */
static void one_name(void **state) {
    (void)state;
    named = 0;
    for (size_t loop = 0; loop < 2; loop++) {
        int fd = client_dial(&rig, loop);
        client_send(fd, pkt_connect("dev", false, 60));
        client_expect(fd, loop ? VCH_STR("\x20\x02\x01\x00") : CONNACK_OK);
        name_of("dev");
        (void)close(fd);
        rig_wait_sessions(&rig, 0);
    }
    int fd = client_open(&rig, 2, "dev");
    name_of("dev");
    client_ping(fd);
    assert_string_equal(names[0], names[1]);
    assert_string_not_equal(names[0], names[2]);
    assert_int_equal(strlen(names[0]), 36);
    assert_int_equal(names[0][14], '4');
}

/* More retained messages than a connection's output may hold: as many as fit, and the client stays. */
static void retained_in_bulk(void **state) {
    (void)state;
    struct vch_mqtt_retained *retained;
    char topic[16], payload[1001];
    memset(payload, 'r', 1000);
    payload[1000] = '\0';
    rig_stop(&rig);
    assert_int_equal(vch_mqtt_retained_new(&(struct vch_mqtt_retained_options){0}, &retained), VCH_OK);
    rig_start(&rig, 1, &(struct vch_mqtt_options){
                           .profile = VCH_MQTT_SPEC, .retained = retained, .queue_bytes_max = 64 * 1024});
    int pub = client_open(&rig, 0, "pub");
    for (unsigned n = 0; n < 200; n++) {
        (void)snprintf(topic, sizeof topic, "r/%03u", n);
        struct vch_str packet = pkt_publish(topic, payload, 0, 0);
        char bytes[1100];
        memcpy(bytes, packet.ptr, packet.len);
        bytes[0] |= 1;
        client_send(pub, vch_str_of(bytes, packet.len));
    }
    client_ping(pub);
    int sub = client_open(&rig, 0, "sub");
    client_send(sub, pkt_subscribe(1, "r/#", 0));
    client_expect(sub, VCH_STR("\x90\x03\x00\x01\x00"));
    client_send(sub, PINGREQ);
    unsigned got = 0;
    while (!vch_str_eq(client_packet(sub), PINGRESP)) got++;
    assert_in_range(got, 40, 64);
    assert_true(rig_stats(&rig).dropped > 0);
    client_ping(sub);
    rig_stop(&rig);
    vch_mqtt_retained_free(retained);
    rig_start(&rig, 1, NULL); /* for teardown */
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {CASE(ended_by_an_operator), CASE(one_name), CASE(retained_in_bulk)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
