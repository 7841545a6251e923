/* The code of a pairing as somebody typed it. What is taken is a code, shown and
 * read again as the same; with any one symbol changed it is taken no more. */
#include <stdlib.h>
#include <string.h>

#include "core/pair_code.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_good(const char code[VCH_PAIR_CODE_LEN + 1]) {
    char shown[VCH_PAIR_CODE_LEN + 2], again[VCH_PAIR_CODE_LEN + 1], other[VCH_PAIR_CODE_LEN + 1];
    vch_pair_code_show(code, shown);
    if (vch_pair_code_parse(vch_str_from(shown), again) != VCH_PAIR_CODE_GOOD || strcmp(code, again) != 0) abort();
    for (size_t i = 0; i < VCH_PAIR_CODE_LEN; i++) {
        memcpy(other, code, sizeof other);
        other[i] = code[i] == '2' ? '3' : '2';
        if (vch_pair_code_parse(vch_str_from(other), again) != VCH_PAIR_CODE_MISTYPED) abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char code[VCH_PAIR_CODE_LEN + 1];
    uint8_t values[VCH_PAIR_CODE_FREE];
    if (vch_pair_code_parse(vch_str_of(data, size), code) == VCH_PAIR_CODE_GOOD) check_good(code);
    for (size_t i = 0; i < sizeof values; i++) values[i] = size > i ? data[i] % VCH_PAIR_CODE_SYMBOLS : 0;
    if (vch_pair_code_make(values, code)) check_good(code);
    return 0;
}
