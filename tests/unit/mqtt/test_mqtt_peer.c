/* Sessions over mutual TLS: found by the certificate that they show. */
#include "client.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/dial.h"
#include "support/tls_material.h"

static struct rig rig;
static struct tls_material server, alice, bob;

static enum vch_err let_all_in(void *arg, const char id[65], struct vch_diag *diag) {
    (void)arg;
    (void)diag;
    return id[0] ? VCH_OK : VCH_ERR_DENIED;
}

static int64_t soon(void) {
    return vch_mono_ms() + 10000;
}

static struct vch_dial *dial(size_t loop, const struct tls_material *who) {
    const struct vch_dial_options options = {.host = VCH_STR("127.0.0.1"),
                                             .port = rig.ports[loop],
                                             .tls = true,
                                             .deadline_ms = soon(),
                                             .root_pem = vch_str_from(server.certificate_pem),
                                             .certificate_pem = vch_str_from(who->certificate_pem),
                                             .key_pem = vch_str_from(who->key_pem)};
    struct vch_dial *ret;
    struct vch_diag diag = {0};
    if (vch_dial_open(&options, &ret, &diag) != VCH_OK) fail_msg("%s", diag.message);
    return ret;
}

static void expect(struct vch_dial *d, struct vch_str bytes) {
    char got[64];
    for (size_t done = 0, n; done < bytes.len; done += n) {
        assert_int_equal(vch_dial_recv(d, got + done, bytes.len - done, &n, soon()), VCH_OK);
        assert_memory_equal(got + done, bytes.ptr + done, n);
    }
}

static struct vch_dial *open_as(size_t loop, const struct tls_material *who, const char *client_id) {
    struct vch_dial *d = dial(loop, who);
    assert_int_equal(vch_dial_send(d, pkt_connect(client_id, true, 60), soon()), VCH_OK);
    expect(d, CONNACK_OK);
    return d;
}

static void ping(struct vch_dial *d) {
    assert_int_equal(vch_dial_send(d, PINGREQ, soon()), VCH_OK);
    expect(d, PINGRESP);
}

static atomic_uint called;

static void close_one(struct vch_mqtt_session *session, const char *key) {
    assert_string_equal(vch_conn_peer_id(vch_mqtt_session_conn(session)), key);
    atomic_fetch_add(&called, 1);
    const struct vch_diag diag = {.reason = "certificate-revoked", .message = "Revoked."};
    vch_mqtt_close(session, &diag);
}

static void each_of_a_certificate(void **state) {
    (void)state;
    struct vch_dial *a0 = open_as(0, &alice, "a0"), *a1 = open_as(1, &alice, "a1"), *b0 = open_as(0, &bob, "b0");
    struct vch_dial *mute = dial(0, &alice); /* handshake done, no CONNECT yet */
    char peer[65], byte;
    size_t n;
    assert_true(vch_mqtt_client_online(rig.broker, VCH_STR("a1"), peer));
    assert_string_equal(peer, alice.id);
    assert_true(vch_mqtt_client_online(rig.broker, VCH_STR("b0"), peer));
    assert_string_equal(peer, bob.id);
    while (rig_stats(&rig).connections < 4) (void)usleep(1000);
    (void)usleep(100000); /* the mute one's handshake ends on the server after it does here */
    assert_int_equal(vch_mqtt_each_of(rig.broker, alice.id, close_one), VCH_OK);
    assert_int_equal(vch_dial_recv(a0, &byte, 1, &n, soon()), VCH_ERR_NOT_FOUND);
    assert_int_equal(vch_dial_recv(a1, &byte, 1, &n, soon()), VCH_ERR_NOT_FOUND);
    assert_int_equal(vch_dial_recv(mute, &byte, 1, &n, soon()), VCH_ERR_NOT_FOUND);
    rig_expect_end(&rig, "a0", "certificate-revoked");
    rig_expect_end(&rig, "a1", "certificate-revoked");
    rig_expect_end(&rig, "", "certificate-revoked");
    ping(b0);
    assert_int_equal(atomic_load(&called), 3);
    assert_int_equal(vch_mqtt_each_of(rig.broker, alice.id, close_one), VCH_OK); /* nobody is left */
    ping(b0);
    assert_int_equal(atomic_load(&called), 3);
    vch_dial_close(a0);
    vch_dial_close(a1);
    vch_dial_close(mute);
    vch_dial_close(b0);
}

int main(void) {
    char folder[] = "/tmp/vouch-mqtt-XXXXXX", certificate[128], key[128];
    if (!mkdtemp(folder)) return 1;
    tls_make(&server, TLS_P256, "localhost", "DNS:localhost,IP:127.0.0.1", 1);
    tls_make(&alice, TLS_P256, "alice", NULL, 1);
    tls_make(&bob, TLS_P256, "bob", NULL, 1);
    tls_save(&server, folder, certificate, key);
    rig_start_tls(&rig, 2, certificate, key, let_all_in);
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_of_a_certificate)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rig_stop(&rig);
    (void)unlink(certificate);
    (void)unlink(key);
    (void)rmdir(folder);
    return failed;
}
