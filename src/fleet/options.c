#include "fleet/options.h"

#include <string.h>

enum kind { KIND_TEXT, KIND_NUMBER, KIND_FLAG };

struct row {
    const char *flag;
    enum kind kind;
    size_t offset;
    int64_t least, most;
    const char *help;
};

static const struct row rows[] = {
#define VCH_X(flag, kind, member, least, most, help)                                                                   \
    {flag, KIND_##kind, offsetof(struct vch_fleet_options, member), least, most, help},
#include "fleet/options.def"
#undef VCH_X
};
enum { ROWS = sizeof rows / sizeof *rows };

void vch_fleet_help(FILE *out) {
    (void)fputs(
        "vouch-fleet: a simulated fleet against a server.\n\n"
        "  vouch-fleet provision --data DIR | --endpoint HOST --api URL ...\n"
        "      claim, connect, create, register, reconnect, for each device\n"
        "  vouch-fleet connect|publish|fan|idle\n"
        "              --data DIR | --endpoint HOST --api URL | --host HOST --ca FILE --cert FILE --key FILE ...\n"
        "      connections that come and go; publishers to subscribers; one to many; many that wait\n\n",
        out);
    for (size_t i = 0; i < ROWS; i++) (void)fprintf(out, "  %-14s %s\n", rows[i].flag, rows[i].help);
    (void)fputs(
        "\nExit status: 0 done without an error, 1 usage, 2 some devices failed, 3 the server cannot be used.\n", out);
}

static const struct row *find(const char *word) {
    for (size_t i = 0; i < ROWS; i++)
        if (strcmp(rows[i].flag, word) == 0) return &rows[i];
    return NULL;
}

static bool fail(FILE *err, const char *what, const char *which) {
    (void)fprintf(err, "vouch-fleet: %s: %s (see --help)\n", what, which);
    return false;
}

static bool store(struct vch_fleet_options *options, const struct row *row, const char *value, FILE *err) {
    char *base = (char *)options + row->offset;
    int64_t number;
    if (row->kind == KIND_FLAG) {
        *(bool *)(void *)base = true;
    } else if (row->kind == KIND_TEXT) {
        if (!*value) return fail(err, "empty value", row->flag);
        *(const char **)(void *)base = value;
    } else {
        if (vch_str_int(vch_str_from(value), &number) != VCH_OK || number < row->least || number > row->most)
            return fail(err, "not a number in range", row->flag);
        *(int64_t *)(void *)base = number;
    }
    return true;
}

static const char *const modes[] = {[VCH_FLEET_PROVISION] = "provision",
                                    [VCH_FLEET_CONNECT] = "connect",
                                    [VCH_FLEET_PUBLISH] = "publish",
                                    [VCH_FLEET_FAN] = "fan",
                                    [VCH_FLEET_IDLE] = "idle"};
_Static_assert(sizeof modes / sizeof *modes == VCH_FLEET_MODES, "a word for each mode");

const char *vch_fleet_mode_word(enum vch_fleet_mode mode) {
    return modes[mode];
}

static bool take_mode(const char *word, struct vch_fleet_options *ret) {
    for (int i = 0; i < VCH_FLEET_MODES; i++) {
        if (strcmp(word, modes[i]) != 0) continue;
        ret->mode = (enum vch_fleet_mode)i;
        return true;
    }
    return false;
}

static bool one_target(const struct vch_fleet_options *o, FILE *err) {
    if ((o->data != NULL) + (o->endpoint || o->api) + (o->host != NULL) > 1)
        return fail(err, "one of them", "--data, or --endpoint and --api, or --host");
    if (o->host && o->mode == VCH_FLEET_PROVISION) return fail(err, "not for provision", "--host");
    if (o->host && !o->cert != !o->key) return fail(err, "both or none", "--cert and --key");
    if (!o->host && (o->cert || o->key || o->port || o->plain))
        return fail(err, "only with --host", "--port, --cert, --key, --plain");
    if (!o->host && !o->data && (!o->endpoint || !o->api))
        return fail(err, "needed", "--data DIR, or --endpoint HOST and --api URL, or --host HOST");
    return true;
}

static bool complete(struct vch_fleet_options *o, FILE *err) {
    bool bounded = o->seconds && (o->mode == VCH_FLEET_PROVISION || o->mode == VCH_FLEET_CONNECT);
    bool publish = o->mode == VCH_FLEET_PUBLISH || o->mode == VCH_FLEET_FAN;
    if (!one_target(o, err)) return false;
    if (o->mode == VCH_FLEET_FAN && o->publishers) return fail(err, "fan has one publisher", "--publishers");
    if (!o->mqtt_port) o->mqtt_port = 8883;
    if (!o->port) o->port = o->plain ? 1883 : 8883;
    if (!o->concurrency) o->concurrency = 16;
    if (!o->devices) o->devices = bounded ? 10000000 : 1000;
    if (!o->seconds && (publish || o->mode == VCH_FLEET_IDLE)) o->seconds = 5;
    if (o->concurrency > o->devices && !publish) o->concurrency = o->devices;
    return true;
}

bool vch_fleet_parse(int argc, char **argv, struct vch_fleet_options *ret, FILE *err) {
    bool seen[ROWS] = {false};
    memset(ret, 0, sizeof *ret);
    if (argc < 2 || !take_mode(argv[1], ret)) return fail(err, "no such mode", argc < 2 ? "(none)" : argv[1]);
    for (int i = 2; i < argc; i++) {
        const struct row *row = find(argv[i]);
        if (!row) return fail(err, "no such flag", argv[i]);
        if (seen[row - rows]) return fail(err, "given twice", argv[i]);
        seen[row - rows] = true;
        if (row->kind != KIND_FLAG && i + 1 >= argc) return fail(err, "no value", argv[i]);
        if (!store(ret, row, row->kind == KIND_FLAG ? "" : argv[++i], err)) return false;
    }
    return complete(ret, err);
}
