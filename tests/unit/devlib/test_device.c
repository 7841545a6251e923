#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "script.h"
#include "wire/mqtt.h"

#define CREATE "$aws/certificates/create/json"
#define CSR "$aws/certificates/create-from-csr/json"
#define REGISTER "$aws/provisioning-templates/T/provision/json"
#define IDENTITY                                                                                                       \
    "{\"certificateId\":\"0a1b\",\"certificatePem\":\"-----BEGIN\\nX\\n\",\"privateKey\":\"KEY\\n\","                  \
    "\"certificateOwnershipToken\":\"tok\\u002den\"}"
#define IDENTITY_CSR                                                                                                   \
    "{\"certificateOwnershipToken\":\"tok-en\",\"certificateId\":\"0a1b\",\"certificatePem\":\"PEM\\n\",\"extra\":[1]" \
    "}"
#define DONE "{\"deviceConfiguration\":{\"a\":\"b\"},\"thingName\":\"lamp-7\"}"

static struct script s; /* large; one test at a time */

struct saved {
    char id[80], pem[80], key[80], token[80];
    int calls, answer;
    enum vch_device_stage stages[16];
    size_t stage_count;
    size_t packets_at_save;
};

static void keep(char out[80], const char *text) {
    (void)vch_str_copy(out, 80, text ? vch_str_from(text) : VCH_STR("(none)"));
}

static int on_save(void *arg, const struct vch_device_identity *identity) {
    struct saved *saved = arg;
    saved->calls++;
    saved->packets_at_save = s.packets;
    keep(saved->id, identity->certificate_id);
    keep(saved->pem, identity->certificate_pem);
    keep(saved->key, identity->private_key_pem);
    keep(saved->token, identity->token);
    return saved->answer;
}

static void on_progress(void *arg, enum vch_device_stage stage) {
    struct saved *saved = arg;
    saved->stages[saved->stage_count++] = stage;
}

static const struct vch_device_connect CONNECT = {.client_id = "dev-1", .keep_alive_s = 1200};

static void connected(void) {
    script_init(&s, SCRIPT_IN, SCRIPT_OUT);
    script_connack(&s, 1, 0);
}

/* CONNECT is packet 1; SUBSCRIBEs 2 and 3 (ids 1, 2); PUBLISH 4 (id 3). */
static void script_create(const char *topic, const char *answer) {
    char full[128];
    script_suback(&s, 3, 1, 1);
    script_suback(&s, 3, 2, 1);
    script_puback(&s, 4, 3);
    strcpy(full, topic);
    strcat(full, "/accepted");
    script_publish(&s, 4, full, answer, 1);
}

/* PUBACK of the answer is packet 5; SUBSCRIBEs 6, 7 (ids 4, 5); PUBLISH 8 (id 6). */
static void script_register(const char *leaf, const char *answer) {
    char full[128] = REGISTER;
    script_suback(&s, 7, 4, 1);
    script_suback(&s, 7, 5, 1);
    script_puback(&s, 8, 6);
    strcat(full, leaf);
    script_publish(&s, 8, full, answer, 0);
}

static enum vch_device_status provision(struct saved *saved, const char *csr, const char *token,
                                        struct vch_device_provisioned *done) {
    static const struct vch_device_pair pairs[] = {{"ThingName", "lamp \"7\""}, {"Serial", "1"}};
    const struct vch_device_provision p = {
        .template_name = "T",
        .csr_pem = csr,
        .token = token,
        .parameters = pairs,
        .parameter_count = 2,
        .save = on_save,
        .progress = on_progress,
        .arg = saved,
    };
    assert_int_equal(vch_device_connect(&s.device, &CONNECT), VCH_DEVICE_OK);
    enum vch_device_status status = vch_device_provision(&s.device, &p, done);
    script_check_guards(&s);
    return status;
}

static void check_publish(size_t index, const char *topic, const char *payload) {
    struct vch_mqtt_frame frame;
    struct vch_mqtt_publish p;
    size_t size;
    assert_int_equal(vch_mqtt_frame_decode(script_sent(&s, index), &frame, &size), VCH_OK);
    assert_int_equal(frame.type, VCH_MQTT_PUBLISH);
    assert_int_equal(vch_mqtt_publish_decode(&frame, &p), VCH_OK);
    assert_int_equal(p.qos, 1);
    assert_false(p.retain);
    assert_true(vch_str_eq_c(p.topic, topic));
    assert_true(vch_str_eq_c(p.payload, payload));
}

static void test_whole_exchange_by_keys(void **state) {
    (void)state;
    for (size_t piece = 0; piece < 4; piece++) {
        struct saved saved = {0};
        struct vch_device_provisioned done;
        connected();
        s.piece = piece;
        script_create(CREATE, IDENTITY);
        script_register("/accepted", DONE);
        assert_int_equal(provision(&saved, NULL, NULL, &done), VCH_DEVICE_OK);
        assert_string_equal(done.thing_name, "lamp-7");
        assert_string_equal(done.configuration_json, "{\"a\":\"b\"}");
        assert_int_equal(done.configuration_len, 9);
        assert_int_equal(saved.calls, 1);
        assert_string_equal(saved.id, "0a1b");
        assert_string_equal(saved.pem, "-----BEGIN\nX\n");
        assert_string_equal(saved.key, "KEY\n");
        assert_string_equal(saved.token, "tok-en");
        assert_int_equal(saved.packets_at_save, 5); /* nothing of RegisterThing had left */
        check_publish(3, CREATE, "{}");
        check_publish(7, REGISTER,
                      "{\"certificateOwnershipToken\":\"tok-en\",\"parameters\":{\"ThingName\":\"lamp "
                      "\\\"7\\\"\",\"Serial\":\"1\"}}");
        assert_int_equal(saved.stage_count, 6);
        assert_int_equal(saved.stages[5], VCH_DEVICE_STAGE_DONE);
        assert_int_equal(vch_device_disconnect(&s.device), VCH_DEVICE_OK);
        assert_memory_equal(script_sent(&s, 8).ptr, "\xE0\0", 2);
    }
}

/* The answer's configuration is still in `in` when the next calls are made. */
static void test_calls_after_the_exchange(void **state) {
    (void)state;
    static const enum vch_device_status ends[] = {VCH_DEVICE_TIMEOUT, VCH_DEVICE_CLOSED, VCH_DEVICE_NETWORK};
    for (size_t i = 0; i < 3; i++) {
        struct saved saved = {0};
        struct vch_device_provisioned done;
        connected();
        script_create(CREATE, IDENTITY);
        script_register("/accepted", DONE);
        script_puback(&s, 9, 7);
        s.end = ends[i];
        assert_int_equal(provision(&saved, NULL, NULL, &done), VCH_DEVICE_OK);
        assert_int_equal(vch_device_publish(&s.device, "t", done.configuration_json, done.configuration_len, 1),
                         VCH_DEVICE_OK);
        assert_string_equal(done.configuration_json, "{\"a\":\"b\"}");
        assert_int_equal(vch_device_publish(&s.device, "t", "x", 1, 1), ends[i]);
        assert_int_equal(vch_device_ping(&s.device), i == 0 ? VCH_DEVICE_TIMEOUT : VCH_DEVICE_CLOSED);
        script_check_guards(&s);
    }
}

/* The server takes the request, answers and is gone before our acknowledgement. */
static void test_answer_counts_without_its_acknowledgement(void **state) {
    (void)state;
    struct saved saved = {0};
    struct vch_device_provisioned done;
    connected();
    script_suback(&s, 3, 1, 1);
    script_suback(&s, 3, 2, 1);
    script_publish(&s, 4, REGISTER "/accepted", DONE, 1);
    s.fails_from = 5;
    assert_int_equal(provision(&saved, NULL, "old-token", &done), VCH_DEVICE_OK);
    assert_string_equal(done.thing_name, "lamp-7");
    assert_false(s.device.connected);
}

static void test_whole_exchange_by_csr(void **state) {
    (void)state;
    struct saved saved = {0};
    struct vch_device_provisioned done;
    connected();
    script_create(CSR, IDENTITY_CSR);
    script_register("/accepted", "{\"deviceConfiguration\":{},\"thingName\":\"x\"}");
    assert_int_equal(provision(&saved, "A\nB", NULL, &done), VCH_DEVICE_OK);
    assert_string_equal(saved.key, "(none)");
    check_publish(3, CSR, "{\"certificateSigningRequest\":\"A\\nB\"}");
}

/* The answer may come before the acknowledgements, and with others between. */
static void test_answer_before_puback_and_strangers(void **state) {
    (void)state;
    struct saved saved = {0};
    struct vch_device_provisioned done;
    connected();
    script_publish(&s, 1, "other/topic", "hello", 0);
    script_suback(&s, 3, 2, 1); /* out of order */
    script_suback(&s, 3, 1, 0);
    script_publish(&s, 4, CREATE "/acceptedX", "no", 0);
    script_publish(&s, 4, CREATE "/accepted", IDENTITY, 0);
    script_puback(&s, 4, 3);
    script_suback(&s, 6, 4, 1);
    script_suback(&s, 6, 5, 1);
    script_publish(&s, 7, CREATE "/accepted", "late twin", 0);
    script_publish(&s, 7, REGISTER "/accepted", DONE, 0);
    assert_int_equal(provision(&saved, NULL, NULL, &done), VCH_DEVICE_OK);
    assert_string_equal(done.thing_name, "lamp-7");
    assert_int_equal(s.messages, 3);
    assert_string_equal(s.message_payload, "late twin");
}

static void test_resume_skips_creation(void **state) {
    (void)state;
    struct saved saved = {0};
    struct vch_device_provisioned done;
    connected();
    script_suback(&s, 3, 1, 1);
    script_suback(&s, 3, 2, 1);
    script_puback(&s, 4, 3);
    script_publish(&s, 4, REGISTER "/accepted", DONE, 0);
    assert_int_equal(provision(&saved, NULL, "old-token", &done), VCH_DEVICE_OK);
    assert_int_equal(saved.calls, 0);
    check_publish(3, REGISTER,
                  "{\"certificateOwnershipToken\":\"old-token\",\"parameters\":{\"ThingName\":\"lamp "
                  "\\\"7\\\"\",\"Serial\":\"1\"}}");
}

static void test_rejections(void **state) {
    (void)state;
    static const struct {
        const char *payload;
        int code;
        const char *error_code, *error_message;
    } cases[] = {
        {"{\"statusCode\":403,\"errorCode\":\"AccessDenied\",\"errorMessage\":\"Not\\nyou.\"}", 403, "AccessDenied",
         "Not you."},
        {"{\"errorMessage\":\"only this\"}", 0, "", "only this"},
        {"{\"statusCode\":\"x\",\"errorCode\":5,\"errorMessage\":null}", 0, "", ""},
        {"not JSON", 0, "", ""},
        {"", 0, "", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct saved saved = {0};
        struct vch_device_provisioned done;
        connected();
        script_create(CREATE, IDENTITY);
        script_register("/rejected", cases[i].payload);
        assert_int_equal(provision(&saved, NULL, NULL, &done), VCH_DEVICE_REJECTED);
        assert_int_equal(s.device.failure.stage, VCH_DEVICE_STAGE_REGISTER);
        assert_int_equal(s.device.failure.code, cases[i].code);
        assert_string_equal(s.device.failure.error_code, cases[i].error_code);
        assert_string_equal(s.device.failure.error_message, cases[i].error_message);
        assert_string_equal(done.thing_name, "");
    }
}

static void test_long_error_is_cut_at_a_character(void **state) {
    (void)state;
    char payload[2000] = "{\"errorMessage\":\"x";
    struct saved saved = {0};
    struct vch_device_provisioned done;
    for (int i = 0; i < 500; i++) strcat(payload, "\xC3\xA9");
    strcat(payload, "\"}");
    connected();
    script_create(CREATE, IDENTITY);
    script_register("/rejected", payload);
    assert_int_equal(provision(&saved, NULL, NULL, &done), VCH_DEVICE_REJECTED);
    assert_int_equal(strlen(s.device.failure.error_message), 511);
    assert_true(vch_utf8_valid(vch_str_from(s.device.failure.error_message)));
}

static const char *const bad_identities[] = {
    "{\"certificatePem\":\"P\",\"privateKey\":\"K\",\"certificateOwnershipToken\":\"t\"}",
    "{\"certificateId\":\"0a\",\"privateKey\":\"K\",\"certificateOwnershipToken\":\"t\"}",
    "{\"certificateId\":\"0a\",\"certificatePem\":\"P\",\"certificateOwnershipToken\":\"t\"}",
    "{\"certificateId\":\"0a\",\"certificatePem\":\"P\",\"privateKey\":\"K\"}",
    "{\"certificateId\":\"\",\"certificatePem\":\"P\",\"privateKey\":\"K\",\"certificateOwnershipToken\":\"t\"}",
    "{\"certificateId\":\"../x\",\"certificatePem\":\"P\",\"privateKey\":\"K\",\"certificateOwnershipToken\":\"t\"}",
    "{\"certificateId\":7,\"certificatePem\":\"P\",\"privateKey\":\"K\",\"certificateOwnershipToken\":\"t\"}",
    ("{\"certificateId\":\"0a\",\"certificatePem\":\"P\",\"privateKey\":\"K\",\"certificateOwnershipToken\":"
     "\"t\\u0000\"}"),
    "{\"certificateId\":\"0a\",\"certificatePem\":\"P\",\"privateKey\":\"K\",\"certificateOwnershipToken\":\"t\"",
    "[]",
    "",
};

static void test_bad_identities_are_not_saved(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof bad_identities / sizeof *bad_identities; i++) {
        struct saved saved = {0};
        struct vch_device_provisioned done;
        connected();
        script_create(CREATE, bad_identities[i]);
        assert_int_equal(provision(&saved, NULL, NULL, &done), VCH_DEVICE_PROTOCOL);
        assert_int_equal(s.device.failure.stage, VCH_DEVICE_STAGE_CREATE);
        assert_int_equal(saved.calls, 0);
    }
}

static void test_failed_save_stops(void **state) {
    (void)state;
    struct saved saved = {.answer = 1};
    struct vch_device_provisioned done;
    connected();
    script_create(CREATE, IDENTITY);
    assert_int_equal(provision(&saved, NULL, NULL, &done), VCH_DEVICE_STORAGE);
    assert_int_equal(s.packets, 5);
}

static void test_connack_codes(void **state) {
    (void)state;
    for (uint8_t code = 1; code <= 5; code++) {
        script_init(&s, SCRIPT_IN, SCRIPT_OUT);
        script_connack(&s, 1, code);
        assert_int_equal(vch_device_connect(&s.device, &CONNECT), VCH_DEVICE_REFUSED);
        assert_int_equal(s.device.failure.code, code);
        assert_int_equal(vch_device_publish(&s.device, "t", "x", 1, 0), VCH_DEVICE_CLOSED);
    }
}

static void test_suback_refusal(void **state) {
    (void)state;
    struct saved saved = {0};
    struct vch_device_provisioned done;
    connected();
    script_suback(&s, 3, 1, 1);
    script_suback(&s, 3, 2, 0x80);
    assert_int_equal(provision(&saved, NULL, NULL, &done), VCH_DEVICE_REFUSED);
    assert_int_equal(s.device.failure.code, 0x80);
    assert_int_equal(s.device.failure.stage, VCH_DEVICE_STAGE_CREATE_SUBSCRIBE);
    connected();
    script_suback(&s, 3, 1, 0x80);
    s.end = VCH_DEVICE_CLOSED;
    assert_int_equal(provision(&saved, NULL, NULL, &done), VCH_DEVICE_REFUSED);
}

/* Silence and hang-ups at every moment of the exchange. */
static void test_end_at_every_moment(void **state) {
    (void)state;
    static const enum vch_device_status ends[] = {VCH_DEVICE_TIMEOUT, VCH_DEVICE_CLOSED, VCH_DEVICE_NETWORK};
    for (size_t e = 0; e < 3; e++) {
        for (size_t cut = 1; cut < 9; cut++) {
            struct saved saved = {0};
            struct vch_device_provisioned done;
            connected();
            script_create(CREATE, IDENTITY);
            script_register("/accepted", DONE);
            s.count = cut; /* of 9 steps */
            s.end = ends[e];
            assert_int_equal(provision(&saved, NULL, NULL, &done), ends[e]);
            assert_int_equal(saved.calls, cut >= 5 ? 1 : 0);
        }
    }
}

static void test_wait_is_bounded(void **state) {
    (void)state;
    script_init(&s, SCRIPT_IN, SCRIPT_OUT);
    assert_int_equal(vch_device_connect(&s.device, &CONNECT), VCH_DEVICE_TIMEOUT);
    assert_int_equal(s.now_ms, 1000 + 10000);
    script_init(&s, SCRIPT_IN, SCRIPT_OUT);
    s.device.options.deadline_ms = 1500;
    assert_int_equal(vch_device_connect(&s.device, &CONNECT), VCH_DEVICE_TIMEOUT);
    assert_int_equal(s.now_ms, 1500);
}

static const struct {
    const char *bytes;
    size_t len;
    enum vch_device_status status;
} garbage[] = {
    {"\x20\x02\x00", 3, VCH_DEVICE_TIMEOUT},      {"\x20\x02\x02\x00", 4, VCH_DEVICE_PROTOCOL},
    {"\x21\x02\x00\x00", 4, VCH_DEVICE_PROTOCOL}, {"\x20\x03\x00\x00\x00", 5, VCH_DEVICE_PROTOCOL},
    {"\xD0\x00", 2, VCH_DEVICE_PROTOCOL},         {"\x20\xFF\xFF\xFF\xFF\x01", 6, VCH_DEVICE_PROTOCOL},
    {"\x20\xFF\xFF\x7F", 4, VCH_DEVICE_SPACE},    {"HTTP/1.1 400 Bad Request\r\n\r\n", 28, VCH_DEVICE_PROTOCOL},
    {"\x00\x00", 2, VCH_DEVICE_PROTOCOL},         {"\x10\x00", 2, VCH_DEVICE_PROTOCOL},
};

static void test_garbage_instead_of_connack(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof garbage / sizeof *garbage; i++) {
        script_init(&s, SCRIPT_IN, SCRIPT_OUT);
        script_raw(&s, 1, garbage[i].bytes, garbage[i].len);
        assert_int_equal(vch_device_connect(&s.device, &CONNECT), garbage[i].status);
        script_check_guards(&s);
    }
}

static void test_server_must_not_send_these(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
    } cases[] = {
        {"\x34\x05\x00\x01t\x00\x01", 7}, {"\x82\x00", 2}, {"\xC0\x00", 2}, {"\xE0\x00", 2}, {"\x20\x02\x00\x00", 4},
        {"\x90\x04\x00\x01\x00\x00", 6}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        connected();
        script_raw(&s, 1, cases[i].bytes, cases[i].len);
        assert_int_equal(vch_device_connect(&s.device, &CONNECT), VCH_DEVICE_OK);
        assert_int_equal(vch_device_poll(&s.device, 2000), VCH_DEVICE_PROTOCOL);
    }
}

static void test_publish_subscribe_ping_poll(void **state) {
    (void)state;
    connected();
    script_suback(&s, 2, 1, 1);
    script_publish(&s, 2, "a/b", "payload", 1);
    script_puback(&s, 4, 2);
    script_raw(&s, 5, "\xD0\x00", 2);
    assert_int_equal(vch_device_connect(&s.device, &CONNECT), VCH_DEVICE_OK);
    assert_int_equal(vch_device_subscribe(&s.device, "a/+", 1), VCH_DEVICE_OK);
    assert_int_equal(vch_device_poll(&s.device, 5000), VCH_DEVICE_OK);
    assert_int_equal(s.now_ms, 5000);
    assert_string_equal(s.message_topic, "a/b");
    assert_string_equal(s.message_payload, "payload");
    assert_memory_equal(script_sent(&s, 2).ptr, "\x40\x02\x12\x34", 4);
    assert_int_equal(vch_device_publish(&s.device, "x", "y", 1, 1), VCH_DEVICE_OK);
    assert_int_equal(vch_device_ping(&s.device), VCH_DEVICE_OK);
    assert_int_equal(vch_device_ping(&s.device), VCH_DEVICE_TIMEOUT);
    script_check_guards(&s);
}

/* Larger than `out`: the payload follows its head. */
static void test_large_publish(void **state) {
    (void)state;
    static char large[SCRIPT_OUT * 2];
    memset(large, 'L', sizeof large);
    connected();
    assert_int_equal(vch_device_connect(&s.device, &CONNECT), VCH_DEVICE_OK);
    assert_int_equal(vch_device_publish(&s.device, "big", large, sizeof large, 0), VCH_DEVICE_OK);
    struct vch_str packet = script_sent(&s, 1);
    assert_int_equal(packet.len, 1 + 2 + 2 + 3 + sizeof large);
    assert_memory_equal(packet.ptr + 8, large, sizeof large);
    script_check_guards(&s);
}

static void test_small_memory(void **state) {
    (void)state;
    struct saved saved = {0};
    struct vch_device_provisioned done;
    script_init(&s, 64, SCRIPT_OUT);
    script_connack(&s, 1, 0);
    script_create(CREATE, IDENTITY);
    assert_int_equal(provision(&saved, NULL, NULL, &done), VCH_DEVICE_SPACE);
    script_init(&s, SCRIPT_IN, 273 + 40);
    script_connack(&s, 1, 0);
    script_create(CREATE, IDENTITY);
    script_register("/accepted", DONE);
    assert_int_equal(provision(&saved, NULL, NULL, &done), VCH_DEVICE_SPACE);
    assert_int_equal(s.device.failure.stage, VCH_DEVICE_STAGE_REGISTER);
}

static void test_arguments(void **state) {
    (void)state;
    static const struct vch_device_pair none_value[] = {{"a", NULL}};
    static const struct vch_device_provision cases[] = {
        {.template_name = "", .save = on_save},
        {.template_name = NULL, .save = on_save},
        {.template_name = "a/b", .save = on_save},
        {.template_name = "0123456789012345678901234567890123456", .save = on_save},
        {.template_name = "T"},
        {.template_name = "T", .token = ""},
        {.template_name = "T", .save = on_save, .parameters_json = "{\"a\":1}"},
        {.template_name = "T", .save = on_save, .parameters_json = "nonsense"},
        {.template_name = "T", .save = on_save, .parameters = none_value, .parameter_count = 1},
        {.template_name = "T", .save = on_save, .csr_pem = "\xFF"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct vch_device_provisioned done;
        connected();
        assert_int_equal(vch_device_connect(&s.device, &CONNECT), VCH_DEVICE_OK);
        assert_int_equal(vch_device_provision(&s.device, &cases[i], &done), VCH_DEVICE_ARGUMENT);
        assert_int_equal(s.packets, 1);
    }
    connected();
    assert_int_equal(vch_device_connect(&s.device, &(struct vch_device_connect){.client_id = ""}), VCH_DEVICE_ARGUMENT);
    assert_int_equal(vch_device_publish(&s.device, "a/#", "", 0, 0), VCH_DEVICE_ARGUMENT);
    assert_int_equal(vch_device_publish(&s.device, "a", "", 0, 2), VCH_DEVICE_ARGUMENT);
    struct vch_device_options options = s.device.options;
    options.in = NULL;
    assert_int_equal(vch_device_init(&s.device, &options), VCH_DEVICE_ARGUMENT);
}

/* Neither key nor token stays in the library's memory after the call. */
static void test_secrets_are_wiped(void **state) {
    (void)state;
    struct saved saved = {0};
    struct vch_device_provisioned done;
    connected();
    script_create(CREATE, "{\"certificateId\":\"0a\",\"certificatePem\":\"P\",\"privateKey\":\"SECRETKEY\","
                          "\"certificateOwnershipToken\":\"SECRETTOKEN\"}");
    script_register("/accepted", DONE);
    assert_int_equal(provision(&saved, NULL, NULL, &done), VCH_DEVICE_OK);
    assert_null(memmem(s.memory_in, sizeof s.memory_in, "SECRET", 6));
    assert_null(memmem(s.memory_out, sizeof s.memory_out, "SECRET", 6));
    assert_null(memmem(&s.device, sizeof s.device, "SECRET", 6));
}

static void test_words(void **state) {
    (void)state;
    for (int i = 0; i < VCH_DEVICE_STATUS_COUNT; i++)
        assert_true(strlen(vch_device_status_word((enum vch_device_status)i)) > 0);
    for (int i = 0; i < VCH_DEVICE_STAGE_COUNT; i++)
        assert_true(strlen(vch_device_stage_word((enum vch_device_stage)i)) > 0);
    assert_string_equal(vch_device_status_word((enum vch_device_status)99), "unknown");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_exchange_by_keys),
        cmocka_unit_test(test_whole_exchange_by_csr),
        cmocka_unit_test(test_calls_after_the_exchange),
        cmocka_unit_test(test_answer_counts_without_its_acknowledgement),
        cmocka_unit_test(test_answer_before_puback_and_strangers),
        cmocka_unit_test(test_resume_skips_creation),
        cmocka_unit_test(test_rejections),
        cmocka_unit_test(test_long_error_is_cut_at_a_character),
        cmocka_unit_test(test_bad_identities_are_not_saved),
        cmocka_unit_test(test_failed_save_stops),
        cmocka_unit_test(test_connack_codes),
        cmocka_unit_test(test_suback_refusal),
        cmocka_unit_test(test_end_at_every_moment),
        cmocka_unit_test(test_wait_is_bounded),
        cmocka_unit_test(test_garbage_instead_of_connack),
        cmocka_unit_test(test_server_must_not_send_these),
        cmocka_unit_test(test_publish_subscribe_ping_poll),
        cmocka_unit_test(test_large_publish),
        cmocka_unit_test(test_small_memory),
        cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_secrets_are_wiped),
        cmocka_unit_test(test_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
