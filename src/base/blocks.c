#include "base/blocks.h"

/* The row past an odd height is neither dark nor light: nothing is drawn there. */
static bool is_drawn(const struct vch_blocks *b, size_t row, size_t column) {
    size_t r = row - b->quiet, c = column - b->quiet;
    if (row >= b->size + 2 * b->quiet) return false;
    return row < b->quiet || column < b->quiet || r >= b->size || c >= b->size || !b->dark(b->arg, r, c);
}

void vch_blocks_draw(const struct vch_blocks *blocks, struct vch_buf *buf) {
    static const char *const shapes[] = {" ", "\xE2\x96\x84", "\xE2\x96\x80", "\xE2\x96\x88"};
    size_t side = blocks->size + 2 * blocks->quiet;
    for (size_t row = 0; row < side; row += 2) {
        if (blocks->colours) vch_buf_c(buf, "\033[38;5;231;48;5;16m");
        for (size_t column = 0; column < side; column++)
            vch_buf_c(buf, shapes[2 * is_drawn(blocks, row, column) + is_drawn(blocks, row + 1, column)]);
        vch_buf_c(buf, blocks->colours ? "\033[0m\n" : "\n");
    }
}
