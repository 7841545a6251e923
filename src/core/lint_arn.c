#include "core/lint_priv.h"
#include "core/names.h"
#include "core/policy_priv.h"

struct vch_lint_arn vch_lint_arn(struct vch_str s) {
    struct vch_lint_arn arn = {.count = 0};
    size_t start = 0;
    for (size_t i = 0; i < s.len && arn.count < VCH_LINT_FIELDS - 1; i++) {
        size_t len = vch_pol_variable_len(s, i);
        if (len > 0 && len != SIZE_MAX) {
            i += len - 1;
        } else if (s.ptr[i] == ':') {
            arn.field[arn.count++] = vch_str_of(s.ptr + start, i - start);
            start = i + 1;
        }
    }
    arn.field[arn.count++] = vch_str_sub(s, start, SIZE_MAX);
    return arn;
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* us-east-1, us-gov-west-1 */
static bool looks_like_region(struct vch_str s) {
    return vch_region_valid(s) && s.len > 4 && is_digit(s.ptr[s.len - 1]) && vch_str_find(s, '-', 0) == 2;
}

bool vch_lint_lacks_service(const struct vch_lint_arn *arn) {
    return arn->count >= 4 && vch_str_eq_c(arn->field[0], "arn") && looks_like_region(arn->field[2]);
}

bool vch_lint_is_placeholder_account(struct vch_str s) {
    bool open = vch_str_find(s, '*', 0) != SIZE_MAX || vch_str_find(s, '?', 0) != SIZE_MAX;
    return s.len > 0 && !open && vch_str_find(s, '$', 0) == SIZE_MAX && !vch_account_valid(s);
}

bool vch_lint_is_placeholder_region(struct vch_str s) {
    static const char *const words[] = {"region", "aws-region", "aws_region", "your-region"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (vch_str_ieq(s, vch_str_from(words[i]))) return true;
    return false;
}
