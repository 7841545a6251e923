#include "support/cmocka_all.h"

#include <string.h>

#include "core/pair_code.h"

static const char alphabet[] = VCH_PAIR_CODE_ALPHABET;

static enum vch_pair_code_fault parse(const char *typed) {
    char code[VCH_PAIR_CODE_LEN + 1];
    return vch_pair_code_parse(vch_str_from(typed), code);
}

/* Worked out by hand: 8*v0 + 7*v1 + ... + 2*v6 + v7 is a multiple of 29. Pages and devices check by the same rows. */
static void vectors(void **state) {
    (void)state;
    static const struct {
        uint8_t values[VCH_PAIR_CODE_FREE];
        const char *code; /* NULL: there is none */
    } rows[] = {
        {{0, 0, 0, 0, 0, 0, 0}, "22222222"},
        {{0, 0, 0, 0, 0, 0, 1}, "2222223Z"},    /* 2 + 27 */
        {{0, 0, 0, 0, 0, 1, 0}, "2222232X"},    /* 3 + 26 */
        {{1, 0, 0, 0, 0, 0, 0}, "3222222R"},    /* 8 + 21 */
        {{1, 2, 3, 4, 5, 6, 7}, "34567896"},    /* 8 + 14 + 18 + 20 + 20 + 18 + 14 = 112; 112 + 4 = 4 * 29 */
        {{27, 27, 27, 27, 27, 27, 27}, "ZZZZZZZG"}, /* 27 * 35 = 945; 945 + 12 = 957 = 33 * 29 */
        {{0, 0, 0, 0, 0, 0, 15}, NULL},         /* 30: the check would be 28 */
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char code[VCH_PAIR_CODE_LEN + 1] = "";
        bool made = vch_pair_code_make(rows[i].values, code);
        unsigned sum = 0;
        assert_int_equal(made, rows[i].code != NULL);
        if (!made) continue;
        for (size_t k = 0; k < VCH_PAIR_CODE_LEN; k++) sum += (unsigned)(8 - k) * (unsigned)(strchr(alphabet, code[k]) - alphabet);
        assert_int_equal(sum % 29, 0);
        assert_string_equal(code, rows[i].code);
        assert_int_equal(parse(code), VCH_PAIR_CODE_GOOD);
    }
}

static const char *const samples[] = {"22222222", "34567896", "ZZZZZZZG", "3222222R"};

static void every_wrong_symbol_is_found(void **state) {
    (void)state;
    for (size_t s = 0; s < COUNT_OF(samples); s++)
        for (size_t i = 0; i < VCH_PAIR_CODE_LEN; i++)
            for (size_t k = 0; k < VCH_PAIR_CODE_SYMBOLS; k++) {
                char typed[] = "........";
                memcpy(typed, samples[s], VCH_PAIR_CODE_LEN);
                typed[i] = alphabet[k];
                bool same = strcmp(typed, samples[s]) == 0;
                if ((parse(typed) == VCH_PAIR_CODE_GOOD) != same) fail_msg("%s for %s", typed, samples[s]);
            }
}

static void every_swap_is_found(void **state) {
    (void)state;
    for (size_t s = 0; s < COUNT_OF(samples); s++)
        for (size_t i = 0; i < VCH_PAIR_CODE_LEN; i++)
            for (size_t k = 0; k < i; k++) {
                char typed[] = "........";
                memcpy(typed, samples[s], VCH_PAIR_CODE_LEN);
                typed[i] = samples[s][k];
                typed[k] = samples[s][i];
                bool same = strcmp(typed, samples[s]) == 0;
                if ((parse(typed) == VCH_PAIR_CODE_GOOD) != same) fail_msg("%s for %s", typed, samples[s]);
            }
}

static void as_people_type(void **state) {
    (void)state;
    static const struct {
        const char *typed;
        enum vch_pair_code_fault fault;
    } rows[] = {
        {"3456-7896", VCH_PAIR_CODE_GOOD},  {"3456789 6", VCH_PAIR_CODE_GOOD},    {" 34 56 78 96 ", VCH_PAIR_CODE_GOOD}, {"-3-4-5-6-7-8-9-6-", VCH_PAIR_CODE_GOOD},
        {"zzzz-zzzg", VCH_PAIR_CODE_GOOD},  {"3456-789C", VCH_PAIR_CODE_MISTYPED}, {"", VCH_PAIR_CODE_FORM},              {"3456789", VCH_PAIR_CODE_FORM},
        {"34567896D", VCH_PAIR_CODE_FORM},  {"04567896", VCH_PAIR_CODE_FORM},    {"3456789O", VCH_PAIR_CODE_FORM},      {"A4567896", VCH_PAIR_CODE_FORM},
        {"3456_7896", VCH_PAIR_CODE_FORM},  {"3456\t7896", VCH_PAIR_CODE_FORM},  {"3456789\xc3", VCH_PAIR_CODE_FORM},   {"--------", VCH_PAIR_CODE_FORM},
        {"3456789{", VCH_PAIR_CODE_FORM},   {"3456789@", VCH_PAIR_CODE_FORM},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (parse(rows[i].typed) != rows[i].fault) fail_msg("\"%s\"", rows[i].typed);
    char code[VCH_PAIR_CODE_LEN + 1];
    assert_int_equal(vch_pair_code_parse((struct vch_str){"3456789\0", 8}, code), VCH_PAIR_CODE_FORM);
    assert_int_equal(vch_pair_code_parse((struct vch_str){NULL, 0}, code), VCH_PAIR_CODE_FORM);
}

static void what_was_typed_becomes_the_code(void **state) {
    (void)state;
    char code[VCH_PAIR_CODE_LEN + 1], shown[VCH_PAIR_CODE_LEN + 2];
    assert_int_equal(vch_pair_code_parse(VCH_STR("zz zz-zzzg"), code), VCH_PAIR_CODE_GOOD);
    assert_string_equal(code, "ZZZZZZZG");
    vch_pair_code_show(code, shown);
    assert_string_equal(shown, "ZZZZ-ZZZG");
}

static void few_draws_have_no_code(void **state) {
    (void)state;
    size_t none = 0, all = 0;
    char code[VCH_PAIR_CODE_LEN + 1];
    for (uint8_t a = 0; a < VCH_PAIR_CODE_SYMBOLS; a++)
        for (uint8_t b = 0; b < VCH_PAIR_CODE_SYMBOLS; b++)
            for (uint8_t c = 0; c < VCH_PAIR_CODE_SYMBOLS; c++) {
                const uint8_t values[VCH_PAIR_CODE_FREE] = {a, 1, b, 2, 3, c, 4};
                none += !vch_pair_code_make(values, code);
                all++;
            }
    assert_in_range(none, all / 29 - all / 290, all / 29 + all / 290);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors),        cmocka_unit_test(every_wrong_symbol_is_found),     cmocka_unit_test(every_swap_is_found),
        cmocka_unit_test(as_people_type), cmocka_unit_test(what_was_typed_becomes_the_code), cmocka_unit_test(few_draws_have_no_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
