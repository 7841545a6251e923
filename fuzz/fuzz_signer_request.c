/* What a stolen front may send the signer: what decodes must encode to the same bytes. */
#include <stdint.h>
#include <stdlib.h>

#include "base/buf.h"
#include "pki/protocol_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct vch_str in = vch_str_of(data, size), out;
    struct vch_signer_request request;
    struct vch_signer_answer answer;
    struct vch_buf buf;
    vch_buf_init(&buf, 65536);
    if (vch_signer_request_decode(in, &request) == VCH_OK) {
        vch_signer_request_encode(&request, &buf);
        if (vch_buf_finish(&buf, &out) != VCH_OK || !vch_str_eq(in, out)) abort();
        enum vch_refusal refusal = vch_issue_check(&request.issue, -1);
        if ((unsigned)refusal >= VCH_REFUSAL_COUNT) abort();
    }
    vch_buf_clear(&buf);
    if (vch_signer_answer_decode(in, &answer) == VCH_OK) {
        vch_signer_answer_encode(&answer, &buf);
        if (vch_buf_finish(&buf, &out) != VCH_OK || !vch_str_eq(in, out)) abort();
    }
    vch_buf_deinit(&buf);
    return 0;
}
