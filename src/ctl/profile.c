#include "ctl/profile.h"

/* Where the walk stands. */
struct place {
    bool inside;
    struct vch_str outer; /* the last setting without indentation */
};

/* "[ name ]", with blanks folded by comparing word by word. */
static bool is_section(struct vch_str line, const char *section) {
    size_t close = vch_str_find(line, ']', 1);
    if (close == SIZE_MAX) return false;
    struct vch_str name = vch_str_trim(vch_str_sub(line, 1, close - 1));
    struct vch_str want = vch_str_from(section);
    while (name.len && want.len) {
        if ((name.ptr[0] == '\t' ? ' ' : name.ptr[0]) != want.ptr[0]) return false;
        bool blank = want.ptr[0] == ' ';
        name = vch_str_sub(name, 1, SIZE_MAX);
        want = vch_str_sub(want, 1, SIZE_MAX);
        if (blank) name = vch_str_trim(name);
    }
    return name.len == 0 && want.len == 0;
}

static bool comment(struct vch_str line) {
    return line.len == 0 || line.ptr[0] == '#' || line.ptr[0] == ';';
}

/* True when the line is the setting that is looked for. */
static bool take_line(struct place *place, struct vch_str raw, const char *outer, const char *key,
                      struct vch_str *ret) {
    struct vch_str line = vch_str_trim(raw);
    bool indented = raw.ptr[0] == ' ' || raw.ptr[0] == '\t';
    size_t equals = vch_str_find(line, '=', 0);
    if (equals == SIZE_MAX) return false;
    struct vch_str name = vch_str_trim(vch_str_sub(line, 0, equals));
    if (!indented) place->outer = name;
    if (indented != (outer != NULL) || (outer && !vch_str_eq_c(place->outer, outer)) || !vch_str_eq_c(name, key))
        return false;
    *ret = vch_str_trim(vch_str_sub(line, equals + 1, SIZE_MAX));
    return true;
}

struct vch_str vch_profile_get(struct vch_str text, const char *section, const char *outer, const char *key) {
    struct place place = {0};
    struct vch_str raw;
    struct vch_str value = {NULL, 0};
    while (vch_str_split(&text, '\n', &raw)) {
        struct vch_str line = vch_str_trim(raw);
        if (comment(line)) continue;
        if (raw.ptr[0] == '[') {
            place = (struct place){.inside = is_section(line, section)};
            continue;
        }
        if (place.inside && take_line(&place, raw, outer, key, &value)) return value;
    }
    return value;
}
