#include "agent/qr_code.h"

#include <stdlib.h>
#include <string.h>

enum { DARK = 1, FIXED = 2 }; /* FIXED: a pattern, no data */
enum { CODEWORDS_MAX = 536, CHECK_MAX = 30 };

/* Table 9, level L: check codewords of each block, and blocks. */
static const uint8_t check_len[VCH_QR_VERSION_MAX + 1] = {0, 7, 10, 15, 20, 26, 18, 20, 24, 30, 18, 20, 24, 26};
static const uint8_t block_count[VCH_QR_VERSION_MAX + 1] = {0, 1, 1, 1, 1, 1, 2, 2, 2, 2, 4, 4, 4, 4};

static uint8_t *cell(struct vch_qr *qr, int x, int y) {
    return &qr->cells[y * qr->size + x];
}

bool vch_qr_dark(const struct vch_qr *qr, int x, int y) {
    return x >= 0 && y >= 0 && x < qr->size && y < qr->size && qr->cells[y * qr->size + x] & DARK;
}

static void fix(struct vch_qr *qr, int x, int y, bool dark) {
    if (x >= 0 && y >= 0 && x < qr->size && y < qr->size) *cell(qr, x, y) = (uint8_t)(FIXED | (dark ? DARK : 0));
}

/* ---- patterns --------------------------------------------------------------------- */

static int ring(int dx, int dy) {
    return abs(dx) > abs(dy) ? abs(dx) : abs(dy);
}

/* 6.3.3 and 6.3.4: with its light separator. */
static void put_finder(struct vch_qr *qr, int x, int y) {
    for (int dy = -4; dy <= 4; dy++)
        for (int dx = -4; dx <= 4; dx++) fix(qr, x + dx, y + dy, ring(dx, dy) != 2 && ring(dx, dy) != 4);
}

static void put_alignment(struct vch_qr *qr, int x, int y) {
    for (int dy = -2; dy <= 2; dy++)
        for (int dx = -2; dx <= 2; dx++) fix(qr, x + dx, y + dy, ring(dx, dy) != 1);
}

/* Annex E: up to version 13 there are two or three a side, evenly spaced; none on a finder. */
static void put_alignments(struct vch_qr *qr) {
    int last = qr->size - 7, count = qr->version < 2 ? 0 : qr->version < 7 ? 2 : 3;
    int at[3] = {6, count == 3 ? (6 + last) / 2 : last, last};
    for (int i = 0; i < count; i++)
        for (int k = 0; k < count; k++) {
            bool corner = (i == 0 || i == count - 1) && (k == 0 || k == count - 1);
            if (!corner || (i && k)) put_alignment(qr, at[i], at[k]);
        }
}

static unsigned remainder_of(unsigned value, unsigned generator, int degree) {
    value <<= degree;
    for (int bit = 31; bit >= degree; bit--)
        if (value >> bit & 1) value ^= generator << (bit - degree);
    return value;
}

/* 7.9: twice, and the module that is always dark. */
static void put_format(struct vch_qr *qr, int mask) {
    unsigned data = 1U << 3 | (unsigned)mask; /* level L is 01 */
    unsigned bits = (data << 10 | remainder_of(data, 0x537, 10)) ^ 0x5412;
    for (int i = 0; i < 15; i++) {
        bool dark = bits >> i & 1;
        int along = i < 6 ? i : i < 8 ? i + 1 : 14 - i; /* bit 7 and on turn the corner */
        if (i < 8)
            fix(qr, 8, along, dark);
        else
            fix(qr, i == 8 ? 7 : along, 8, dark);
        if (i < 8)
            fix(qr, qr->size - 1 - i, 8, dark);
        else
            fix(qr, 8, qr->size - 15 + i, dark);
    }
    fix(qr, 8, qr->size - 8, true);
}

/* 7.10: from version 7 on. */
static void put_version(struct vch_qr *qr) {
    if (qr->version < 7) return;
    unsigned bits = (unsigned)qr->version << 12 | remainder_of((unsigned)qr->version, 0x1F25, 12);
    for (int i = 0; i < 18; i++) {
        int across = qr->size - 11 + i % 3, along = i / 3;
        fix(qr, across, along, bits >> i & 1);
        fix(qr, along, across, bits >> i & 1);
    }
}

static void put_patterns(struct vch_qr *qr) {
    for (int i = 0; i < qr->size; i++) {
        fix(qr, 6, i, i % 2 == 0);
        fix(qr, i, 6, i % 2 == 0);
    }
    put_finder(qr, 3, 3);
    put_finder(qr, qr->size - 4, 3);
    put_finder(qr, 3, qr->size - 4);
    put_alignments(qr);
    put_format(qr, 0); /* keeps its place */
    put_version(qr);
}

/* ---- codewords -------------------------------------------------------------------- */

/* In GF(256) with x^8 + x^4 + x^3 + x^2 + 1. */
static uint8_t times(uint8_t a, uint8_t b) {
    unsigned product = 0;
    for (int bit = 7; bit >= 0; bit--) {
        product = product << 1 ^ (product >> 7) * 0x11D;
        if (b >> bit & 1) product ^= a;
    }
    return (uint8_t)product;
}

/* The generator without its leading 1, highest power first: the product of (x - 2^i). */
static void make_generator(int degree, uint8_t *out) {
    uint8_t root = 1;
    memset(out, 0, (size_t)degree);
    out[degree - 1] = 1;
    for (int i = 0; i < degree; i++) {
        for (int k = 0; k < degree; k++) {
            out[k] = times(out[k], root);
            if (k + 1 < degree) out[k] ^= out[k + 1];
        }
        root = times(root, 2);
    }
}

static void make_check(const uint8_t *data, int len, const uint8_t *generator, int degree, uint8_t *out) {
    memset(out, 0, (size_t)degree);
    for (int i = 0; i < len; i++) {
        uint8_t factor = data[i] ^ out[0];
        memmove(out, out + 1, (size_t)degree - 1);
        out[degree - 1] = 0;
        for (int k = 0; k < degree; k++) out[k] ^= times(generator[k], factor);
    }
}

static int count_codewords(const struct vch_qr *qr) {
    int open = 0;
    for (int i = 0; i < qr->size * qr->size; i++) open += !(qr->cells[i] & FIXED);
    return open / 8;
}

struct bits {
    uint8_t *out;
    int len;
};

static void put_bits(struct bits *b, unsigned value, int count) {
    while (count-- > 0) {
        b->out[b->len >> 3] = (uint8_t)(b->out[b->len >> 3] | (value >> count & 1) << (7 - (b->len & 7)));
        b->len++;
    }
}

/* 7.4: mode "byte", length, bytes, terminator, then the two pad codewords in turn. */
static void put_text(struct vch_str text, int version, uint8_t *out, int room) {
    struct bits b = {out, 0};
    memset(out, 0, (size_t)room);
    put_bits(&b, 4, 4);
    put_bits(&b, (unsigned)text.len, version < 10 ? 8 : 16);
    for (size_t i = 0; i < text.len; i++) put_bits(&b, (uint8_t)text.ptr[i], 8);
    for (int i = (b.len + (room * 8 - b.len < 4 ? room * 8 - b.len : 4) + 7) / 8, pad = 0; i < room; i++, pad ^= 1)
        out[i] = pad ? 0x11 : 0xEC;
}

/* 7.6: blocks of data with their checks, interleaved; the later blocks may be one longer. */
static int interleave(const uint8_t *data, int room, int version, uint8_t *out) {
    uint8_t generator[CHECK_MAX], check[4][CHECK_MAX];
    int blocks = block_count[version], degree = check_len[version], len = room / blocks, count = 0;
    int first_long = blocks - room % blocks;
    make_generator(degree, generator);
    for (int b = 0, at = 0; b < blocks; b++) {
        int own = len + (b >= first_long);
        make_check(data + at, own, generator, degree, check[b]);
        at += own;
    }
    for (int i = 0; i <= len; i++)
        for (int b = i < len ? 0 : first_long; b < blocks; b++)
            out[count++] = data[b * len + (b > first_long ? b - first_long : 0) + i];
    for (int i = 0; i < degree; i++)
        for (int b = 0; b < blocks; b++) out[count++] = check[b][i];
    return count;
}

/* 7.7.3: up and down in columns of two from the right, past the vertical timing pattern. */
static void place(struct vch_qr *qr, const uint8_t *words, int count) {
    int bit = 0;
    for (int right = qr->size - 1, up = 1; right > 0; right -= 2, up = !up) {
        if (right == 6) right--;
        for (int i = 0; i < qr->size * 2; i++) {
            int y = up ? qr->size - 1 - i / 2 : i / 2;
            uint8_t *c = cell(qr, right - i % 2, y);
            if (*c & FIXED) continue;
            *c = bit < count * 8 && words[bit >> 3] >> (7 - (bit & 7)) & 1 ? DARK : 0;
            bit++;
        }
    }
}

/* ---- masks ------------------------------------------------------------------------ */

static bool mask_at(int mask, int x, int y) {
    switch (mask) {
    case 0: return (x + y) % 2 == 0;
    case 1: return y % 2 == 0;
    case 2: return x % 3 == 0;
    case 3: return (x + y) % 3 == 0;
    case 4: return (y / 2 + x / 3) % 2 == 0;
    case 5: return x * y % 2 + x * y % 3 == 0;
    case 6: return (x * y % 2 + x * y % 3) % 2 == 0;
    default: return ((x + y) % 2 + x * y % 3) % 2 == 0;
    }
}

/* Twice is as if never. */
static void apply_mask(struct vch_qr *qr, int mask) {
    for (int y = 0; y < qr->size; y++)
        for (int x = 0; x < qr->size; x++) {
            uint8_t *c = cell(qr, x, y);
            if (!(*c & FIXED) && mask_at(mask, x, y)) *c ^= DARK;
        }
    put_format(qr, mask);
}

/* 7.8.3.1 of one row or column, as bits from its start: runs of five or more, and what looks like a finder. */
static int score_line(const struct vch_qr *qr, int index, bool column) {
    int score = 0, run = 0;
    unsigned seen = 0;
    bool last = false;
    for (int i = 0; i < qr->size; i++) {
        bool dark = column ? vch_qr_dark(qr, index, i) : vch_qr_dark(qr, i, index);
        run = i && dark == last ? run + 1 : 1;
        if (run >= 5) score += run == 5 ? 3 : 1;
        seen = (seen << 1 | dark) & 0x7FF;
        if (i >= 10 && (seen == 0x05D || seen == 0x5D0)) score += 40;
        last = dark;
    }
    return score;
}

static int score_blocks(const struct vch_qr *qr, int *ret_dark) {
    int score = 0;
    for (int y = 0; y < qr->size; y++)
        for (int x = 0; x < qr->size; x++) {
            bool dark = vch_qr_dark(qr, x, y);
            *ret_dark += dark;
            if (x && y && dark == vch_qr_dark(qr, x - 1, y) && dark == vch_qr_dark(qr, x, y - 1) &&
                dark == vch_qr_dark(qr, x - 1, y - 1))
                score += 3;
        }
    return score;
}

static int score_all(const struct vch_qr *qr) {
    int dark = 0, all = qr->size * qr->size;
    int score = score_blocks(qr, &dark);
    for (int i = 0; i < qr->size; i++) score += score_line(qr, i, false) + score_line(qr, i, true);
    return score + abs(dark * 100 / all - 50) / 5 * 10;
}

static int best_mask(struct vch_qr *qr) {
    int best = 0, least = 0;
    for (int mask = 0; mask < 8; mask++) {
        apply_mask(qr, mask);
        int score = score_all(qr);
        if (mask == 0 || score < least) best = mask, least = score;
        apply_mask(qr, mask);
    }
    return best;
}

/* ---- all of it -------------------------------------------------------------------- */

/* Data codewords of the version, whose patterns are drawn. */
static int begin(struct vch_qr *qr, int version) {
    memset(qr, 0, sizeof *qr);
    qr->version = version;
    qr->size = 17 + 4 * version;
    put_patterns(qr);
    return count_codewords(qr) - check_len[version] * block_count[version];
}

bool vch_qr_encode(struct vch_str text, int mask, struct vch_qr *ret) {
    uint8_t data[CODEWORDS_MAX], words[CODEWORDS_MAX];
    int room = 0, version = 0;
    if (text.len > VCH_QR_TEXT_MAX) return false;
    do room = begin(ret, ++version);
    while (version < VCH_QR_VERSION_MAX && (size_t)room < text.len + (version < 10 ? 2 : 3));
    put_text(text, version, data, room);
    place(ret, words, interleave(data, room, version, words));
    apply_mask(ret, mask >= 0 ? mask & 7 : best_mask(ret));
    return true;
}
