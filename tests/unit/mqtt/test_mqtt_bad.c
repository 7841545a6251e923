/* Malformed packets of every type on an accepted session: each closes it with
 * packet-malformed, nothing is answered, and the server goes on. */
#include "client.h"

#include <stdlib.h>
#include <unistd.h>

static const struct {
    const char *what;
    struct vch_str bytes;
} rows[] = {
    {"type 0", VCH_STR("\x00\x00")},
    {"type 15", VCH_STR("\xF0\x00")},
    {"length of five bytes", VCH_STR("\x30\xFF\xFF\xFF\xFF\x01")},
    {"CONNECT again", VCH_STR("\x10\x0D\x00\x04"
                              "MQTT"
                              "\x04\x02\x00\x3C\x00\x01"
                              "d")},
    {"CONNACK from a client", VCH_STR("\x20\x02\x00\x00")},
    {"PUBLISH with QoS 3", VCH_STR("\x36\x05\x00\x01"
                                   "a"
                                   "\x00\x01")},
    {"PUBLISH with DUP and QoS 0", VCH_STR("\x38\x05\x00\x01"
                                           "a"
                                           "hi")},
    {"PUBLISH with packet id 0", VCH_STR("\x32\x05\x00\x01"
                                         "a"
                                         "\x00\x00")},
    {"PUBLISH whose topic is not UTF-8", VCH_STR("\x30\x03\x00\x01"
                                                 "\xFE")},
    {"PUBLISH with U+0000", VCH_STR("\x30\x05\x00\x03"
                                    "a\x00"
                                    "b")},
    {"PUBLISH whose topic leaves the packet", VCH_STR("\x30\x03\x00\x02"
                                                      "a")},
    {"PUBLISH that is empty", VCH_STR("\x30\x00")},
    {"PUBACK with flags", VCH_STR("\x42\x02\x00\x01")},
    {"PUBACK of packet 0", VCH_STR("\x40\x02\x00\x00")},
    {"PUBACK of three bytes", VCH_STR("\x40\x03\x00\x01\x00")},
    {"SUBSCRIBE without its flag", VCH_STR("\x80\x06\x00\x0A\x00\x01"
                                           "a"
                                           "\x01")},
    {"SUBSCRIBE with packet id 0", VCH_STR("\x82\x06\x00\x00\x00\x01"
                                           "a"
                                           "\x01")},
    {"SUBSCRIBE of nothing", VCH_STR("\x82\x02\x00\x0A")},
    {"SUBSCRIBE with QoS 3", VCH_STR("\x82\x06\x00\x0A\x00\x01"
                                     "a"
                                     "\x03")},
    {"SUBSCRIBE cut", VCH_STR("\x82\x05\x00\x0A\x00\x01"
                              "a")},
    {"SUBACK from a client", VCH_STR("\x90\x03\x00\x0A\x01")},
    {"UNSUBSCRIBE without its flag", VCH_STR("\xA0\x05\x00\x0B\x00\x01"
                                             "a")},
    {"UNSUBSCRIBE of nothing", VCH_STR("\xA2\x02\x00\x0B")},
    {"UNSUBACK from a client", VCH_STR("\xB0\x02\x00\x01")},
    {"PINGREQ with flags", VCH_STR("\xC1\x00")},
    {"PINGREQ with a body", VCH_STR("\xC0\x01"
                                    "x")},
    {"PINGRESP from a client", VCH_STR("\xD0\x00")},
    {"DISCONNECT with flags", VCH_STR("\xE2\x00")},
    {"DISCONNECT with a body", VCH_STR("\xE0\x02\x00\x00")},
    {"SUBSCRIBE longer than any", VCH_STR("\x82\xFF\xFF\xFF\x7F")},
};

static struct rig rig;

static void every_type(void **state) {
    (void)state;
    rig_start(&rig, 1, NULL);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int fd = client_open(&rig, 0, "bad");
        client_send(fd, rows[i].bytes);
        client_expect_closed(fd);
        rig_wait_sessions(&rig, 0);
        print_message("%s\n", rows[i].what);
        rig_expect_ends(&rig, "bad", "packet-malformed", i + 1);
    }
    int fd = client_open(&rig, 0, "good");
    client_ping(fd);
    rig_stop(&rig);
}

/* Random bytes, and real packets with one bit turned, on sessions in all states. */
static void noise(void **state) {
    (void)state;
    unsigned seed = 65;
    rig_start(&rig, 1, NULL);
    for (unsigned round = 0; round < 600; round++) {
        char bytes[400];
        size_t len = 0;
        int fd = round % 2 ? client_open(&rig, 0, "noise") : client_dial(&rig, 0);
        const struct vch_str packets[] = {pkt_connect("noise", true, 60), pkt_subscribe(1, "a/#", 1),
                                          pkt_publish("a/b", "hello", 1, 5), pkt_unsubscribe(2, "a/#")};
        for (size_t i = round % 2; i < COUNT_OF(packets); i++) {
            for (size_t k = 0; k < packets[i].len; k++) bytes[len++] = packets[i].ptr[k];
        }
        if (round % 3 == 0)
            for (size_t k = 0; k < len; k++) bytes[k] = (char)rand_r(&seed);
        else
            bytes[(size_t)rand_r(&seed) % len] ^= (char)(1 << (rand_r(&seed) % 8));
        client_send(fd, vch_str_of(bytes, len));
        (void)close(fd);
    }
    int fd = client_open(&rig, 0, "after");
    client_ping(fd);
    (void)close(fd);
    rig_wait_sessions(&rig, 0);
    rig_stop(&rig);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_type), cmocka_unit_test(noise)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
