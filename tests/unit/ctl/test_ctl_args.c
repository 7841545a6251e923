/* The command line of vouch: what it takes, what it refuses, and that every
 * command explains itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/args.h"

enum { WORDS_MAX = 32 };

struct outcome {
    enum vch_ctl_exit exit;
    struct vch_ctl_parsed parsed;
    char *out, *err;
    char line[512];
    char *argv[WORDS_MAX + 1];
};

/* Splits `line` at blanks; "''" is the empty word. */
static void run(struct outcome *o, const char *line) {
    int argc = 1;
    size_t out_len;
    size_t err_len;
    memset(o, 0, sizeof *o);
    assert_true(strlen(line) < sizeof o->line);
    strcpy(o->line, line);
    static char program[] = "vouch";
    o->argv[0] = program;
    for (char *save = NULL, *word = strtok_r(o->line, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
        assert_true(argc < WORDS_MAX);
        if (strcmp(word, "''") == 0) word[0] = '\0';
        o->argv[argc++] = word;
    }
    FILE *out = open_memstream(&o->out, &out_len);
    FILE *err = open_memstream(&o->err, &err_len);
    o->exit = vch_ctl_args_parse(argc, o->argv, &o->parsed, out, err);
    (void)fclose(out);
    (void)fclose(err);
}

static void done(struct outcome *o) {
    free(o->out);
    free(o->err);
}

static const struct {
    const char *line, *group, *verb;
} good[] = {
    {"ca", "ca", ""},
    {"aws-env", "aws-env", ""},
    {"--data D endpoint", "endpoint", ""},
    {"endpoint --data D --type iot:Data-ATS", "endpoint", ""},
    {"policy list", "policy", "list"},
    {"policy --output table list", "policy", "list"},
    {"policy put N F", "policy", "put"},
    {"policy put N -", "policy", "put"},
    {"policy put N F --substitute-account", "policy", "put"},
    {"policy put --substitute-account N F", "policy", "put"},
    {"policy put -- --strange --name", "policy", "put"},
    {"--endpoint-url https://h --ca-bundle C --profile P --region R policy get N", "policy", "get"},
    {"policy get N --version-id=2", "policy", "get"},
    {"template put N F --role arn --description d --disabled", "template", "put"},
    {"claim create --template T", "claim", "create"},
    {"claim create --template=T --out=D", "claim", "create"},
    {"user create N --allow-claims A --allow-claims B", "user", "create"},
    {"user put-policy N P F", "user", "put-policy"},
    {"cert delete ID --force", "cert", "delete"},
    {"lint F --iam --mend --account 1", "lint", ""},
};

static void good_lines_parse(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct outcome o;
        run(&o, good[i].line);
        if (o.exit != VCH_CTL_DONE || !o.parsed.command) fail_msg("%s: %s", good[i].line, o.err);
        assert_string_equal(o.parsed.command->group, good[i].group);
        assert_string_equal(o.parsed.command->verb, good[i].verb);
        assert_string_equal(o.out, "");
        assert_string_equal(o.err, "");
        done(&o);
    }
}

static const struct {
    const char *line, *complaint;
} bad[] = {
    {"", "usage: vouch"},
    {"policy", "usage: vouch [OPTION]... policy COMMAND"},
    {"nonsense", "unknown command: nonsense"},
    {"policy nonsense", "policy has no command nonsense"},
    {"''", "unknown command"},
    {"policy put", "missing: NAME"},
    {"policy put N", "missing: FILE"},
    {"policy put N F G", "one word too many: G"},
    {"ca now", "one word too many: now"},
    {"policy list --nonsense", "unknown option: --nonsense"},
    {"--nonsense policy list", "unknown option before the command: --nonsense"},
    {"--template T claim create", "unknown option before the command: --template"},
    {"policy put N F --substitute-account=yes", "takes no value: --substitute-account"},
    {"policy put N F --substitute-account --substitute-account", "given too often: --substitute-account"},
    {"claim create", "missing: --template"},
    {"claim create --template", "needs a value: --template"},
    {"claim create --template A --template B", "given too often: --template"},
    {"--data", "needs a value: --data"},
    {"--data= ca", "needs a value: --data="},
    {"--data '' ca", "needs a value"},
    {"--output", "--output is json or table: nothing"},
    {"--output xml ca", "--output is json or table: xml"},
    {"--data D --endpoint-url https://h ca", "--data excludes"},
    {"--data D --profile P ca", "--data excludes"},
    {"policy put -x N F", "unknown option: -x"},
};

static void bad_lines_are_refused(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct outcome o;
        run(&o, bad[i].line);
        if (o.exit != VCH_CTL_USAGE) fail_msg("%s: accepted", bad[i].line);
        if (!strstr(o.err, bad[i].complaint)) fail_msg("%s: %s", bad[i].line, o.err);
        assert_string_equal(o.out, "");
        done(&o);
    }
}

static void values_are_kept(void **state) {
    (void)state;
    struct outcome o;
    const char *const *all;
    run(&o, "user create N --allow-claims A --data=D --allow-claims=B --output table");
    assert_int_equal(o.exit, VCH_CTL_DONE);
    assert_string_equal(vch_ctl_arg(&o.parsed, "NAME"), "N");
    assert_int_equal(vch_ctl_arg_all(&o.parsed, "--allow-claims", &all), 2);
    assert_string_equal(all[0], "A");
    assert_string_equal(all[1], "B");
    assert_string_equal(o.parsed.globals.data, "D");
    assert_true(o.parsed.globals.table);
    assert_null(o.parsed.globals.region);
    done(&o);
    run(&o, "policy put -- --a --b");
    assert_string_equal(vch_ctl_arg(&o.parsed, "NAME"), "--a");
    assert_string_equal(vch_ctl_arg(&o.parsed, "FILE"), "--b");
    assert_false(vch_ctl_switch(&o.parsed, "--substitute-account"));
    done(&o);
}

static void repetition_is_bounded(void **state) {
    (void)state;
    char *argv[4 + 2 * (VCH_CTL_REPEAT_MAX + 1)];
    char words[][16] = {"vouch", "user", "create", "N", "--allow-claims", "T"};
    for (size_t i = 0; i < 4; i++) argv[i] = words[i];
    for (size_t i = 4; i < sizeof argv / sizeof *argv; i++) argv[i] = words[4 + i % 2];
    struct vch_ctl_parsed parsed;
    FILE *null = fopen("/dev/null", "w");
    int full = 4 + 2 * VCH_CTL_REPEAT_MAX;
    assert_int_equal(vch_ctl_args_parse(full, argv, &parsed, null, null), VCH_CTL_DONE);
    assert_int_equal(vch_ctl_args_parse(full + 2, argv, &parsed, null, null), VCH_CTL_USAGE);
    (void)fclose(null);
}

static void version_is_told(void **state) {
    (void)state;
    struct outcome o;
    run(&o, "--version");
    assert_int_equal(o.exit, VCH_CTL_DONE);
    assert_null(o.parsed.command);
    assert_true(strncmp(o.out, "vouch ", 6) == 0);
    done(&o);
}

/* Every command answers --help on standard output, and names its arguments. */
static void every_command_has_help(void **state) {
    (void)state;
    const struct vch_ctl_command *row;
    size_t count = 0;
    for (; (row = vch_ctl_command_at(count)) != NULL; count++) {
        struct outcome o;
        char line[128];
        (void)snprintf(line, sizeof line, "%s %s --help", row->group, row->verb);
        run(&o, line);
        assert_int_equal(o.exit, VCH_CTL_DONE);
        assert_null(o.parsed.command);
        assert_string_equal(o.err, "");
        assert_non_null(strstr(o.out, row->summary));
        for (const struct vch_ctl_arg *arg = row->args; arg->name; arg++) {
            assert_non_null(strstr(o.out, arg->name));
            assert_non_null(strstr(o.out, arg->help));
        }
        done(&o);
    }
    assert_true(count > 40);
    struct outcome o;
    run(&o, "--help");
    assert_int_equal(o.exit, VCH_CTL_DONE);
    assert_non_null(strstr(o.out, "ledger verify"));
    done(&o);
    run(&o, "template --help");
    assert_non_null(strstr(o.out, "template set-default"));
    assert_null(strstr(o.out, "policy set-default"));
    done(&o);
}

static bool has_input(const struct vch_op_field *fields, const char *name, size_t len) {
    for (; fields->name; fields++)
        if (strlen(fields->name) == len && strncmp(fields->name, name, len) == 0) return true;
    return false;
}

static const struct vch_op_field *find_output(const struct vch_op_row *op, const char *name) {
    for (const struct vch_op_field *f = op->out; f->name; f++)
        if (strcmp(f->name, name) == 0) return f;
    return NULL;
}

static void check_columns(const struct vch_ctl_command *row, const struct vch_op_field *list) {
    struct vch_str rest = vch_str_from(row->columns);
    struct vch_str word;
    if (list->type == VCH_FIELD_STRS) return;
    while (vch_str_split(&rest, ' ', &word)) {
        size_t colon = vch_str_find(word, ':', 0);
        if (!has_input(list->members, word.ptr, colon == SIZE_MAX ? word.len : colon))
            fail_msg("%s %s: no member %.*s", row->group, row->verb, VCH_STR_ARG(word));
    }
}

/* The rows agree with the operations they name: inputs, required ones, lists
 * and columns exist. */
static void rows_agree_with_operations(void **state) {
    (void)state;
    const struct vch_ctl_command *row;
    for (size_t i = 0; (row = vch_ctl_command_at(i)) != NULL; i++) {
        assert_true(row->op != VCH_OP_NONE || row->run);
        assert_true(!row->list == !row->columns);
        for (size_t j = 0; j < i; j++)
            assert_false(strcmp(vch_ctl_command_at(j)->group, row->group) == 0 &&
                         strcmp(vch_ctl_command_at(j)->verb, row->verb) == 0);
        size_t args = 0;
        while (row->args[args].name) args++;
        assert_true(args <= VCH_CTL_ARGS_MAX);
        if (row->op == VCH_OP_NONE) continue;
        const struct vch_op_row *op = vch_op_row(row->op);
        for (size_t a = 0; a < args; a++)
            if (row->args[a].input && !has_input(op->in, row->args[a].input, strlen(row->args[a].input)))
                fail_msg("%s %s: no input %s", row->group, row->verb, row->args[a].input);
        if (row->preset) assert_true(has_input(op->in, row->preset, (size_t)(strchr(row->preset, '=') - row->preset)));
        if (!row->list) continue;
        assert_non_null(find_output(op, row->list));
        check_columns(row, find_output(op, row->list));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_lines_parse),
        cmocka_unit_test(bad_lines_are_refused),
        cmocka_unit_test(values_are_kept),
        cmocka_unit_test(repetition_is_bounded),
        cmocka_unit_test(version_is_told),
        cmocka_unit_test(every_command_has_help),
        cmocka_unit_test(rows_agree_with_operations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
