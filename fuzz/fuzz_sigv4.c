/* An input is an HTTP request as text: request line, headers, empty line, body.
 * Whatever parses is verified too, so that the canonical form is reached. */
#include "core/sigv4.h"

enum { HEADERS_MAX = 70 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_request(struct vch_str rest, struct vch_sigv4_header *headers, struct vch_sigv4_request *ret) {
    struct vch_str line = {NULL, 0};
    if (!vch_str_split(&rest, '\n', &line)) return;
    (void)vch_str_split(&line, ' ', &ret->method);
    (void)vch_str_split(&line, '?', &ret->path);
    ret->query = line;
    ret->headers = headers;
    while (vch_str_split(&rest, '\n', &line) && line.len > 0 && ret->header_count < HEADERS_MAX) {
        struct vch_sigv4_header *header = &headers[ret->header_count++];
        (void)vch_str_split(&line, ':', &header->name);
        header->value = line;
    }
    ret->body = rest;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct vch_sigv4_header headers[HEADERS_MAX] = {0};
    struct vch_sigv4_request request = {0};
    struct vch_sigv4_claim claim;
    struct vch_diag diag = {0};
    struct vch_arena *arena = vch_arena_new(1 << 20, false);
    if (!arena || size > 65536) {
        vch_arena_free(arena);
        return 0;
    }
    read_request(vch_str_of(data, size), headers, &request);
    if (vch_sigv4_parse(&request, arena, &claim, &diag) == VCH_OK) {
        vch_assert(claim.signature.len == 64 && claim.access_key_id.len > 0 && claim.signed_headers.len > 0);
        /* No input knows this secret. */
        vch_assert(vch_sigv4_verify(&request, &claim, VCH_STR("a secret that is in no corpus"), claim.region,
                                    "iot,iotdevicegateway,sts", claim.time_ms, &diag) != VCH_OK);
    }
    vch_arena_free(arena);
    return 0;
}
