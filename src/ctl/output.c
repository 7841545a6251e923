#include "ctl/output.h"

#include <string.h>

#include "base/clock.h"
#include "core/names.h"

enum { COLUMNS_MAX = 16, INDENT = 4, CELL_MAX = 120 };

static void put_indent(size_t depth, struct vch_buf *buf) {
    for (size_t i = 0; i < depth * INDENT; i++) vch_buf_c(buf, " ");
}

/* A sign that is not seen as JSON spells it: the text means the same, and shows what it is. */
static void put_spelled(struct vch_str sign, struct vch_buf *buf) {
    const unsigned char *p = (const unsigned char *)sign.ptr;
    unsigned c = sign.len == 1 ? p[0] : sign.len == 2 ? (p[0] & 0x1Fu) << 6 | (p[1] & 0x3Fu) : (p[0] & 0x0Fu) << 12 | (p[1] & 0x3Fu) << 6 | (p[2] & 0x3Fu);
    vch_buf_printf(buf, "\\u%04x", c);
}

/* Takes `plain`, which is JSON, over. */
static void spell(struct vch_buf *plain, struct vch_buf *buf) {
    size_t from = 0;
    struct vch_str json = {"", 0};
    if (vch_buf_finish(plain, &json) != VCH_OK) buf->failed = true;
    for (size_t i = 0; i < json.len; i++) {
        size_t unseen = json.ptr[i] == '\n' ? 0 : vch_text_unseen(json, i);
        if (unseen == 0) continue;
        vch_buf_str(buf, vch_str_sub(json, from, i - from));
        put_spelled(vch_str_sub(json, i, unseen), buf);
        i += unseen - 1;
        from = i + 1;
    }
    vch_buf_str(buf, vch_str_sub(json, from, SIZE_MAX));
    vch_buf_deinit(plain);
}

static void put_json(const struct vch_val *val, size_t depth, struct vch_buf *buf) {
    bool map = val->type == VCH_VAL_MAP;
    if ((!map && val->type != VCH_VAL_LIST) || val->count == 0) {
        vch_json_encode(val, buf);
        return;
    }
    vch_buf_c(buf, map ? "{\n" : "[\n");
    for (size_t i = 0; i < val->count; i++) {
        put_indent(depth + 1, buf);
        if (map) vch_json_encode_str(val->members[i].name, buf);
        if (map) vch_buf_c(buf, ": ");
        put_json(map ? &val->members[i].value : &val->items[i], depth + 1, buf);
        vch_buf_c(buf, i + 1 < val->count ? ",\n" : "\n");
    }
    put_indent(depth, buf);
    vch_buf_c(buf, map ? "}" : "]");
}

void vch_ctl_json(const struct vch_val *val, struct vch_buf *buf) {
    struct vch_buf plain;
    vch_buf_init_secret(&plain, buf->cap);
    put_json(val, 0, &plain);
    spell(&plain, buf);
    vch_buf_c(buf, "\n");
}

/* One "?" for a sign that a terminal would obey, or nobody would see; `lines`: line ends and tabs stay. */
static void put_text(struct vch_str text, bool lines, struct vch_buf *buf) {
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        size_t unseen = lines && (c == '\n' || c == '\t') ? 0 : vch_text_unseen(text, i);
        vch_buf_u8(buf, unseen ? (uint8_t)'?' : (uint8_t)c);
        if (unseen) i += unseen - 1;
    }
}

/* A string bare, anything else as JSON; nothing as "-". */
static void put_scalar(const struct vch_val *val, struct vch_buf *buf) {
    if (!val || val->type == VCH_VAL_NULL)
        vch_buf_c(buf, "-");
    else if (val->type == VCH_VAL_STR)
        vch_buf_str(buf, val->str);
    else {
        struct vch_buf plain;
        vch_buf_init_secret(&plain, buf->cap);
        vch_json_encode(val, &plain);
        spell(&plain, buf);
    }
}

static void put_time(const struct vch_val *val, struct vch_buf *buf) {
    char text[25];
    bool real = vch_val_is(val, VCH_VAL_REAL) && val->real >= 0 && val->real < 253402300800.0;
    bool integer = vch_val_is(val, VCH_VAL_INT) && val->integer >= 0 && val->integer < 253402300800;
    if (!real && !integer) {
        put_scalar(val, buf);
        return;
    }
    vch_time_iso(real ? (int64_t)(val->real * 1000.0 + 0.5) : val->integer * 1000, text);
    vch_buf_c(buf, text);
}

struct column {
    struct vch_str name;
    bool time;
    size_t width;
};

static size_t parse_columns(const char *text, struct column columns[COLUMNS_MAX]) {
    struct vch_str rest = vch_str_from(text);
    struct vch_str word;
    size_t count = 0;
    while (count < COLUMNS_MAX && vch_str_split(&rest, ' ', &word)) {
        size_t colon = vch_str_find(word, ':', 0);
        columns[count++] = (struct column){vch_str_sub(word, 0, colon), colon != SIZE_MAX, 0};
    }
    return count;
}

/* At most CELL_MAX bytes, and no character in part. */
static struct vch_str whole_characters(struct vch_str text) {
    if (text.len <= CELL_MAX) return text;
    text.len = CELL_MAX;
    while (text.len && (text.ptr[text.len] & 0xC0) == 0x80) text.len--;
    return text;
}

/* One cell: no control characters, cut at CELL_MAX bytes. */
static struct vch_str cell(const struct vch_val *item, const struct column *column, struct vch_buf *scratch) {
    struct vch_str text;
    struct vch_buf shown;
    const struct vch_val *val = item->type == VCH_VAL_MAP ? vch_val_get_str(item, column->name) : item;
    vch_buf_clear(scratch);
    if (column->time)
        put_time(val, scratch);
    else
        put_scalar(val, scratch);
    if (vch_buf_finish(scratch, &text) != VCH_OK) return VCH_STR("?");
    vch_buf_init_secret(&shown, text.len + 1);
    put_text(text, false, &shown); /* never longer */
    if (shown.len) memcpy(scratch->ptr, shown.ptr, shown.len);
    scratch->len = shown.len;
    vch_buf_deinit(&shown);
    return whole_characters(vch_str_of(scratch->ptr, scratch->len));
}

/* Characters, as far as each takes one place. */
static size_t width_of(struct vch_str s) {
    size_t width = 0;
    for (size_t i = 0; i < s.len; i++) width += (s.ptr[i] & 0xC0) != 0x80;
    return width;
}

static void measure(const struct vch_val *list, struct column *columns, size_t count, struct vch_buf *scratch) {
    for (size_t c = 0; c < count; c++) columns[c].width = columns[c].name.len;
    for (size_t i = 0; i < list->count; i++)
        for (size_t c = 0; c < count; c++) {
            size_t width = width_of(cell(&list->items[i], &columns[c], scratch));
            if (width > columns[c].width) columns[c].width = width;
        }
}

static void put_cell(struct vch_str text, size_t width, bool last, struct vch_buf *buf) {
    vch_buf_str(buf, text);
    for (size_t i = width_of(text); !last && i < width + 2; i++) vch_buf_c(buf, " ");
    if (last) vch_buf_c(buf, "\n");
}

void vch_ctl_table(const struct vch_val *list, const char *names, struct vch_buf *buf) {
    struct column columns[COLUMNS_MAX];
    struct vch_buf scratch;
    if (!vch_val_is(list, VCH_VAL_LIST)) return;
    size_t count = parse_columns(names, columns);
    vch_buf_init_secret(&scratch, 1 << 20);
    measure(list, columns, count, &scratch);
    for (size_t c = 0; c < count; c++) put_cell(columns[c].name, columns[c].width, c + 1 == count, buf);
    for (size_t i = 0; i < list->count; i++)
        for (size_t c = 0; c < count; c++)
            put_cell(cell(&list->items[i], &columns[c], &scratch), columns[c].width, c + 1 == count, buf);
    vch_buf_deinit(&scratch);
}

static bool is_time(struct vch_str name) {
    return vch_str_ends(name, VCH_STR("Date")) || vch_str_ends(name, VCH_STR("expiration")) ||
           vch_str_eq_c(name, "notBefore") || vch_str_eq_c(name, "notAfter") || vch_str_eq_c(name, "time");
}

static void put_lines(const struct vch_val *map, const struct vch_str *prefix, struct vch_buf *buf) {
    for (size_t i = 0; i < map->count; i++) {
        const struct vch_member *member = &map->members[i];
        bool text = member->value.type == VCH_VAL_STR;
        if (member->value.type == VCH_VAL_MAP && member->value.count > 0 && !prefix) {
            put_lines(&member->value, &member->name, buf);
            continue;
        }
        if (prefix) {
            put_text(*prefix, false, buf);
            vch_buf_c(buf, ".");
        }
        put_text(member->name, false, buf);
        vch_buf_c(buf, text && vch_str_find(member->value.str, '\n', 0) != SIZE_MAX ? ":\n" : "  ");
        if (text)
            put_text(member->value.str, true, buf);
        else if (is_time(member->name))
            put_time(&member->value, buf);
        else
            put_scalar(&member->value, buf);
        if (!text || !vch_str_ends(member->value.str, VCH_STR("\n"))) vch_buf_c(buf, "\n");
    }
}

void vch_ctl_lines(const struct vch_val *map, struct vch_buf *buf) {
    if (vch_val_is(map, VCH_VAL_MAP)) put_lines(map, NULL, buf);
}

void vch_ctl_text(struct vch_str text, struct vch_buf *buf) {
    put_text(text, true, buf);
}
