#include "ctl/csv.h"

static bool at(const struct vch_csv *csv, char c) {
    return csv->rest.len && csv->rest.ptr[0] == c;
}

static void skip(struct vch_csv *csv, size_t count) {
    for (size_t i = 0; i < count && i < csv->rest.len; i++) csv->line += csv->rest.ptr[i] == '\n';
    csv->rest = vch_str_sub(csv->rest, count, SIZE_MAX);
}

/* How far it is to the closing quote at most: what stands between is not longer. */
static size_t quoted_max(struct vch_str rest) {
    size_t i = 1;
    while (i < rest.len && (rest.ptr[i] != '"' || (i + 1 < rest.len && rest.ptr[i + 1] == '"'))) i += rest.ptr[i] == '"' ? 2 : 1;
    return i;
}

/* From the opening quote to the closing one; "" is a quote. */
static enum vch_err quoted(struct vch_csv *csv, struct vch_arena *arena, struct vch_str *ret) {
    char *text = vch_arena_alloc(arena, quoted_max(csv->rest));
    size_t len = 0;
    if (!text) return VCH_ERR_NOMEM;
    skip(csv, 1);
    while (csv->rest.len) {
        bool quote = at(csv, '"'), twice = quote && csv->rest.len > 1 && csv->rest.ptr[1] == '"';
        if (quote && !twice) {
            skip(csv, 1);
            *ret = vch_str_of(text, len);
            return VCH_OK;
        }
        text[len++] = csv->rest.ptr[0];
        skip(csv, twice ? 2 : 1);
    }
    return VCH_ERR_MALFORMED;
}

static enum vch_err plain(struct vch_csv *csv, struct vch_str *ret) {
    size_t len = 0;
    while (len < csv->rest.len && csv->rest.ptr[len] != ',' && csv->rest.ptr[len] != '\n' && csv->rest.ptr[len] != '\r') {
        if (csv->rest.ptr[len] == '"') return VCH_ERR_MALFORMED;
        len++;
    }
    *ret = vch_str_trim(vch_str_sub(csv->rest, 0, len));
    skip(csv, len);
    return VCH_OK;
}

static void end_line(struct vch_csv *csv) {
    if (at(csv, '\r')) skip(csv, 1);
    if (at(csv, '\n')) skip(csv, 1);
}

static enum vch_err record(struct vch_csv *csv, struct vch_arena *arena, struct vch_csv_record *ret) {
    for (ret->count = 0;;) {
        if (ret->count == VCH_CSV_FIELDS_MAX) return VCH_ERR_TOO_LARGE;
        struct vch_str *field = &ret->fields[ret->count++];
        VCH_TRY(at(csv, '"') ? quoted(csv, arena, field) : plain(csv, field));
        if (!at(csv, ',')) break;
        skip(csv, 1);
    }
    if (csv->rest.len && !at(csv, '\r') && !at(csv, '\n')) return VCH_ERR_MALFORMED;
    end_line(csv);
    return VCH_OK;
}

enum vch_err vch_csv_next(struct vch_csv *csv, struct vch_arena *arena, struct vch_csv_record *ret, bool *ret_more) {
    if (!csv->line) csv->line = 1;
    if (csv->line == 1 && vch_str_starts(csv->rest, VCH_STR("\xEF\xBB\xBF"))) csv->rest = vch_str_sub(csv->rest, 3, SIZE_MAX);
    while (at(csv, '\r') || at(csv, '\n')) skip(csv, 1);
    *ret_more = csv->rest.len > 0;
    ret->line = csv->line;
    return *ret_more ? record(csv, arena, ret) : VCH_OK;
}
