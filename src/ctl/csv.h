/* Comma-separated values (RFC 4180), a record at a time. Pure. */
#ifndef VCH_CTL_CSV_H
#define VCH_CTL_CSV_H

#include "base/arena.h"

enum { VCH_CSV_FIELDS_MAX = 102 };
struct vch_csv_record {
    struct vch_str fields[VCH_CSV_FIELDS_MAX]; /* without their quotes; in the arena or the text */
    size_t count;
    size_t line; /* where it begins, from 1 */
};
struct vch_csv {
    struct vch_str rest;
    size_t line;
};
/* The next record that is not empty; *ret_more is false at the end. MALFORMED
 * (quotes that do not close or stand in the middle), TOO_LARGE (fields), NOMEM. */
enum vch_err vch_csv_next(struct vch_csv *csv, struct vch_arena *arena, struct vch_csv_record *ret, bool *ret_more) VCH_MUST;

#endif
