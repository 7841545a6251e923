#include "core/lint_report.h"

#include "core/template.h"

struct report {
    struct vch_arena *arena;
    struct vch_val *findings;
    bool valid;
};

static const char *const words[] = {
    [VCH_LINT_KIND_GUESS] = "",
    [VCH_LINT_KIND_POLICY] = "policy",
    [VCH_LINT_KIND_IAM] = "iam",
    [VCH_LINT_KIND_TEMPLATE] = "template",
};

enum vch_lint_kind vch_lint_kind_parse(struct vch_str word) {
    for (enum vch_lint_kind kind = VCH_LINT_KIND_POLICY; kind <= VCH_LINT_KIND_TEMPLATE; kind++)
        if (vch_str_eq_c(word, words[kind])) return kind;
    return VCH_LINT_KIND_GUESS;
}

static enum vch_lint_kind guess(struct vch_str text, struct vch_arena *arena) {
    struct vch_val *val = NULL;
    if (vch_json_decode(text, &VCH_VAL_LIMITS_DEFAULT, arena, &val, NULL) != VCH_OK) return VCH_LINT_KIND_POLICY;
    return vch_val_get(val, "Resources") ? VCH_LINT_KIND_TEMPLATE : VCH_LINT_KIND_POLICY;
}

static enum vch_err add(struct report *r, const struct vch_lint_finding *finding) {
    struct vch_val *row = vch_val_push_map(r->arena, r->findings);
    if (!row) return VCH_ERR_NOMEM;
    VCH_TRY(vch_val_put_str(r->arena, row, "rule", vch_str_from(finding->rule)));
    VCH_TRY(vch_val_put_str(r->arena, row, "field", finding->field));
    return vch_val_put_str(r->arena, row, "sentence", finding->sentence);
}

static enum vch_err add_all(struct report *r, const struct vch_lint *lint) {
    for (size_t i = 0; i < lint->count; i++) VCH_TRY(add(r, &lint->findings[i]));
    return VCH_OK;
}

/* What a server would refuse. */
static enum vch_err add_refusal(struct report *r, const struct vch_diag *diag) {
    const struct vch_lint_finding finding = {.rule = diag->reason ? diag->reason : "invalid",
                                             .field = vch_arena_str(r->arena, vch_str_from(diag->field)),
                                             .sentence = vch_arena_str(r->arena, vch_str_from(diag->message))};
    r->valid = false;
    return finding.field.ptr && finding.sentence.ptr ? add(r, &finding) : VCH_ERR_NOMEM;
}

static enum vch_err check_template(struct report *r, struct vch_str text, const struct vch_lint_template_options *options) {
    struct vch_diag diag = {0};
    struct vch_lint lint = {.count = 0};
    if (vch_template_check(VCH_TEMPLATE_FLEET, text, &diag) != VCH_OK) return add_refusal(r, &diag);
    return vch_lint_template(text, options, r->arena, &lint, NULL) == VCH_OK ? add_all(r, &lint) : VCH_OK;
}

static enum vch_err check_policy(struct report *r, enum vch_policy_kind kind, struct vch_str text) {
    struct vch_diag diag = {0};
    struct vch_policy *policy = NULL;
    struct vch_lint lint = {.count = 0};
    enum vch_err err = vch_policy_parse(kind, VCH_STR("policy"), text, &policy, &diag);
    vch_policy_unref(policy);
    if (err != VCH_OK) VCH_TRY(add_refusal(r, &diag));
    return vch_lint_policy(kind, text, r->arena, &lint, NULL) == VCH_OK ? add_all(r, &lint) : VCH_OK;
}

/* The remedies as findings, and the document as it would be taken. */
static enum vch_err offer_mended(struct report *r, struct vch_str text, struct vch_val *out) {
    struct vch_lint lint = {.count = 0};
    struct vch_str document;
    struct vch_val *mended = NULL;
    if (vch_lint_mend(text, VCH_STR(""), r->arena, &document, &lint, NULL) != VCH_OK || lint.count == 0) return VCH_OK;
    if (vch_json_decode(document, NULL, r->arena, &mended, NULL) != VCH_OK) return VCH_OK;
    VCH_TRY(add_all(r, &lint));
    struct vch_val *slot = vch_val_put(r->arena, out, "mended");
    if (!slot) return VCH_ERR_NOMEM;
    *slot = *mended;
    return VCH_OK;
}

enum vch_err vch_lint_report(enum vch_lint_kind kind, struct vch_str text,
                             const struct vch_lint_template_options *options, struct vch_arena *arena,
                             struct vch_val *out) {
    struct report r = {.arena = arena, .findings = vch_val_put_list(arena, out, "findings"), .valid = true};
    if (!r.findings) return VCH_ERR_NOMEM;
    if (kind == VCH_LINT_KIND_GUESS) kind = guess(text, arena);
    if (kind == VCH_LINT_KIND_TEMPLATE) VCH_TRY(check_template(&r, text, options));
    else VCH_TRY(check_policy(&r, kind == VCH_LINT_KIND_IAM ? VCH_POLICY_IAM : VCH_POLICY_IOT, text));
    if (!r.valid && kind != VCH_LINT_KIND_TEMPLATE) VCH_TRY(offer_mended(&r, text, out));
    VCH_TRY(vch_val_put_str(arena, out, "kind", vch_str_from(words[kind])));
    return vch_val_put_bool(arena, out, "valid", r.valid);
}
