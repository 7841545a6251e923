#include "agent/options.h"

#include <stdlib.h>
#include <string.h>

enum kind { KIND_TEXT, KIND_PATH, KIND_BOOL, KIND_NONE, KIND_INT };

struct row {
    const char *flag;
    enum kind kind;
    const char *json, *preset, *feature, *help;
};

static const struct row rows[] = {
#define VCH_X(name, flag, kind, json, preset, feature, help) {flag, KIND_##kind, json, preset, feature, help},
#include "agent/options.def"
#undef VCH_X
};
_Static_assert(sizeof rows / sizeof *rows == VCH_OPT_COUNT, "one row a setting");

void vch_options_init(struct vch_options *options, struct vch_arena *arena) {
    memset(options, 0, sizeof *options);
    options->arena = arena;
    for (size_t i = 0; i < VCH_OPT_COUNT; i++) {
        struct vch_str preset = vch_str_from(rows[i].preset);
        options->settings[i].text = rows[i].kind == KIND_PATH ? vch_path_expand(preset, arena) : preset;
    }
}

void vch_options_set(struct vch_options *options, enum vch_opt opt, struct vch_str text, enum vch_source source) {
    struct vch_setting *setting = &options->settings[opt];
    if (setting->source > source) return;
    setting->text =
        rows[opt].kind == KIND_PATH ? vch_path_expand(text, options->arena) : vch_arena_str(options->arena, text);
    setting->source = source;
}

static enum vch_exit check(enum vch_opt opt, const char *name, struct vch_str text, struct vch_outcome *outcome) {
    int64_t number;
    if (vch_str_find(text, '\0', 0) != SIZE_MAX)
        return vch_outcome_set(outcome, VCH_EXIT_CONFIG, NULL, "The value of %s holds a zero byte.", name);
    if (rows[opt].kind != KIND_INT) return VCH_EXIT_OK;
    if (vch_str_int(text, &number) == VCH_OK && number >= 0 && number <= 1000000000) return VCH_EXIT_OK;
    return vch_outcome_set(outcome, VCH_EXIT_CONFIG, "Give a whole number.",
                           "The value of %s, \"%.*s\", is not a whole number.", name, VCH_STR_ARG(text));
}

/* ---- command line ------------------------------------------------------- */

static enum vch_opt find_flag(const char *word) {
    size_t i = 0;
    while (i < VCH_OPT_COUNT && (!rows[i].flag || strcmp(rows[i].flag, word) != 0)) i++;
    return (enum vch_opt)i;
}

static const char see_help[] = "Run vouch-agent --help for the list of flags.";

static enum vch_exit take_flag(struct vch_options *options, enum vch_opt opt, const char *value,
                               struct vch_outcome *outcome) {
    struct vch_str text = vch_str_from(value);
    VCH_STEP(check(opt, rows[opt].flag, text, outcome));
    if (rows[opt].kind == KIND_BOOL && !vch_str_eq_c(text, "true")) text = VCH_STR("false");
    vch_options_set(options, opt, text, VCH_SOURCE_CLI);
    return VCH_EXIT_OK;
}

enum vch_exit vch_options_parse(struct vch_options *options, int argc, char **argv, struct vch_outcome *outcome) {
    bool seen[VCH_OPT_COUNT] = {false};
    for (int i = 1; i < argc; i++) {
        enum vch_opt opt = find_flag(argv[i]);
        const char *value = "true";
        if (opt == VCH_OPT_COUNT)
            return vch_outcome_set(outcome, VCH_EXIT_CONFIG, see_help, "The flag %.100s is not known.", argv[i]);
        if (seen[opt])
            return vch_outcome_set(outcome, VCH_EXIT_CONFIG, "Give each flag once.", "The flag %s is given twice.",
                                   argv[i]);
        seen[opt] = true;
        if (rows[opt].kind != KIND_NONE && i + 1 >= argc)
            return vch_outcome_set(outcome, VCH_EXIT_CONFIG, see_help, "The flag %s has no value.", argv[i]);
        if (rows[opt].kind != KIND_NONE) value = argv[++i];
        VCH_STEP(take_flag(options, opt, value, outcome));
    }
    return VCH_EXIT_OK;
}

/* ---- configuration file ------------------------------------------------- */

static const struct vch_val *find_path(const struct vch_val *document, const char *path) {
    struct vch_str rest = vch_str_from(path), part;
    while (document && vch_str_split(&rest, '.', &part)) document = vch_val_get_str(document, part);
    return document;
}

static enum vch_exit wrong_type(const struct row *row, const char *wanted, struct vch_outcome *outcome) {
    return vch_outcome_set(outcome, VCH_EXIT_CONFIG, "Correct the configuration file.",
                           "The configuration key %s must be %s.", row->json, wanted);
}

static enum vch_exit text_of(const struct vch_options *options, const struct row *row, const struct vch_val *val,
                             struct vch_str *ret, struct vch_outcome *outcome) {
    if (val->type == VCH_VAL_STR)
        *ret = val->str;
    else if (val->type == VCH_VAL_BOOL && (row->kind == KIND_BOOL || row->kind == KIND_NONE))
        *ret = val->boolean ? VCH_STR("true") : VCH_STR("false");
    else if (val->type == VCH_VAL_INT && row->kind == KIND_INT)
        *ret = vch_arena_printf(options->arena, "%lld", (long long)val->integer);
    else if (val->type == VCH_VAL_MAP && row == &rows[VCH_OPT_PARAMETERS]) {
        struct vch_buf buf;
        vch_buf_init(&buf, 65536);
        vch_json_encode(val, &buf);
        *ret = vch_arena_str(options->arena, vch_str_of(buf.ptr, buf.failed ? 0 : buf.len));
        vch_buf_deinit(&buf);
    } else
        return wrong_type(row,
                          row->kind == KIND_INT    ? "a number"
                          : row->kind == KIND_BOOL ? "true or false"
                                                   : "text",
                          outcome);
    return VCH_EXIT_OK;
}

/* The AWS client reads the object only when it is enabled. */
static bool is_ignored(const struct vch_val *document, const char *path) {
    static const struct vch_str prefix = {"fleet-provisioning.", 19};
    if (!vch_str_starts(vch_str_from(path), prefix)) return false;
    return !vch_val_bool_at(vch_val_get(document, "fleet-provisioning"), "enabled", false);
}

static bool any_sensor(const struct vch_val *document) {
    const struct vch_val *sensors = find_path(document, "sensor-publish.sensors");
    for (size_t i = 0; vch_val_is(sensors, VCH_VAL_LIST) && i < sensors->count; i++)
        if (vch_val_bool_at(&sensors->items[i], "enabled", true)) return true;
    return false;
}

enum vch_exit vch_options_load(struct vch_options *options, const struct vch_val *document,
                               struct vch_outcome *outcome) {
    if (!vch_val_is(document, VCH_VAL_MAP))
        return vch_outcome_set(outcome, VCH_EXIT_CONFIG, "Correct the configuration file.",
                               "The configuration file is not a JSON object.");
    for (size_t i = 0; i < VCH_OPT_COUNT; i++) {
        const struct vch_val *val = rows[i].json ? find_path(document, rows[i].json) : NULL;
        struct vch_str text;
        if (!val || val->type == VCH_VAL_NULL || is_ignored(document, rows[i].json)) continue;
        VCH_STEP(text_of(options, &rows[i], val, &text, outcome));
        VCH_STEP(check((enum vch_opt)i, rows[i].json, text, outcome));
        vch_options_set(options, (enum vch_opt)i, text, VCH_SOURCE_FILE);
    }
    options->sensors = any_sensor(document);
    return VCH_EXIT_OK;
}

/* ---- reading ------------------------------------------------------------ */

const char *vch_options_text(const struct vch_options *options, enum vch_opt opt) {
    const char *text = options->settings[opt].text.ptr;
    return text ? text : "";
}

bool vch_options_has(const struct vch_options *options, enum vch_opt opt) {
    return options->settings[opt].text.len > 0;
}

bool vch_options_on(const struct vch_options *options, enum vch_opt opt) {
    return vch_str_eq_c(options->settings[opt].text, "true");
}

int vch_options_int(const struct vch_options *options, enum vch_opt opt) {
    int64_t number;
    return vch_str_int(options->settings[opt].text, &number) == VCH_OK ? (int)number : 0;
}

static void name_feature(struct vch_str name, char *out, size_t size, size_t *at) {
    struct vch_str have = vch_str_of(out, *at);
    for (size_t i = 0; i + name.len <= have.len; i++) /* two flags of one feature */
        if (vch_str_eq(vch_str_sub(have, i, name.len), name)) return;
    if (*at + name.len + 3 > size) return;
    if (*at) {
        memcpy(out + *at, ", ", 2);
        *at += 2;
    }
    memcpy(out + *at, name.ptr, name.len);
    *at += name.len;
    out[*at] = '\0';
}

bool vch_options_missing(const struct vch_options *options, char *out, size_t size) {
    size_t at = 0;
    out[0] = '\0';
    for (size_t i = 0; i < VCH_OPT_COUNT; i++) {
        const struct vch_setting *setting = &options->settings[i];
        if (!rows[i].feature || setting->source == VCH_SOURCE_DEFAULT || !vch_options_on(options, (enum vch_opt)i))
            continue;
        name_feature(vch_str_from(rows[i].feature), out, size, &at);
    }
    if (options->sensors) name_feature(VCH_STR("sensor publish"), out, size, &at);
    return at > 0;
}

void vch_options_help(FILE *out) {
    (void)fputs("vouch-agent: gets a device its own identity by a provisioning claim and keeps it connected.\n"
                "Takes every flag and configuration key of aws-iot-device-client.\n\n",
                out);
    for (size_t i = 0; i < VCH_OPT_COUNT; i++) {
        if (!rows[i].flag || !rows[i].help) continue;
        (void)fprintf(out, "  %-42s %s%s%s%s\n", rows[i].flag, rows[i].help,
                      rows[i].preset[0] && rows[i].kind != KIND_NONE ? " [" : "",
                      rows[i].kind != KIND_NONE ? rows[i].preset : "",
                      rows[i].preset[0] && rows[i].kind != KIND_NONE ? "]" : "");
    }
    (void)fputs("  --help, --version\n\nAccepted, and named in a warning when switched on:\n ", out);
    for (size_t i = 0; i < VCH_OPT_COUNT; i++)
        if (rows[i].flag && !rows[i].help) (void)fprintf(out, " %s", rows[i].flag);
    (void)fputs("\n\nThe configuration file is STATE-DIR/aws-iot-device-client.conf, then\n"
                "~/.aws-iot-device-client/aws-iot-device-client.conf, unless --config-file names one.\n"
                "Exit status: 0 ok, 1 configuration, 2 credentials or file modes, 3 network or TLS,\n"
                "4 claim expired, 5 rejected by the server, 6 local input or output, 7 certificate revoked.\n",
                out);
}

static enum vch_err export_row(struct vch_arena *arena, struct vch_val *root, const struct row *row) {
    struct vch_str rest = vch_str_from(row->json), part;
    struct vch_val *map = root;
    (void)vch_str_split(&rest, '.', &part);
    for (struct vch_str next; vch_str_split(&rest, '.', &next); part = next) {
        const struct vch_val *have = vch_val_get_str(map, part);
        struct vch_val *inner = have ? (struct vch_val *)(uintptr_t)have : vch_val_put_str_name(arena, map, part);
        if (!inner) return VCH_ERR_NOMEM;
        if (!have) inner->type = VCH_VAL_MAP;
        map = inner;
    }
    struct vch_val *slot = vch_val_put_str_name(arena, map, part);
    int64_t number;
    if (!slot) return VCH_ERR_NOMEM;
    struct vch_str preset = vch_str_from(row->preset);
    if (row->kind == KIND_BOOL || row->kind == KIND_NONE)
        *slot = (struct vch_val){.type = VCH_VAL_BOOL, .boolean = vch_str_eq_c(preset, "true")};
    else if (row->kind == KIND_INT && vch_str_int(preset, &number) == VCH_OK)
        *slot = (struct vch_val){.type = VCH_VAL_INT, .integer = number};
    else
        *slot = (struct vch_val){.type = VCH_VAL_STR, .str = preset};
    return VCH_OK;
}

enum vch_err vch_options_export(struct vch_arena *arena, struct vch_buf *buf) {
    struct vch_val *root = vch_val_new_map(arena);
    if (!root) return VCH_ERR_NOMEM;
    for (size_t i = 0; i < VCH_OPT_COUNT; i++)
        if (rows[i].json) VCH_TRY(export_row(arena, root, &rows[i]));
    vch_json_encode(root, buf);
    vch_buf_c(buf, "\n");
    return buf->failed ? VCH_ERR_TOO_LARGE : VCH_OK;
}
