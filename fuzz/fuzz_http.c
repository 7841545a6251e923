/* The HTTP request reader: any bytes, in parts whose sizes the first byte
 * chooses. What it accepts must be within its bounds and its own memory. */
#include "http/parse.h"

#include <stdlib.h>

enum { BODY_MAX = 1024 };

static void check(const struct vch_http_request *request) {
    size_t sum = request->method.len + request->query.len;
    vch_assert(request->method.len > 0 && request->path.len > 0 && request->path.ptr[0] == '/');
    vch_assert(request->body.len <= BODY_MAX && request->header_count <= VCH_HTTP_HEADERS_MAX);
    for (size_t i = 0; i < request->header_count; i++) {
        vch_assert(request->headers[i].name.len > 0);
        for (size_t j = 0; j < request->headers[i].value.len; j++) vch_assert(request->headers[i].value.ptr[j] != '\n');
        sum += request->headers[i].name.len + request->headers[i].value.len;
    }
    vch_assert(sum <= VCH_HTTP_LINE_MAX + VCH_HTTP_HEAD_MAX);
}

/* Requests one behind the other, as on a connection. False ends it. */
static bool read_one(const uint8_t *data, size_t size, size_t step, size_t *ret_used) {
    struct vch_http_reader *reader = vch_http_reader_new(BODY_MAX);
    if (!reader) return false;
    enum vch_http_read read = VCH_HTTP_MORE;
    size_t start = 0, end = 0;
    while (end < size && (read == VCH_HTTP_MORE || read == VCH_HTTP_CONTINUE)) {
        end = end + step < size ? end + step : size;
        do {
            size_t used = 0;
            read = vch_http_reader_feed(reader, vch_str_of(data + start, end - start), &used);
            vch_assert(used <= end - start);
            start += used;
        } while (read == VCH_HTTP_CONTINUE);
    }
    if (read == VCH_HTTP_DONE) check(vch_http_reader_request(reader));
    if (read == VCH_HTTP_BAD) vch_assert(vch_http_reader_status(reader) >= 400);
    vch_http_reader_free(reader);
    *ret_used = start;
    return read == VCH_HTTP_DONE && start > 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    size_t step = data[0] % 2 ? size : 1 + data[0] / 2u;
    size_t used = 0;
    data++;
    size--;
    while (size && read_one(data, size, step, &used)) {
        data += used;
        size -= used;
    }
    return 0;
}
