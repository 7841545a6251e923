#include "daemon/config.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "core/names.h"
#include "daemon/site_oidc.h"
#include "core/reason.h"

enum type { TEXT, WORD, ADDRESS, NUMBER, FLAG, LIST };

static const struct row {
    const char *key;
    enum type type;
    const char *preset;
    int64_t min, max;
    bool reload;
    const char *metavar, *help;
    size_t offset;
} rows[] = {
#define VCH_X(field, key, type, preset, min, max, reload, metavar, help)                                               \
    {key, type, preset, min, max, reload, metavar, help, offsetof(struct vch_config, field)},
#include "daemon/config.def"
#undef VCH_X
};
enum { ROW_COUNT = sizeof rows / sizeof rows[0], FILE_CAP = 65536 };

static void *slot(struct vch_config *config, const struct row *row) {
    return (char *)config + row->offset;
}

static const void *slot_of(const struct vch_config *config, const struct row *row) {
    return (const char *)config + row->offset;
}

static enum vch_err refuse(struct vch_diag *diag, struct vch_str key, const char *why) {
    char field[64];
    (void)vch_str_copy(field, sizeof field, key);
    return VCH_REFUSE(diag, VCH_ERR_INVALID, FIELD_INVALID, field, "%s: %s", field, why);
}

static bool word_listed(const char *words, struct vch_str word) {
    struct vch_str rest = vch_str_from(words), part;
    while (vch_str_split(&rest, '|', &part)) {
        if (vch_str_eq(part, word)) return true;
    }
    return false;
}

static enum vch_err set_number(const struct row *row, int64_t *at, struct vch_str value, struct vch_diag *diag) {
    char why[96];
    if (vch_str_int(value, at) == VCH_OK && *at >= row->min && *at <= row->max) return VCH_OK;
    (void)snprintf(why, sizeof why, "a number from %lld to %lld is needed", (long long)row->min, (long long)row->max);
    return refuse(diag, vch_str_from(row->key), why);
}

static enum vch_err set_flag(const struct row *row, bool *at, struct vch_str value, struct vch_diag *diag) {
    *at = vch_str_eq_c(value, "true") || vch_str_eq_c(value, "yes");
    if (*at || !value.len || vch_str_eq_c(value, "false") || vch_str_eq_c(value, "no")) return VCH_OK;
    return refuse(diag, vch_str_from(row->key), "true or false is needed");
}

static enum vch_err add_item(const struct row *row, struct vch_config_list *list, const char *item, struct vch_diag *diag) {
    if (!*item) return refuse(diag, vch_str_from(row->key), "a value is needed");
    if (list->count == VCH_CONFIG_LIST_MAX) return refuse(diag, vch_str_from(row->key), "there are too many");
    list->items[list->count++] = item;
    return VCH_OK;
}

static enum vch_err set_row(struct vch_config *config, const struct row *row, struct vch_str value, struct vch_diag *diag) {
    void *at = slot(config, row);
    if (value.len && memchr(value.ptr, '\0', value.len)) return refuse(diag, vch_str_from(row->key), "a NUL is not text");
    if (row->type == NUMBER) return set_number(row, at, value, diag);
    if (row->type == FLAG) return set_flag(row, at, value, diag);
    if (row->type == WORD && !word_listed(row->metavar, value)) {
        char why[96];
        (void)snprintf(why, sizeof why, "one of %s is needed", row->metavar);
        return refuse(diag, vch_str_from(row->key), why);
    }
    bool off = row->type == ADDRESS && vch_str_eq_c(value, "off");
    if (row->type == ADDRESS && !off && !vch_address_valid(value))
        return refuse(diag, vch_str_from(row->key), "ADDR:PORT is needed, such as 127.0.0.1:8443 or [::1]:8443, or off");
    const char *copy = vch_arena_str(config->arena, value).ptr;
    if (!copy) return VCH_ERR_NOMEM;
    if (row->type == LIST) return add_item(row, at, copy, diag);
    *(const char **)at = off ? NULL : copy;
    return VCH_OK;
}

static const struct row *find_row(struct vch_str key) {
    for (size_t i = 0; i < ROW_COUNT; i++) {
        if (vch_str_eq_c(key, rows[i].key)) return &rows[i];
    }
    return NULL;
}

enum vch_err vch_config_set(struct vch_config *config, struct vch_str key, struct vch_str value, struct vch_diag *diag) {
    const struct row *row = find_row(key);
    return row ? set_row(config, row, value, diag) : refuse(diag, key, "there is no such setting");
}

/* ---- the file ------------------------------------------------------------- */

static enum vch_err parse_line(struct vch_config *config, struct vch_str line, int number, struct vch_diag *diag) {
    line = vch_str_trim(line);
    if (!line.len || line.ptr[0] == '#') return VCH_OK;
    size_t equals = vch_str_find(line, '=', 0);
    if (equals == SIZE_MAX)
        return VCH_REFUSE(diag, VCH_ERR_MALFORMED, FIELD_INVALID, config->file, "%s, line %d: key = value is needed.", config->file, number);
    return vch_config_set(config, vch_str_trim(vch_str_sub(line, 0, equals)),
                          vch_str_trim(vch_str_sub(line, equals + 1, SIZE_MAX)), diag);
}

static enum vch_err parse_file(struct vch_config *config, struct vch_diag *diag) {
    struct vch_buf buf;
    struct vch_str text = {NULL, 0}, line;
    if (!config->file) return VCH_OK;
    vch_buf_init_secret(&buf, FILE_CAP); /* the store's address may hold a password */
    enum vch_err err = vch_file_read(config->file, &buf, diag);
    if (!err) err = vch_buf_finish(&buf, &text);
    for (int number = 1; !err && vch_str_split(&text, '\n', &line); number++) err = parse_line(config, line, number, diag);
    vch_buf_deinit(&buf);
    return err;
}

/* ---- the command line ----------------------------------------------------- */

/* What stands beside the rows. --role and --fd are for vouchd starting itself. */
static const struct special {
    const char *name;
    bool takes_value;
    enum vch_config_action action;
} specials[] = {
    {"n", false, VCH_CONFIG_CHECK},  {"version", false, VCH_CONFIG_VERSION}, {"help", false, VCH_CONFIG_HELP},
    {"h", false, VCH_CONFIG_HELP},   {"config", true, VCH_CONFIG_SERVE},     {"role", true, VCH_CONFIG_ROLE},
    {"fd", true, VCH_CONFIG_SERVE},  {"export-store", true, VCH_CONFIG_EXPORT}, {"import-store", true, VCH_CONFIG_IMPORT},
};

static const struct special *find_special(struct vch_str name) {
    for (size_t i = 0; i < sizeof specials / sizeof specials[0]; i++) {
        if (vch_str_eq_c(name, specials[i].name)) return &specials[i];
    }
    return NULL;
}

static enum vch_err set_special(struct vch_config *config, const struct special *special, const char *value, struct vch_diag *diag) {
    if (special->action != VCH_CONFIG_SERVE) config->action = special->action;
    if (strcmp(special->name, "config") == 0) config->file = value;
    if (strcmp(special->name, "role") == 0) config->role = value;
    if (special->action == VCH_CONFIG_EXPORT || special->action == VCH_CONFIG_IMPORT) config->move_file = value;
    if (strcmp(special->name, "fd") == 0 && vch_str_int(vch_str_from(value), &config->role_fd) != VCH_OK)
        return refuse(diag, VCH_STR("fd"), "a number is needed");
    return VCH_OK;
}

/* The name without its dashes; empty when it is no flag. */
static struct vch_str flag_name(const char *arg) {
    struct vch_str text = vch_str_from(arg);
    if (vch_str_eq_c(text, "-n") || vch_str_eq_c(text, "-h")) return vch_str_sub(text, 1, 1);
    if (!vch_str_starts(text, VCH_STR("--"))) return vch_str_of(NULL, 0);
    text = vch_str_sub(text, 2, SIZE_MAX);
    return vch_str_sub(text, 0, vch_str_find(text, '=', 0));
}

/* One flag of the two passes: the first takes what stands beside the rows, and
 * with it the file's name; the second the rows, over the file's. Moves *i. */
static enum vch_err parse_flag(struct vch_config *config, int argc, char *const *argv, int *i, bool take_rows,
                               struct vch_diag *diag) {
    struct vch_str name = flag_name(argv[*i]);
    const struct row *row = find_row(name);
    const struct special *beside = row ? NULL : find_special(name);
    const char *inner = strchr(argv[*i], '=');
    if (!row && !beside) return refuse(diag, name.len ? name : vch_str_from(argv[*i]), "there is no such flag");
    bool takes_value = row ? row->type != FLAG || inner : beside->takes_value;
    if (!takes_value && inner) return refuse(diag, name, "it takes no value");
    const char *value = !takes_value ? "true" : inner ? inner + 1 : *i + 1 < argc ? argv[++*i] : NULL;
    if (!value) return refuse(diag, name, "a value is needed");
    if (beside) return take_rows ? VCH_OK : set_special(config, beside, value, diag);
    return take_rows ? set_row(config, row, vch_str_from(value), diag) : VCH_OK;
}

/* A list on the command line replaces the file's. */
static void forget_lists(struct vch_config *config, int argc, char *const *argv) {
    for (int i = 1; i < argc; i++) {
        const struct row *row = find_row(flag_name(argv[i]));
        if (row && row->type == LIST) ((struct vch_config_list *)slot(config, row))->count = 0;
    }
}

static enum vch_err parse_args(struct vch_config *config, int argc, char *const *argv, bool take_rows, struct vch_diag *diag) {
    for (int i = 1; i < argc; i++) VCH_TRY(parse_flag(config, argc, argv, &i, take_rows, diag));
    return VCH_OK;
}

static enum vch_err apply_presets(struct vch_config *config) {
    for (size_t i = 0; i < ROW_COUNT; i++) {
        if (rows[i].type != LIST) VCH_TRY(set_row(config, &rows[i], vch_str_from(rows[i].preset), NULL));
    }
    return VCH_OK;
}

/* ---- what rows say about each other --------------------------------------- */

static enum vch_err check_addresses(const struct vch_config *config, struct vch_diag *diag) {
    bool any = false;
    for (size_t i = 0; i < ROW_COUNT; i++) {
        if (rows[i].type != ADDRESS) continue;
        const char *address = *(const char *const *)slot_of(config, &rows[i]);
        any = any || address;
        if (address && address == config->mqtt_plain && !vch_address_is_loopback(vch_str_from(address)))
            return refuse(diag, VCH_STR("mqtt-plain"), "refused, because it is not on loopback");
        if (address && config->test_clock && !vch_address_is_loopback(vch_str_from(address)))
            return refuse(diag, VCH_STR("test-clock"), "refused, because a listener is not on loopback");
    }
    return any ? VCH_OK : refuse(diag, VCH_STR("api"), "at least one listener is needed");
}

static enum vch_err check(const struct vch_config *config, struct vch_diag *diag) {
    struct vch_str account = vch_str_from(config->account), store = vch_str_from(config->store);
    if (!*config->data) return refuse(diag, VCH_STR("data"), "a folder is needed");
    if (account.len && !vch_account_valid(account)) return refuse(diag, VCH_STR("account"), "12 digits are needed");
    if (!vch_region_valid(vch_str_from(config->region))) return refuse(diag, VCH_STR("region"), "this is no region's name");
    if (!vch_str_eq_c(store, "sqlite") && !vch_str_starts(store, VCH_STR("postgresql://")))
        return refuse(diag, VCH_STR("store"), "sqlite or postgresql://... is needed");
    VCH_TRY(vch_site_oidc_check(config, diag));
    return check_addresses(config, diag);
}

static enum vch_err parse_all(int argc, char *const *argv, struct vch_config *config, struct vch_diag *diag) {
    VCH_TRY(apply_presets(config));
    VCH_TRY(parse_args(config, argc, argv, false, diag));
    if (config->action == VCH_CONFIG_HELP || config->action == VCH_CONFIG_VERSION) return VCH_OK;
    VCH_TRY(parse_file(config, diag));
    forget_lists(config, argc, argv);
    VCH_TRY(parse_args(config, argc, argv, true, diag));
    return config->action == VCH_CONFIG_ROLE ? VCH_OK : check(config, diag);
}

enum vch_err vch_config_parse(int argc, char *const *argv, struct vch_config *ret, struct vch_diag *diag) {
    *ret = (struct vch_config){.role_fd = -1, .arena = vch_arena_new(4 * FILE_CAP, true)};
    if (!ret->arena) return VCH_ERR_NOMEM;
    enum vch_err err = parse_all(argc, argv, ret, diag);
    if (err) vch_config_deinit(ret);
    return err;
}

void vch_config_deinit(struct vch_config *config) {
    vch_arena_free(config->arena);
    config->arena = NULL;
}

/* ---- comparing and explaining --------------------------------------------- */

static bool same_text(const char *a, const char *b) {
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_list(const struct vch_config_list *a, const struct vch_config_list *b) {
    bool same = a->count == b->count;
    for (size_t i = 0; same && i < a->count; i++) same = strcmp(a->items[i], b->items[i]) == 0;
    return same;
}

static bool same_row(const struct row *row, const void *a, const void *b) {
    switch (row->type) {
    case NUMBER: return *(const int64_t *)a == *(const int64_t *)b;
    case FLAG: return *(const bool *)a == *(const bool *)b;
    case LIST: return same_list(a, b);
    default: return same_text(*(const char *const *)a, *(const char *const *)b);
    }
}

void vch_config_diff(const struct vch_config *old, const struct vch_config *fresh, struct vch_buf *ret) {
    for (size_t i = 0; i < ROW_COUNT; i++) {
        if (rows[i].reload || same_row(&rows[i], slot_of(old, &rows[i]), slot_of(fresh, &rows[i]))) continue;
        vch_buf_printf(ret, "%s%s", ret->len ? " " : "", rows[i].key);
    }
}

static void help_line(struct vch_buf *buf, const char *flag, const char *metavar, const char *help, const char *preset) {
    char left[64];
    (void)snprintf(left, sizeof left, "%s%s%s", flag, *metavar ? " " : "", metavar);
    vch_buf_printf(buf, "  %-34s %s", left, help);
    if (*preset) vch_buf_printf(buf, " (default %s)", preset);
    vch_buf_u8(buf, '\n');
}

void vch_config_help(struct vch_buf *buf) {
    vch_buf_c(buf, "usage: vouchd [flags]\n\nThe provisioning server. Each flag is also a line `key = value` of the configuration file.\n\n");
    help_line(buf, "--config", "FILE", "read this file first; flags win over it", "");
    for (size_t i = 0; i < ROW_COUNT; i++) {
        char flag[40];
        (void)snprintf(flag, sizeof flag, "--%s", rows[i].key);
        help_line(buf, flag, rows[i].metavar, rows[i].help, rows[i].preset);
    }
    help_line(buf, "-n", "", "check the configuration and end", "");
    help_line(buf, "--version", "", "print the version and end", "");
    help_line(buf, "--help", "", "print this and end", "");
}
