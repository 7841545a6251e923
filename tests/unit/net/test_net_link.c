#include "base/clock.h"
#include "net/link.h"
#include "support/cmocka_all.h"
#include "support/net_server.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static struct vch_dial_options to(const struct net_server *server, bool tls) {
    return (struct vch_dial_options){.host = VCH_STR("localhost"),
                                     .port = server->port,
                                     .root_pem = vch_str_from(server->identity.certificate_pem),
                                     .deadline_ms = vch_mono_ms() + 5000,
                                     .tls = tls};
}

static struct vch_link_target *target_of(const struct vch_dial_options *options) {
    struct vch_link_target *target = NULL;
    struct vch_diag diag = {0};
    if (vch_link_target_new(options, &target, &diag) != VCH_OK) fail_msg("%s", diag.message);
    return target;
}

static void wait_for(struct vch_link *link, enum vch_link_io io) {
    struct pollfd pfd = {vch_link_fd(link), io == VCH_LINK_WANT_WRITE ? POLLOUT : POLLIN, 0};
    assert_int_equal(poll(&pfd, 1, 5000), 1);
}

static enum vch_link_io open_link(struct vch_link *link) {
    enum vch_link_io io;
    while ((io = vch_link_advance(link)) == VCH_LINK_WANT_READ || io == VCH_LINK_WANT_WRITE) wait_for(link, io);
    return io;
}

static void send_all(struct vch_link *link, struct vch_str bytes) {
    while (bytes.len) {
        size_t done = 0;
        enum vch_link_io io = vch_link_write(link, bytes, &done);
        bytes = vch_str_sub(bytes, done, SIZE_MAX);
        if (io == VCH_LINK_DONE) continue;
        assert_true(io == VCH_LINK_WANT_READ || io == VCH_LINK_WANT_WRITE);
        wait_for(link, io);
    }
}

static enum vch_link_io recv_some(struct vch_link *link, char *buf, size_t size, size_t *ret_len) {
    enum vch_link_io io;
    while ((io = vch_link_read(link, buf, size, ret_len)) == VCH_LINK_WANT_READ) wait_for(link, io);
    return io;
}

static void assert_echo(struct vch_link *link, const char *text) {
    char buf[64] = {0};
    size_t len = 0, got = 0;
    send_all(link, vch_str_from(text));
    for (; len < strlen(text); len += got)
        assert_int_equal(recv_some(link, buf + len, sizeof buf - 1 - len, &got), VCH_LINK_DONE);
    assert_string_equal(buf, text);
}

static void exchange(bool plain) {
    struct net_server server;
    net_server_start(&server, &(struct net_setup){.plain = plain});
    struct vch_dial_options options = to(&server, !plain);
    struct vch_link_target *target = target_of(&options);
    struct vch_link *links[4] = {NULL};
    for (size_t i = 0; i < COUNT_OF(links); i++) assert_int_equal(vch_link_start(target, &links[i], NULL), VCH_OK);
    for (size_t i = 0; i < COUNT_OF(links); i++) assert_int_equal(open_link(links[i]), VCH_LINK_DONE);
    assert_echo(links[2], "one of four");
    assert_echo(links[0], "another");
    assert_echo(links[2], "again");
    size_t got = 0;
    char byte;
    assert_int_equal(vch_link_read(links[1], &byte, 1, &got), VCH_LINK_WANT_READ);
    assert_int_equal(got, 0);
    for (size_t i = 0; i < COUNT_OF(links); i++) vch_link_close(links[i]);
    net_wait(&server, &server.closed, 4);
    assert_int_equal(net_reason(&server), VCH_CLOSE_PEER);
    vch_link_target_free(target);
    net_server_free(&server);
}

static void many_at_once_over_tls(void **state) {
    (void)state;
    exchange(false);
}

static void many_at_once_in_plain(void **state) {
    (void)state;
    exchange(true);
}

static enum vch_err allow(void *arg, const char id[65], struct vch_diag *diag) {
    (void)diag;
    return strcmp(arg, id) == 0 ? VCH_OK : VCH_ERR_NOT_FOUND;
}

static void the_client_certificate_is_shown(void **state) {
    (void)state;
    struct tls_material client, stranger;
    struct net_server server;
    tls_make(&client, TLS_P256, "client", NULL, 2);
    tls_make(&stranger, TLS_P256, "stranger", NULL, 2);
    net_server_start(&server, &(struct net_setup){
                                  .client_cert = VCH_CLIENT_CERT_REQUIRED, .verify = allow, .verify_arg = client.id});
    const struct tls_material *const both[] = {&client, &stranger};
    for (size_t i = 0; i < COUNT_OF(both); i++) {
        struct vch_dial_options options = to(&server, true);
        options.certificate_pem = vch_str_from(both[i]->certificate_pem);
        options.key_pem = vch_str_from(both[i]->key_pem);
        struct vch_link_target *target = target_of(&options);
        struct vch_link *link = NULL;
        assert_int_equal(vch_link_start(target, &link, NULL), VCH_OK);
        assert_int_equal(open_link(link), VCH_LINK_DONE); /* TLS 1.3 refuses after the client is done */
        if (i == 0) {
            assert_echo(link, "known");
        } else {
            char buf[8];
            size_t got = 0;
            assert_int_equal(recv_some(link, buf, sizeof buf, &got), VCH_LINK_FAILED);
            assert_non_null(strstr(vch_link_diag(link)->message, "unknown CA"));
        }
        vch_link_close(link);
        vch_link_target_free(target);
    }
    net_server_free(&server);
}

static void an_untrusted_server_is_refused(void **state) {
    (void)state;
    struct tls_material other;
    struct net_server server;
    tls_make(&other, TLS_P256, "localhost", "DNS:localhost", 2);
    net_server_start(&server, &(struct net_setup){0});
    struct vch_dial_options options = to(&server, true);
    options.root_pem = vch_str_from(other.certificate_pem);
    struct vch_link_target *target = target_of(&options);
    struct vch_link *link = NULL;
    assert_int_equal(vch_link_start(target, &link, NULL), VCH_OK);
    assert_int_equal(open_link(link), VCH_LINK_FAILED);
    assert_string_equal(vch_link_diag(link)->reason, "tls-untrusted");
    vch_link_close(link);
    vch_link_target_free(target);
    net_server_free(&server);
}

static void the_server_s_end_is_seen(void **state) {
    (void)state;
    struct net_server server;
    net_server_start(&server, &(struct net_setup){0});
    struct vch_dial_options options = to(&server, true);
    struct vch_link_target *target = target_of(&options);
    struct vch_link *link = NULL;
    char buf[8];
    size_t got = 0;
    assert_int_equal(vch_link_start(target, &link, NULL), VCH_OK);
    assert_int_equal(open_link(link), VCH_LINK_DONE);
    net_wait(&server, &server.opened, 1);
    net_server_stop(&server);
    assert_int_equal(recv_some(link, buf, sizeof buf, &got), VCH_LINK_END);
    vch_link_close(link);
    assert_int_equal(vch_link_start(target, &link, NULL), VCH_OK);
    assert_int_equal(open_link(link), VCH_LINK_FAILED);
    assert_non_null(strstr(vch_link_diag(link)->message, strerror(ECONNREFUSED)));
    vch_link_close(link);
    vch_link_target_free(target);
    net_server_free(&server);
}

static void nobody_listens(void **state) {
    (void)state;
    struct net_server server;
    struct vch_link_target *target = NULL;
    struct vch_diag diag = {0};
    net_server_start(&server, &(struct net_setup){0});
    struct vch_dial_options options = to(&server, true);
    net_server_free(&server);
    options.root_pem = VCH_STR("");
    assert_int_equal(vch_link_target_new(&options, &target, &diag), VCH_ERR_IO);
    assert_null(target);
    assert_string_equal(diag.reason, "connect-failed");
    vch_link_target_free(NULL);
    vch_link_close(NULL);
}

static void bad_credentials_make_no_target(void **state) {
    (void)state;
    struct net_server server;
    struct vch_link_target *target = NULL;
    struct vch_diag diag = {0};
    net_server_start(&server, &(struct net_setup){0});
    struct vch_dial_options options = to(&server, true);
    options.root_pem = VCH_STR("not PEM");
    assert_int_equal(vch_link_target_new(&options, &target, &diag), VCH_ERR_INVALID);
    assert_null(target);
    net_server_free(&server);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_at_once_over_tls),           cmocka_unit_test(many_at_once_in_plain),
        cmocka_unit_test(the_client_certificate_is_shown), cmocka_unit_test(an_untrusted_server_is_refused),
        cmocka_unit_test(the_server_s_end_is_seen),        cmocka_unit_test(nobody_listens),
        cmocka_unit_test(bad_credentials_make_no_target),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
