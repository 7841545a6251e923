/* The short code that a device shows and a person types: eight symbols of an
 * alphabet without vowels, 0, 1 and other look-alikes, the last of them a check.
 * With the values v of the symbols (their places in the alphabet), 8*v0 + 7*v1
 * + … + 2*v6 + v7 is a multiple of 29: one wrong symbol, and any two that
 * changed places, are always found. Pure; any thread.
 */
#ifndef VCH_CORE_PAIR_CODE_H
#define VCH_CORE_PAIR_CODE_H

#include "base/str.h"

enum { VCH_PAIR_CODE_LEN = 8, VCH_PAIR_CODE_FREE = VCH_PAIR_CODE_LEN - 1, VCH_PAIR_CODE_SYMBOLS = 28 };
#define VCH_PAIR_CODE_ALPHABET "23456789BCDFGHJKLMNPQRSTVWXZ"

/* From seven values below 28. False: no symbol makes the check right (one in 29); draw again. */
bool vch_pair_code_make(const uint8_t values[VCH_PAIR_CODE_FREE], char ret[VCH_PAIR_CODE_LEN + 1]) VCH_MUST;

enum vch_pair_code_fault {
    VCH_PAIR_CODE_GOOD,
    VCH_PAIR_CODE_FORM,    /* not eight symbols of the alphabet */
    VCH_PAIR_CODE_MISTYPED /* the check is not right */
};
/* What somebody typed, in either case, with spaces and hyphens wherever. */
enum vch_pair_code_fault vch_pair_code_parse(struct vch_str typed, char ret[VCH_PAIR_CODE_LEN + 1]) VCH_MUST;

/* "BCDF-GHJK" of a code. */
void vch_pair_code_show(const char code[VCH_PAIR_CODE_LEN + 1], char ret[VCH_PAIR_CODE_LEN + 2]);

#endif
