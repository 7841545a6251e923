/* A device that is cut off at every single moment, and starts again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "devlib/journal.h"
#include "support/device_peer.h"

enum { MEMORY = 4096, NEVER = 1 << 30 };

/* What outlasts a reset, and a power supply that ends after some operations. */
struct board {
    struct peer peer;
    uint8_t record[VCH_DEVICE_RECORD_MAX];
    size_t record_len;
    char saved[65], active[65], token_saved[64];
    int saves;
    int power;  /* operations left */
    bool after; /* the last operation is done before the power goes */
    enum vch_device_format format;
    uint8_t protocol;
    bool by_request, rotates;
    uint8_t in[MEMORY], out[MEMORY];
    struct vch_device device;
    struct vch_device_provisioned made;
    int64_t now_ms;
};

static struct board b;

/* True: the operation happens. Its answer is lost when the power goes with it. */
static bool operate(bool *ret_lost) {
    b.power--;
    *ret_lost = b.power <= 0;
    return b.power > 0 || (b.power == 0 && b.after);
}

static enum vch_device_status on_send(void *arg, const void *bytes, size_t len, int64_t deadline_ms) {
    bool lost;
    (void)arg, (void)deadline_ms;
    if (operate(&lost)) peer_take(&b.peer, bytes, len);
    return lost ? VCH_DEVICE_NETWORK : VCH_DEVICE_OK;
}

static enum vch_device_status on_recv(void *arg, void *buf, size_t size, size_t *ret_len, int64_t deadline_ms) {
    bool lost;
    (void)arg;
    if (operate(&lost)) *ret_len = peer_give(&b.peer, buf, size);
    if (lost) return VCH_DEVICE_NETWORK;
    if (*ret_len == 0) b.now_ms = deadline_ms;
    return *ret_len ? VCH_DEVICE_OK : VCH_DEVICE_TIMEOUT;
}

static int64_t on_now(void *arg) {
    (void)arg;
    return b.now_ms;
}

static int on_load(void *arg, void *record, size_t size, size_t *ret_len) {
    bool lost;
    (void)arg;
    assert_true(size >= b.record_len);
    if (operate(&lost)) memcpy(record, b.record, *ret_len = b.record_len);
    return lost;
}

static int on_keep(void *arg, const void *record, size_t len) {
    bool lost;
    (void)arg;
    assert_true(len <= sizeof b.record);
    if (operate(&lost)) memcpy(b.record, record, b.record_len = len);
    return lost;
}

static int on_erase(void *arg) {
    bool lost;
    (void)arg;
    if (operate(&lost)) b.record_len = 0;
    return lost;
}

static int on_save(void *arg, const struct vch_device_identity *identity) {
    bool lost;
    (void)arg;
    assert_int_equal(identity->private_key_pem == NULL, b.by_request);
    if (operate(&lost)) {
        strcpy(b.saved, identity->certificate_id);
        b.saves++;
    }
    return lost;
}

static int on_registered(void *arg, const struct vch_device_provisioned *made) {
    bool lost;
    (void)arg;
    assert_string_equal(made->certificate_id, b.saved);
    assert_string_equal(made->thing_name, "lamp-7");
    assert_string_equal(made->configuration_json, "{\"a\":\"b\",\"n\":42}");
    if (operate(&lost)) strcpy(b.active, made->certificate_id);
    return lost;
}

static const struct vch_device_storage STORAGE = {on_load, on_keep, on_erase, NULL};

static void power_up(void) {
    const struct vch_device_options options = {
        .transport = {on_send, on_recv, on_now, NULL}, .in = b.in, .in_size = MEMORY, .out = b.out, .out_size = MEMORY};
    peer_hang_up(&b.peer);
    memset(b.in, 0xEE, sizeof b.in);
    memset(b.out, 0xEE, sizeof b.out);
    assert_int_equal(vch_device_init(&b.device, &options), VCH_DEVICE_OK);
}

static enum vch_device_status boot(void) {
    static const struct vch_device_pair pairs[] = {{"SerialNumber", "7"}};
    const struct vch_device_connect connect = {.client_id = "lamp", .protocol = b.protocol};
    const struct vch_device_provision p = {.template_name = "Lamp",
                                           .csr_pem = b.by_request ? "-----BEGIN\n" : NULL,
                                           .parameters = pairs,
                                           .parameter_count = 1,
                                           .save = on_save,
                                           .registered = on_registered,
                                           .storage = &STORAGE,
                                           .format = b.format};
    power_up();
    enum vch_device_status status = vch_device_connect(&b.device, &connect);
    if (status == VCH_DEVICE_OK)
        status = (b.rotates ? vch_device_rotate : vch_device_provision)(&b.device, &p, &b.made);
    assert_null(b.peer.broken);
    return status;
}

static void new_board(int variant) {
    memset(&b, 0, sizeof b);
    peer_init(&b.peer);
    b.format = variant & 1 ? VCH_DEVICE_CBOR : VCH_DEVICE_JSON;
    b.protocol = variant & 2 ? 5 : 4;
    b.by_request = variant & 4;
    b.rotates = variant & 8;
    b.after = variant & 16;
}

static void check_no_secret(void) {
    assert_null(memmem(b.in, sizeof b.in, "SECRET", 6));
    assert_null(memmem(b.out, sizeof b.out, "SECRET", 6));
    assert_null(memmem(&b.device, sizeof b.device, "SECRET", 6));
}

/* A device whose identity is in use does not provision; a record that is still
 * there is of that identity, and goes. */
static void start_again(void) {
    struct vch_device_pending pending;
    if (!b.active[0]) {
        assert_int_equal(boot(), VCH_DEVICE_OK);
        return;
    }
    power_up();
    assert_int_equal(vch_device_pending(&b.device, &STORAGE, &pending), VCH_DEVICE_OK);
    if (pending.any) assert_string_equal(pending.certificate_id, b.active);
    assert_int_equal(on_erase(NULL), 0);
}

static void test_cut_off_at_every_moment(void **state) {
    (void)state;
    for (int variant = 0; variant < 32; variant++) {
        int cut = 0;
        for (bool whole = false; !whole;) {
            new_board(variant);
            b.power = ++cut;
            whole = boot() == VCH_DEVICE_OK;
            check_no_secret();
            bool was_saved = b.saves > 0;
            b.power = NEVER;
            if (!whole) start_again();
            /* One certificate in force, the one that was saved last and is in use. */
            assert_int_equal(peer_registered(&b.peer), 1);
            assert_string_equal(b.active, b.saved);
            assert_true(peer_find(&b.peer, b.active)->registered);
            assert_int_equal(b.record_len, 0);
            /* At most one was made in vain, when the first was not yet in the journal. */
            assert_true(b.saves <= (was_saved ? 2 : 1));
            check_no_secret();
        }
        assert_true(cut > 15);
    }
}

/* The claim is spent: its connection is refused, and the saved identity is it. */
static void test_spent_claim_is_told_by_the_journal(void **state) {
    (void)state;
    struct vch_device_pending pending;
    bool seen = false;
    for (int cut = 1; cut < 30; cut++) {
        new_board(16);
        b.power = cut;
        if (boot() == VCH_DEVICE_OK) break;
        b.power = NEVER;
        b.peer.refuses = peer_registered(&b.peer) == 1;
        power_up();
        assert_int_equal(vch_device_pending(&b.device, &STORAGE, &pending), VCH_DEVICE_OK);
        assert_int_equal(pending.any, b.record_len > 0);
        check_no_secret();
        if (!b.peer.refuses) continue;
        seen = true;
        assert_int_equal(boot(), VCH_DEVICE_REFUSED);
        if (!pending.any) continue; /* done, and only the last word was lost */
        assert_false(pending.rotation);
        assert_string_equal(pending.certificate_id, b.saved);
        assert_true(peer_find(&b.peer, pending.certificate_id)->registered);
    }
    assert_true(seen);
}

/* Cuts the power at the first moment that leaves one. */
static void leave_a_record(bool rotates) {
    int cut = 0;
    do {
        assert_true(cut < 100);
        new_board(0);
        b.rotates = rotates;
        b.power = ++cut;
        (void)!boot();
    } while (b.record_len == 0);
    b.power = NEVER;
}

static void test_forgotten_token_begins_anew(void **state) {
    (void)state;
    leave_a_record(false);
    size_t before = b.peer.count;
    b.peer.certificates[0].token[0] = '!';
    assert_int_equal(boot(), VCH_DEVICE_OK);
    assert_int_equal(b.peer.count, before + 1);
    assert_string_equal(b.active, b.peer.certificates[before].id);
    assert_string_equal(b.device.failure.error_code, "");
}

static void test_server_that_knows_no_token(void **state) {
    (void)state;
    leave_a_record(false);
    b.peer.forgets = true;
    assert_int_equal(boot(), VCH_DEVICE_REJECTED); /* the second one too: no loop */
    assert_int_equal(b.peer.count, 2);
    assert_string_equal(b.device.failure.error_code, "InvalidCertificateOwnershipToken");
    assert_int_equal(b.device.failure.code, 400);
}

static void test_kinds_do_not_mix(void **state) {
    (void)state;
    struct vch_device_pending pending;
    leave_a_record(true);
    power_up();
    assert_int_equal(vch_device_pending(&b.device, &STORAGE, &pending), VCH_DEVICE_OK);
    assert_true(pending.any && pending.rotation);
    b.rotates = false;
    size_t before = b.peer.count;
    assert_int_equal(boot(), VCH_DEVICE_OK);
    assert_int_equal(b.peer.count, before + 1);
}

/* Every byte of a record that is changed or missing makes it none. */
static void test_torn_records_are_none(void **state) {
    (void)state;
    struct vch_journal_record record;
    leave_a_record(false);
    assert_true(vch_journal_parse(vch_str_of(b.record, b.record_len), &record));
    assert_true(vch_str_eq_c(record.template_name, "Lamp"));
    assert_true(vch_str_eq_c(record.certificate_id, b.saved));
    for (size_t len = 0; len < b.record_len; len++) assert_false(vch_journal_parse(vch_str_of(b.record, len), &record));
    for (size_t i = 0; i < b.record_len; i++) {
        b.record[i] ^= 0x20;
        assert_false(vch_journal_parse(vch_str_of(b.record, b.record_len), &record));
        assert_false(record.any);
        b.record[i] ^= 0x20;
    }
    b.record[10] ^= 1;
    size_t before = b.peer.count;
    assert_int_equal(boot(), VCH_DEVICE_OK);
    assert_int_equal(b.peer.count, before + 1);
}

static void test_rotation_keeps_the_name(void **state) {
    (void)state;
    static const char *const names[] = {"lamp-7", "lamp-8", NULL};
    for (size_t i = 0; i < 3; i++) {
        new_board(0);
        b.power = NEVER;
        power_up();
        const struct vch_device_connect connect = {.client_id = "lamp-7"};
        const struct vch_device_provision p = {.template_name = "Lamp", .save = on_save, .thing_name = names[i]};
        assert_int_equal(vch_device_connect(&b.device, &connect), VCH_DEVICE_OK);
        assert_int_equal(vch_device_rotate(&b.device, &p, &b.made), i == 1 ? VCH_DEVICE_PROTOCOL : VCH_DEVICE_OK);
        assert_string_equal(b.peer.last_topic, "$aws/provisioning-templates/Lamp/provision/json");
        if (i == 1) assert_int_equal(b.device.failure.stage, VCH_DEVICE_STAGE_REGISTER);
    }
}

static void test_storage_arguments(void **state) {
    (void)state;
    new_board(0);
    b.power = NEVER;
    power_up();
    const struct vch_device_connect connect = {.client_id = "lamp-7"};
    struct vch_device_storage half = STORAGE;
    struct vch_device_provision p = {.template_name = "Lamp", .save = on_save, .storage = &half};
    assert_int_equal(vch_device_connect(&b.device, &connect), VCH_DEVICE_OK);
    half.erase = NULL;
    assert_int_equal(vch_device_provision(&b.device, &p, &b.made), VCH_DEVICE_ARGUMENT);
    half.erase = on_erase;
    p.token = "t";
    assert_int_equal(vch_device_provision(&b.device, &p, &b.made), VCH_DEVICE_ARGUMENT);
    p.token = NULL;
    p.format = (enum vch_device_format)7;
    assert_int_equal(vch_device_provision(&b.device, &p, &b.made), VCH_DEVICE_ARGUMENT);
    assert_int_equal(b.peer.count, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cut_off_at_every_moment),
        cmocka_unit_test(test_spent_claim_is_told_by_the_journal),
        cmocka_unit_test(test_forgotten_token_begins_anew),
        cmocka_unit_test(test_server_that_knows_no_token),
        cmocka_unit_test(test_kinds_do_not_mix),
        cmocka_unit_test(test_torn_records_are_none),
        cmocka_unit_test(test_rotation_keeps_the_name),
        cmocka_unit_test(test_storage_arguments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
