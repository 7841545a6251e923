/* Checkpoints of the ledger through the signer: what it signs, and what not. */
#include "support/cmocka_all.h"

#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/signature.h"
#include "pki/init.h"
#include "pki/protocol_priv.h"
#include "support/folder.h"
#include "support/signer_child.h"

static char folder[64];

static int group_setup(void **state) {
    (void)state;
    folder_make(folder);
    return vch_pki_prepare(folder, NULL, 0, NULL) == VCH_OK ? 0 : -1;
}

static int group_teardown(void **state) {
    (void)state;
    folder_remove(folder);
    return 0;
}

static struct vch_ledger_checkpoint good(int64_t seq) {
    struct vch_ledger_checkpoint c = {.account = VCH_STR("123456789012"), .seq = seq, .time_ms = vch_now_ms()};
    memset(c.hash, 0xAB, sizeof c.hash);
    return c;
}

static void text_of(const struct vch_ledger_checkpoint *c, struct vch_buf *buf, struct vch_str *ret) {
    vch_buf_clear(buf);
    vch_ledger_checkpoint_text(c, buf);
    assert_int_equal(vch_buf_finish(buf, ret), VCH_OK);
}

static void the_text_is_fixed(void **state) {
    (void)state;
    struct vch_buf buf;
    struct vch_str text;
    struct vch_ledger_checkpoint c = good(7);
    c.time_ms = 1795462528956;
    vch_buf_init(&buf, 512);
    text_of(&c, &buf, &text);
    assert_str(text, "vouch ledger checkpoint 1\naccount 123456789012\nsequence 7\ntime 2026-11-23T19:35:28.956Z\n"
                     "hash abababababababababababababababababababababababababababababababab\n");
    vch_buf_deinit(&buf);
}

static void requests_and_answers_come_back(void **state) {
    (void)state;
    struct vch_buf buf;
    struct vch_str bytes;
    struct vch_signer_request request = {.op = VCH_SIGNER_CHECKPOINT, .tag = 5, .checkpoint = good(9)}, back;
    vch_buf_init(&buf, 8192);
    vch_signer_request_encode(&request, &buf);
    assert_int_equal(vch_buf_finish(&buf, &bytes), VCH_OK);
    assert_int_equal(vch_signer_request_decode(bytes, &back), VCH_OK);
    assert_true(back.op == VCH_SIGNER_CHECKPOINT && back.tag == 5 && back.checkpoint.seq == 9);
    assert_int_equal(back.checkpoint.time_ms, request.checkpoint.time_ms);
    assert_memory_equal(back.checkpoint.hash, request.checkpoint.hash, sizeof back.checkpoint.hash);
    assert_str(back.checkpoint.account, "123456789012");
    for (size_t len = 0; len < bytes.len; len++)
        assert_int_equal(vch_signer_request_decode(vch_str_sub(bytes, 0, len), &back), VCH_ERR_MALFORMED);
    buf.ptr[2] = 1;
    assert_int_equal(vch_signer_request_decode(bytes, &back), VCH_ERR_MALFORMED);
    vch_buf_clear(&buf);
    request.checkpoint.account = VCH_STR("1");
    vch_signer_request_encode(&request, &buf);
    assert_int_not_equal(vch_buf_finish(&buf, &bytes), VCH_OK);

    const struct vch_signer_answer answer = {.op = VCH_SIGNER_CHECKPOINT, .tag = 6, .signature = VCH_STR("sig"), .public_key = VCH_STR("key")};
    struct vch_signer_answer read;
    vch_buf_clear(&buf);
    vch_signer_answer_encode(&answer, &buf);
    assert_int_equal(vch_buf_finish(&buf, &bytes), VCH_OK);
    assert_int_equal(vch_signer_answer_decode(bytes, &read), VCH_OK);
    assert_str(read.signature, "sig");
    assert_str(read.public_key, "key");
    for (size_t len = 0; len < bytes.len - 2; len++)
        assert_int_equal(vch_signer_answer_decode(vch_str_sub(bytes, 0, len), &read), VCH_ERR_MALFORMED);
    vch_buf_deinit(&buf);
}

static void published_key(struct vch_buf *buf, struct vch_str *ret) {
    char path[128];
    (void)snprintf(path, sizeof path, "%s/ledger.pub.pem", folder);
    assert_int_equal(vch_file_read(path, buf, NULL), VCH_OK);
    assert_int_equal(vch_buf_finish(buf, ret), VCH_OK);
}

static void signs_what_is_described(void **state) {
    (void)state;
    int fd = -1;
    pid_t pid = signer_child_start(folder, false, &fd);
    struct vch_signer *signer;
    struct vch_arena *arena = vch_arena_new(65536, false);
    struct vch_checkpoint_signed made;
    struct vch_ledger_checkpoint c = good(3), later;
    struct vch_diag diag = {0};
    struct vch_buf key, buf;
    struct vch_str pem, text;
    assert_int_equal(vch_signer_connect(fd, &signer), VCH_OK);
    assert_int_equal(vch_signer_checkpoint(signer, &c, arena, &made, &diag), VCH_OK);
    vch_buf_init(&key, 8192);
    vch_buf_init(&buf, 512);
    published_key(&key, &pem);
    text_of(&c, &buf, &text);
    assert_true(vch_public_key_same(pem, made.public_key));
    assert_true(vch_signature_holds(pem, text, made.signature));
    assert_true(vch_signature_holds(made.public_key, text, made.signature));
    /* One bit anywhere, and it does not hold. */
    buf.ptr[buf.len - 2] ^= 1;
    assert_false(vch_signature_holds(pem, text, made.signature));
    buf.ptr[buf.len - 2] ^= 1;
    assert_false(vch_signature_holds(pem, text, vch_str_sub(made.signature, 0, made.signature.len - 1)));
    assert_false(vch_signature_holds(VCH_STR("no key"), text, made.signature));
    assert_false(vch_signature_holds(VCH_STR(""), text, made.signature));
    assert_false(vch_public_key_same(pem, VCH_STR("")));
    /* The same again and forwards, never back; not with a strange clock or for nobody. */
    assert_int_equal(vch_signer_checkpoint(signer, &c, arena, &made, &diag), VCH_OK);
    later = good(8);
    assert_int_equal(vch_signer_checkpoint(signer, &later, arena, &made, &diag), VCH_OK);
    struct vch_ledger_checkpoint bad[5];
    for (size_t i = 0; i < 5; i++) bad[i] = good(9);
    bad[0].seq = 7;
    bad[1].seq = 0;
    bad[2].time_ms -= 3600000;
    bad[3].time_ms += 3600000;
    bad[4].account = VCH_STR("12345678901x");
    for (size_t i = 0; i < 5; i++) {
        vch_diag_clear(&diag);
        assert_int_equal(vch_signer_checkpoint(signer, &bad[i], arena, &made, &diag), VCH_ERR_DENIED);
        assert_string_equal(diag.reason, "signer-failed");
    }
    vch_buf_deinit(&buf);
    vch_buf_deinit(&key);
    vch_arena_free(arena);
    vch_signer_close(signer);
    assert_int_equal(signer_child_wait(pid), 0);
}

/* An installation of before gets its key; the published half can be made again, the key stays. */
static void the_key_is_made_once(void **state) {
    (void)state;
    char secret[128], published[128];
    struct vch_buf before, after;
    struct vch_str one, other;
    (void)snprintf(secret, sizeof secret, "%s/ca/ledger.key", folder);
    (void)snprintf(published, sizeof published, "%s/ledger.pub.pem", folder);
    vch_buf_init(&before, 8192);
    vch_buf_init(&after, 8192);
    published_key(&before, &one);
    assert_int_equal(remove(published), 0);
    assert_int_equal(vch_pki_prepare(folder, NULL, 0, NULL), VCH_OK);
    published_key(&after, &other);
    assert_true(vch_str_eq(one, other));
    assert_int_equal(remove(published), 0);
    assert_int_equal(remove(secret), 0);
    assert_int_equal(vch_pki_prepare(folder, NULL, 0, NULL), VCH_OK);
    vch_buf_clear(&after);
    published_key(&after, &other);
    assert_false(vch_str_eq(one, other));
    vch_buf_deinit(&after);
    vch_buf_deinit(&before);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_text_is_fixed), cmocka_unit_test(requests_and_answers_come_back),
        cmocka_unit_test(signs_what_is_described), cmocka_unit_test(the_key_is_made_once),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
