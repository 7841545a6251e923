/* Orders and answers between front and hooks process: what decodes encodes to
 * the same bytes. */
#include <stdint.h>
#include <stdlib.h>

#include "daemon/hooks_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_same(struct vch_buf *buf, struct vch_str in) {
    struct vch_str out;
    if (vch_buf_finish(buf, &out) != VCH_OK || !vch_str_eq(in, out)) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct vch_str in = vch_str_of(data, size);
    struct vch_hook_order order;
    struct vch_hook_result result;
    uint64_t tag;
    struct vch_buf buf;
    vch_buf_init(&buf, VCH_HOOKS_DATAGRAM_MAX);
    if (vch_hooks_order_decode(in, &order, &tag) == VCH_OK) {
        vch_hooks_order_encode(&order, tag, &buf);
        check_same(&buf, in);
    }
    vch_buf_clear(&buf);
    if (vch_hooks_answer_decode(in, &result, &tag) == VCH_OK) {
        vch_hooks_answer_encode(&result, tag, &buf);
        check_same(&buf, in);
    }
    vch_buf_deinit(&buf);
    return 0;
}
