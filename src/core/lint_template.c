/* What is lawful in a provisioning template and still not what its author meant. */
#include "core/lint_priv.h"
#include "core/template_priv.h"

struct linting {
    struct vch_template t;
    const struct vch_lint_template_options *options;
    struct vch_lint *lint;
    struct vch_arena *arena;
    bool *used; /* by parameter */
    bool has_thing, has_policy;
};

static struct vch_str pointer_of(const struct linting *l, const struct vch_tpath *at) {
    struct vch_buf buf;
    struct vch_str text, copy = {NULL, 0};
    vch_buf_init(&buf, 65536);
    vch_tpath_put(at, &buf);
    if (vch_buf_finish(&buf, &text) == VCH_OK) copy = vch_arena_str(l->arena, text);
    vch_buf_deinit(&buf);
    return copy;
}

static void find(const struct linting *l, const struct vch_tpath *at, const char *rule, const char *sentence) {
    vch_lint_add(l->lint, rule, pointer_of(l, at), sentence);
}

/* ---- the parameters that a value is made of ---- */

struct refs {
    struct linting *l;
    bool device; /* a parameter that the device gives */
    bool certificate; /* a value of its certificate, which it cannot choose */
};

static bool is_predefined(struct vch_str name) {
    return vch_str_starts(name, VCH_STR(VCH_TEMPLATE_CERTIFICATE));
}

static void note_ref(struct refs *refs, struct vch_str name, const struct vch_tpath *at) {
    const struct vch_val *parameters = refs->l->t.parameters;
    bool declared = false;
    for (size_t i = 0; vch_val_is(parameters, VCH_VAL_MAP) && i < parameters->count; i++)
        if (vch_str_eq(parameters->members[i].name, name)) declared = refs->l->used[i] = true;
    *(is_predefined(name) ? &refs->certificate : &refs->device) = true;
    if (is_predefined(name) && !declared)
        find(refs->l, at, "T3",
             vch_str_eq_c(name, VCH_TEMPLATE_CERTIFICATE_ID)
                 ? "AWS::IoT::Certificate::Id is used without being declared under Parameters; it has its value all the same."
                 : "A predefined parameter is used without being declared under Parameters; a certificate that lacks it "
                   "cannot be provisioned.");
}

static void note_sub(struct refs *refs, struct vch_str text, const struct vch_val *map, const struct vch_tpath *at) {
    struct vch_str piece;
    enum vch_tsub kind;
    while ((kind = vch_tsub_next(&text, &piece)) == VCH_TSUB_LITERAL || kind == VCH_TSUB_VARIABLE)
        if (kind == VCH_TSUB_VARIABLE && piece.ptr[0] != '!' && !vch_tsub_opaque(piece) && !vch_val_get_str(map, piece))
            note_ref(refs, piece, at);
}

/* The template was checked: functions have the arguments that they need. */
static void note_refs(struct refs *refs, const struct vch_val *val, const struct vch_tpath *at) {
    struct vch_str name;
    const struct vch_val *arg = NULL;
    enum vch_tfn fn = vch_tfn_of(val, &name, &arg);
    if (fn == VCH_TFN_REF && arg->type == VCH_VAL_STR) note_ref(refs, arg->str, at);
    if (fn == VCH_TFN_SUB && arg->type == VCH_VAL_STR) note_sub(refs, arg->str, NULL, at);
    if (fn == VCH_TFN_SUB && arg->type == VCH_VAL_LIST && arg->count == 2 && arg->items[0].type == VCH_VAL_STR)
        note_sub(refs, arg->items[0].str, &arg->items[1], at);
    for (size_t i = 0; val->type == VCH_VAL_LIST && i < val->count; i++) {
        struct vch_tpath item = vch_tpath_item(at, i);
        note_refs(refs, &val->items[i], &item);
    }
    for (size_t i = 0; val->type == VCH_VAL_MAP && i < val->count; i++) {
        struct vch_tpath inside = vch_tpath_key(at, val->members[i].name);
        note_refs(refs, &val->members[i].value, &inside);
    }
}

/* ---- resources ---- */

static void check_exists(const struct linting *l, enum vch_lint_name kind, const struct vch_val *val,
                         const struct vch_tpath *at) {
    for (size_t i = 0; val->type == VCH_VAL_LIST && i < val->count; i++) {
        struct vch_tpath item = vch_tpath_item(at, i);
        check_exists(l, kind, &val->items[i], &item);
    }
    if (val->type == VCH_VAL_STR && l->options->exists && !l->options->exists(l->options->arg, kind, val->str))
        find(l, at, "T4", "Nothing of this name exists; provisioning fails until it does.");
}

static const struct named {
    const char *property;
    enum vch_lint_name kind;
    bool grants; /* whoever chooses it chooses what the device may do */
} names[] = {
    {"PolicyName", VCH_LINT_POLICY, true},
    {"ThingGroups", VCH_LINT_THING_GROUP, true},
    {"ThingTypeName", VCH_LINT_THING_TYPE, false},
    {"BillingGroup", VCH_LINT_BILLING_GROUP, false},
};

static void check_name(const struct linting *l, struct vch_str property, const struct vch_val *val, const struct refs *refs,
                       const struct vch_tpath *at) {
    if (vch_str_eq_c(property, "ThingName") && refs->device && !refs->certificate && !l->options->hook)
        find(l, at, "T2",
             "The device chooses the name of its thing, also that of another device: bind claims to a name, use a hook, or "
             "put AWS::IoT::Certificate::Id into it.");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!vch_str_eq_c(property, names[i].property)) continue;
        check_exists(l, names[i].kind, val, at);
        if (names[i].grants && refs->device && !l->options->hook)
            find(l, at, "T1", "The device chooses this, and with it what it may do; no pre-provisioning hook looks on.");
    }
}

static void check_document(const struct linting *l, const struct vch_val *val, const struct vch_tpath *at) {
    struct vch_val *decoded = NULL;
    struct vch_str pointer = pointer_of(l, at);
    if (val->type == VCH_VAL_STR) {
        if (vch_json_decode(val->str, NULL, l->arena, &decoded, NULL) != VCH_OK) return;
        val = decoded;
    }
    if (pointer.ptr) vch_lint_document(VCH_POLICY_IOT, val, pointer.ptr, l->arena, l->lint);
}

static void check_property(struct linting *l, const struct vch_member *member, const struct vch_tpath *at) {
    struct refs refs = {.l = l};
    note_refs(&refs, &member->value, at);
    check_name(l, member->name, &member->value, &refs, at);
    if (vch_str_eq_c(member->name, "PolicyDocument")) check_document(l, &member->value, at);
    if (vch_str_eq_c(member->name, "Status") && member->value.type == VCH_VAL_STR &&
        vch_str_ieq(member->value.str, VCH_STR("INACTIVE")))
        find(l, at, "T7", "The certificate stays INACTIVE: the device cannot connect with it until somebody activates it.");
}

static void check_resource(struct linting *l, const struct vch_member *resource, const struct vch_tpath *at) {
    const struct vch_val *properties = vch_val_get(&resource->value, "Properties");
    struct vch_tpath inside = vch_tpath_key(at, VCH_STR("Properties"));
    struct vch_str type = vch_val_str_at(&resource->value, "Type");
    l->has_thing |= vch_str_eq_c(type, "AWS::IoT::Thing");
    l->has_policy |= vch_str_eq_c(type, "AWS::IoT::Policy");
    for (size_t i = 0; vch_val_is(properties, VCH_VAL_MAP) && i < properties->count; i++) {
        struct vch_tpath place = vch_tpath_key(&inside, properties->members[i].name);
        check_property(l, &properties->members[i], &place);
    }
}

static void check_parameters(const struct linting *l) {
    struct vch_tpath top = vch_tpath_key(NULL, VCH_STR("Parameters"));
    for (size_t i = 0; vch_val_is(l->t.parameters, VCH_VAL_MAP) && i < l->t.parameters->count; i++) {
        struct vch_tpath at = vch_tpath_key(&top, l->t.parameters->members[i].name);
        if (!l->used[i]) find(l, &at, "T5", "Nothing in the template uses this parameter.");
    }
}

static void check_template(struct linting *l) {
    struct vch_tpath resources = vch_tpath_key(NULL, VCH_STR("Resources"));
    struct vch_tpath configuration = vch_tpath_key(NULL, VCH_STR("DeviceConfiguration"));
    struct refs refs = {.l = l};
    for (size_t i = 0; vch_val_is(l->t.resources, VCH_VAL_MAP) && i < l->t.resources->count; i++) {
        struct vch_tpath at = vch_tpath_key(&resources, l->t.resources->members[i].name);
        check_resource(l, &l->t.resources->members[i], &at);
    }
    if (l->t.device_configuration) note_refs(&refs, l->t.device_configuration, &configuration);
    check_parameters(l);
    if (!l->has_thing) find(l, &resources, "T6", "No thing is made: variables of the thing have no value in policies.");
    if (!l->has_policy) find(l, &resources, "T8", "The certificate gets no policy: the device may do nothing.");
}

enum vch_err vch_lint_template(struct vch_str body, const struct vch_lint_template_options *options,
                               struct vch_arena *arena, struct vch_lint *ret, struct vch_diag *diag) {
    static const struct vch_lint_template_options alone = {.hook = false};
    struct linting l = {.options = options ? options : &alone, .lint = ret, .arena = arena};
    ret->count = 0;
    ret->more = false;
    VCH_TRY(vch_template_load(VCH_TEMPLATE_FLEET, body, arena, diag, &l.t));
    size_t parameters = vch_val_is(l.t.parameters, VCH_VAL_MAP) ? l.t.parameters->count : 0;
    l.used = vch_arena_array(arena, parameters + 1, sizeof *l.used);
    if (!l.used) return VCH_ERR_NOMEM;
    check_template(&l);
    return VCH_OK;
}
