/* A matrix of dark and light squares as text for a terminal: two rows a line in
 * half blocks (U+2580, U+2584, U+2588). Light squares are drawn and dark ones
 * left blank, with `quiet` light squares around, as a scanner wants it where
 * letters are light on a dark ground. Pure. */
#ifndef VCH_BASE_BLOCKS_H
#define VCH_BASE_BLOCKS_H

#include "base/buf.h"

struct vch_blocks {
    size_t size;  /* squares a side */
    size_t quiet; /* ISO/IEC 18004 asks for 4 */
    bool colours; /* say that drawn is white and blank is black, whatever the terminal's own are */
    bool (*dark)(const void *arg, size_t row, size_t column); /* asked inside the matrix alone */
    const void *arg;
};
/* Lines of size + 2 * quiet characters, each with its end. */
void vch_blocks_draw(const struct vch_blocks *blocks, struct vch_buf *buf);

#endif
