#include "core/pair_code.h"

#include <string.h>

enum { MODULUS = 29 };
static const char alphabet[] = VCH_PAIR_CODE_ALPHABET;

_Static_assert(sizeof alphabet == VCH_PAIR_CODE_SYMBOLS + 1, "the alphabet has as many symbols as are promised");

static unsigned weigh(const uint8_t *values, size_t count) {
    unsigned sum = 0;
    for (size_t i = 0; i < count; i++) sum += (unsigned)(VCH_PAIR_CODE_LEN - i) * values[i];
    return sum % MODULUS;
}

bool vch_pair_code_make(const uint8_t values[VCH_PAIR_CODE_FREE], char ret[VCH_PAIR_CODE_LEN + 1]) {
    unsigned check = (MODULUS - weigh(values, VCH_PAIR_CODE_FREE)) % MODULUS;
    if (check >= VCH_PAIR_CODE_SYMBOLS) return false;
    for (size_t i = 0; i < VCH_PAIR_CODE_FREE; i++) ret[i] = alphabet[values[i] % VCH_PAIR_CODE_SYMBOLS];
    ret[VCH_PAIR_CODE_FREE] = alphabet[check];
    ret[VCH_PAIR_CODE_LEN] = '\0';
    return true;
}

static bool value_of(char c, uint8_t *ret) {
    char upper = c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
    const char *at = upper ? memchr(alphabet, upper, VCH_PAIR_CODE_SYMBOLS) : NULL;
    if (at) *ret = (uint8_t)(at - alphabet);
    return at != NULL;
}

enum vch_pair_code_fault vch_pair_code_parse(struct vch_str typed, char ret[VCH_PAIR_CODE_LEN + 1]) {
    uint8_t values[VCH_PAIR_CODE_LEN];
    size_t n = 0;
    for (size_t i = 0; i < typed.len; i++) {
        if (typed.ptr[i] == ' ' || typed.ptr[i] == '-') continue;
        if (n == VCH_PAIR_CODE_LEN || !value_of(typed.ptr[i], &values[n])) return VCH_PAIR_CODE_FORM;
        n++;
    }
    if (n != VCH_PAIR_CODE_LEN) return VCH_PAIR_CODE_FORM;
    for (size_t i = 0; i < n; i++) ret[i] = alphabet[values[i]];
    ret[n] = '\0';
    return weigh(values, n) == 0 ? VCH_PAIR_CODE_GOOD : VCH_PAIR_CODE_MISTYPED;
}

void vch_pair_code_show(const char code[VCH_PAIR_CODE_LEN + 1], char ret[VCH_PAIR_CODE_LEN + 2]) {
    memcpy(ret, code, 4);
    ret[4] = '-';
    memcpy(ret + 5, code + 4, 5);
}
