#include "ctl/args.h"

#include <string.h>

static const struct global {
    const char *name;
    size_t at;
} globals[] = {
    {"--data", offsetof(struct vch_ctl_globals, data)},
    {"--endpoint-url", offsetof(struct vch_ctl_globals, endpoint_url)},
    {"--ca-bundle", offsetof(struct vch_ctl_globals, ca_bundle)},
    {"--profile", offsetof(struct vch_ctl_globals, profile)},
    {"--region", offsetof(struct vch_ctl_globals, region)},
};

/* How far the command line is read. */
struct scan {
    int argc, at;
    char **argv;
    bool no_more_options, help;
    const char *words[2]; /* group, verb */
    size_t word_count;
    FILE *err;
};

static enum vch_ctl_exit usage(FILE *err, const char *what, const char *word) {
    (void)fprintf(err, "vouch: %s: %s (try --help)\n", what, word);
    return VCH_CTL_USAGE;
}

static size_t name_length(const char *option) {
    const char *equals = strchr(option, '=');
    return equals ? (size_t)(equals - option) : strlen(option);
}

static bool named(const char *option, size_t len, const char *name) {
    return strlen(name) == len && strncmp(option, name, len) == 0;
}

static const char **global_slot(struct vch_ctl_globals *to, const char *option, size_t len) {
    for (size_t i = 0; i < sizeof globals / sizeof *globals; i++)
        if (named(option, len, globals[i].name)) return (const char **)((char *)to + globals[i].at);
    return NULL;
}

/* The value of the option at scan->at: glued on with '=', or the next word. */
static const char *take_value(struct scan *scan, size_t name_len) {
    const char *option = scan->argv[scan->at];
    if (option[name_len] == '=') return option + name_len + 1;
    return scan->at + 1 < scan->argc ? scan->argv[++scan->at] : NULL;
}

static enum vch_ctl_exit take_output(struct scan *scan, size_t len, struct vch_ctl_globals *to) {
    const char *value = take_value(scan, len);
    if (!value || (strcmp(value, "json") != 0 && strcmp(value, "table") != 0))
        return usage(scan->err, "--output is json or table", value ? value : "nothing");
    to->table = strcmp(value, "table") == 0;
    return VCH_CTL_DONE;
}

static const struct vch_ctl_arg *find_option(const struct vch_ctl_command *command, const char *option, size_t len,
                                             size_t *ret_index) {
    for (size_t i = 0; command->args[i].name; i++) {
        *ret_index = i;
        if (command->args[i].name[0] == '-' && named(option, len, command->args[i].name)) return &command->args[i];
    }
    return NULL;
}

static enum vch_ctl_exit add_value(struct vch_ctl_parsed *ret, size_t index, const char *value, FILE *err) {
    const struct vch_ctl_arg *arg = &ret->command->args[index];
    size_t max = arg->flags & VCH_CTL_REPEAT ? VCH_CTL_REPEAT_MAX : 1;
    if (ret->counts[index] == max) return usage(err, "given too often", arg->name);
    ret->values[index][ret->counts[index]++] = value;
    return VCH_CTL_DONE;
}

/* An option of the command, which is known by now. */
static enum vch_ctl_exit take_own(struct scan *scan, size_t len, struct vch_ctl_parsed *ret) {
    size_t index = 0;
    const char *option = scan->argv[scan->at];
    if (!ret->command) return usage(scan->err, "unknown option before the command", option);
    const struct vch_ctl_arg *arg = find_option(ret->command, option, len, &index);
    if (!arg) return usage(scan->err, "unknown option", option);
    if (!arg->value && option[len] == '=') return usage(scan->err, "takes no value", arg->name);
    const char *value = arg->value ? take_value(scan, len) : "true";
    if (!value) return usage(scan->err, "needs a value", arg->name);
    return add_value(ret, index, value, scan->err);
}

static enum vch_ctl_exit take_option(struct scan *scan, struct vch_ctl_parsed *ret) {
    const char *option = scan->argv[scan->at];
    size_t len = name_length(option);
    const char **slot = global_slot(&ret->globals, option, len);
    if (strcmp(option, "--") == 0) {
        scan->no_more_options = true;
        return VCH_CTL_DONE;
    }
    if (strcmp(option, "--help") == 0 || strcmp(option, "-h") == 0) {
        scan->help = true;
        return VCH_CTL_DONE;
    }
    if (named(option, len, "--output")) return take_output(scan, len, &ret->globals);
    if (!slot) return take_own(scan, len, ret);
    *slot = take_value(scan, len);
    return *slot && **slot ? VCH_CTL_DONE : usage(scan->err, "needs a value", option);
}

/* The next value by position goes to the first row that has room. */
static enum vch_ctl_exit take_position(struct scan *scan, const char *word, struct vch_ctl_parsed *ret) {
    for (size_t i = 0; ret->command->args[i].name; i++)
        if (ret->command->args[i].name[0] != '-' && ret->counts[i] == 0) return add_value(ret, i, word, scan->err);
    return usage(scan->err, "one word too many", word);
}

/* Group first, then verb; a group that is a command itself takes no verb. */
static enum vch_ctl_exit take_word(struct scan *scan, struct vch_ctl_parsed *ret) {
    const char *word = scan->argv[scan->at];
    if (ret->command) return take_position(scan, word, ret);
    scan->words[scan->word_count++] = word;
    if (scan->word_count == 1) {
        ret->command = vch_ctl_command_find(word, "");
        return ret->command || vch_ctl_group_exists(word) ? VCH_CTL_DONE : usage(scan->err, "unknown command", word);
    }
    ret->command = vch_ctl_command_find(scan->words[0], word);
    if (ret->command) return VCH_CTL_DONE;
    (void)fprintf(scan->err, "vouch: %s has no command %s (try vouch %s --help)\n", scan->words[0], word,
                  scan->words[0]);
    return VCH_CTL_USAGE;
}

static enum vch_ctl_exit give_help(const struct scan *scan, struct vch_ctl_parsed *ret, FILE *out) {
    if (ret->command)
        vch_ctl_help_command(ret->command, out);
    else if (scan->word_count == 1)
        vch_ctl_help_group(scan->words[0], out);
    else
        vch_ctl_help(out);
    ret->command = NULL;
    return VCH_CTL_DONE;
}

static enum vch_ctl_exit check_whole(const struct vch_ctl_parsed *ret, FILE *err) {
    for (size_t i = 0; ret->command->args[i].name; i++)
        if ((ret->command->args[i].flags & VCH_CTL_REQUIRED) && ret->counts[i] == 0)
            return usage(err, "missing", ret->command->args[i].name);
    if (ret->globals.data && (ret->globals.endpoint_url || ret->globals.profile))
        return usage(err, "--data excludes", "--endpoint-url and --profile");
    return VCH_CTL_DONE;
}

enum vch_ctl_exit vch_ctl_args_parse(int argc, char **argv, struct vch_ctl_parsed *ret, FILE *out, FILE *err) {
    struct scan scan = {.argc = argc, .argv = argv, .err = err};
    *ret = (struct vch_ctl_parsed){0};
    for (scan.at = 1; scan.at < argc; scan.at++) {
        const char *word = argv[scan.at];
        bool option = !scan.no_more_options && word[0] == '-' && word[1] != '\0';
        if (option && strcmp(word, "--version") == 0) {
            (void)fprintf(out, "vouch %s\n", VOUCH_VERSION);
            ret->command = NULL;
            return VCH_CTL_DONE;
        }
        enum vch_ctl_exit exit = option ? take_option(&scan, ret) : take_word(&scan, ret);
        if (exit != VCH_CTL_DONE) return exit;
    }
    if (scan.help) return give_help(&scan, ret, out);
    if (ret->command) return check_whole(ret, err);
    if (scan.word_count == 0)
        vch_ctl_help(err);
    else
        vch_ctl_help_group(scan.words[0], err);
    return VCH_CTL_USAGE;
}

size_t vch_ctl_arg_all(const struct vch_ctl_parsed *parsed, const char *name, const char *const **ret) {
    for (size_t i = 0; parsed->command->args[i].name; i++) {
        if (strcmp(parsed->command->args[i].name, name) != 0) continue;
        *ret = parsed->values[i];
        return parsed->counts[i];
    }
    vch_assert(false); /* `name` is a row of the command */
    return 0;
}

const char *vch_ctl_arg(const struct vch_ctl_parsed *parsed, const char *name) {
    const char *const *values;
    return vch_ctl_arg_all(parsed, name, &values) > 0 ? values[0] : NULL;
}

bool vch_ctl_switch(const struct vch_ctl_parsed *parsed, const char *name) {
    return vch_ctl_arg(parsed, name) != NULL;
}
