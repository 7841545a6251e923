/* An answer in two pieces, cut anywhere, reads as in one; what is taken is within its bounds. */
#include <stdlib.h>
#include <string.h>

#include "http/reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BODY_MAX = 512 };

static enum vch_reply_read read_all(struct vch_reply *reply, const uint8_t *data, size_t size, size_t cut) {
    size_t used = 0, more = 0;
    vch_reply_init(reply, BODY_MAX);
    enum vch_reply_read read = vch_reply_feed(reply, vch_str_of(data, cut), &used);
    if (used > cut || (read == VCH_REPLY_MORE && used != cut)) abort();
    if (read == VCH_REPLY_MORE) read = vch_reply_feed(reply, vch_str_of(data + cut, size - cut), &more);
    if (read == VCH_REPLY_MORE) read = vch_reply_end(reply);
    if (read == VCH_REPLY_MORE || reply->body.len > BODY_MAX) abort();
    if (read == VCH_REPLY_BAD && !reply->why) abort();
    if (read == VCH_REPLY_DONE && (reply->status < 200 || reply->status > 599)) abort();
    return read;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct vch_reply whole, parts;
    if (size == 0) return 0;
    size_t cut = data[0] % size;
    enum vch_reply_read one = read_all(&whole, data + 1, size - 1, size - 1);
    enum vch_reply_read two = read_all(&parts, data + 1, size - 1, cut < size - 1 ? cut : size - 1);
    if (one != two) abort();
    if (one == VCH_REPLY_DONE &&
        (whole.status != parts.status || whole.body.len != parts.body.len || whole.keep_alive != parts.keep_alive ||
         (whole.body.len && memcmp(whole.body.ptr, parts.body.ptr, whole.body.len) != 0)))
        abort();
    vch_reply_deinit(&whole);
    vch_reply_deinit(&parts);
    return 0;
}
