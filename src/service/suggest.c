/* The smallest change that would allow a question, tried out before it is told. */
#include <string.h>

#include "service/explain_priv.h"

enum { DOCUMENT_BYTES_MAX = 1 << 20 };

struct suggesting {
    const struct vch_authz_ask *ask;
    struct vch_str resource;
    const struct vch_rec_authz *record;
    const struct vch_told *told;
    struct vch_suggestion *ret;
    struct vch_arena *arena;
};

static enum vch_err say(struct suggesting *s, const char *change, const struct vch_told_step *step, struct vch_str sentence) {
    if (!sentence.ptr) return VCH_ERR_NOMEM;
    s->ret->change = change;
    s->ret->sentence = sentence;
    if (!step) return VCH_OK;
    s->ret->policy = &s->record->policies[step->policy];
    s->ret->has_statement = true;
    s->ret->statement = step->statement;
    return VCH_OK;
}

/* ---- documents, changed ---- */

/* A copy to change; NULL when memory is out. */
static struct vch_val *decoded(struct suggesting *s, struct vch_str document) {
    struct vch_val *val = NULL;
    return vch_json_decode(document, NULL, s->arena, &val, NULL) == VCH_OK ? val : NULL;
}

static struct vch_val *member(struct vch_val *map, const char *name) {
    for (size_t i = 0; map && map->type == VCH_VAL_MAP && i < map->count; i++)
        if (vch_str_eq_c(map->members[i].name, name)) return &map->members[i].value;
    return NULL;
}

static struct vch_val *statement_in(struct vch_val *document, size_t index) {
    struct vch_val *list = member(document, "Statement");
    if (!list || list->type != VCH_VAL_LIST) return list;
    return index < list->count ? &list->items[index] : NULL;
}

static enum vch_err push(struct suggesting *s, struct vch_val *list, struct vch_val item) {
    struct vch_val *slot = vch_val_push(s->arena, list);
    if (!slot) return VCH_ERR_NOMEM;
    *slot = item;
    return VCH_OK;
}

/* One more word for "Action" or "Resource": a string becomes a list. */
static enum vch_err add_word(struct suggesting *s, struct vch_val *val, struct vch_str word) {
    struct vch_val *list = vch_val_new_list(s->arena);
    if (!list) return VCH_ERR_NOMEM;
    if (val->type == VCH_VAL_STR) VCH_TRY(push(s, list, *val));
    for (size_t i = 0; val->type == VCH_VAL_LIST && i < val->count; i++) VCH_TRY(push(s, list, val->items[i]));
    VCH_TRY(vch_val_push_str(s->arena, list, word));
    *val = *list;
    return VCH_OK;
}

/* The resource as a pattern that stands for itself alone. */
static struct vch_str literal(struct suggesting *s) {
    struct vch_buf buf;
    struct vch_str text, copy = {NULL, 0}, r = s->resource;
    if (vch_str_eq_c(r, "*")) return r;
    vch_buf_init(&buf, DOCUMENT_BYTES_MAX);
    for (size_t i = 0; i < r.len; i++) {
        bool special = r.ptr[i] == '*' || r.ptr[i] == '?' || (r.ptr[i] == '$' && i + 1 < r.len && r.ptr[i + 1] == '{');
        vch_buf_printf(&buf, special ? "${%c}" : "%c", r.ptr[i]);
    }
    if (vch_buf_finish(&buf, &text) == VCH_OK) copy = vch_arena_str(s->arena, text);
    vch_buf_deinit(&buf);
    return copy;
}

static enum vch_err put_statement(struct suggesting *s, struct vch_val *map) {
    struct vch_str resource = literal(s);
    if (!resource.ptr || !map) return VCH_ERR_NOMEM;
    VCH_TRY(vch_val_put_str(s->arena, map, "Effect", VCH_STR("Allow")));
    VCH_TRY(vch_val_put_str(s->arena, map, "Action", vch_str_from(s->ask->action)));
    return vch_val_put_str(s->arena, map, "Resource", resource);
}

/* One more statement; a lone one becomes a list. */
static enum vch_err add_statement(struct suggesting *s, struct vch_val *document) {
    struct vch_val *list = member(document, "Statement"), *grown = vch_val_new_list(s->arena);
    if (!grown || !list) return VCH_ERR_NOMEM;
    if (list->type != VCH_VAL_LIST) VCH_TRY(push(s, grown, *list));
    for (size_t i = 0; list->type == VCH_VAL_LIST && i < list->count; i++) VCH_TRY(push(s, grown, list->items[i]));
    VCH_TRY(put_statement(s, vch_val_push_map(s->arena, grown)));
    *list = *grown;
    return VCH_OK;
}

/* ---- trying it ---- */

/* Is the question allowed with `changed` in place of policy `index` (at the
 * end, when there is none such)? */
static bool allows(struct suggesting *s, size_t index, struct vch_policy *changed) {
    const struct vch_authz *now = s->ask->authz;
    struct vch_authz *then = vch_arena_alloc(s->arena, sizeof *then + (now->count + 1) * sizeof then->policies[0]);
    if (!then) return false;
    memcpy(then, now, sizeof *then + now->count * sizeof then->policies[0]);
    then->policies[index] = changed;
    if (index == then->count) then->count++;
    struct vch_authz_ask ask = *s->ask;
    ask.authz = then;
    return vch_authz_eval(&ask) == VCH_VERDICT_ALLOW;
}

/* Writes the document out and tries it; *ret says whether it helps. */
static enum vch_err try_document(struct suggesting *s, size_t index, const struct vch_val *document, bool *ret) {
    struct vch_policy *policy = NULL;
    struct vch_buf buf;
    struct vch_str text = {NULL, 0};
    vch_buf_init(&buf, DOCUMENT_BYTES_MAX);
    vch_json_encode(document, &buf);
    enum vch_err err = vch_buf_finish(&buf, &text);
    if (err == VCH_OK) text = vch_arena_str(s->arena, text);
    vch_buf_deinit(&buf);
    *ret = false;
    if (err != VCH_OK || !text.ptr) return VCH_ERR_NOMEM;
    if (vch_policy_parse(VCH_POLICY_IOT, VCH_STR("suggestion"), text, &policy, NULL) != VCH_OK) return VCH_OK;
    *ret = allows(s, index, policy);
    vch_policy_unref(policy);
    if (*ret) s->ret->document = text;
    return VCH_OK;
}

/* ---- kinds of change, from the nearest miss on ---- */

typedef enum vch_err suggest_fn(struct suggesting *s, const struct vch_told_step *step);

/* Each Allow that misses in just this way, until one gives a suggestion. */
static enum vch_err each_allow(struct suggesting *s, bool action, bool resource, bool condition, suggest_fn *suggest) {
    for (size_t i = 0; i < s->told->step_count && !s->ret->change; i++) {
        const struct vch_told_step *step = &s->told->steps[i];
        if (!step->deny && step->action == action && step->resource == resource && step->condition == condition)
            VCH_TRY(suggest(s, step));
    }
    return VCH_OK;
}

static struct vch_str policy_name(const struct suggesting *s, const struct vch_told_step *step) {
    return s->record->policies[step->policy].name;
}

static enum vch_err suggest_condition(struct suggesting *s, const struct vch_told_step *step) {
    return say(s, "meet-condition", step,
               vch_arena_printf(s->arena, "Statement %zu of policy %.*s would allow it, were its Condition met.",
                                step->statement, VCH_STR_ARG(policy_name(s, step))));
}

/* With '*' for each variable that has no value; ret_name: the first of these. */
static struct vch_str without_variables(struct suggesting *s, struct vch_str pattern, struct vch_str *ret_name) {
    struct vch_buf buf;
    struct vch_str text, copy = {NULL, 0};
    vch_buf_init(&buf, DOCUMENT_BYTES_MAX);
    for (size_t i = 0; i < pattern.len; i++) {
        size_t close = vch_str_find(pattern, '}', i);
        bool variable = pattern.ptr[i] == '$' && i + 1 < pattern.len && pattern.ptr[i + 1] == '{' && close != SIZE_MAX;
        if (!variable) {
            vch_buf_u8(&buf, (uint8_t)pattern.ptr[i]);
            continue;
        }
        struct vch_str name = vch_str_sub(pattern, i + 2, close - i - 2);
        for (size_t k = 0; k < s->told->value_count; k++)
            if (!s->told->values[k].defined && vch_str_ieq(s->told->values[k].name, name) && !ret_name->len) *ret_name = name;
        vch_buf_u8(&buf, '*');
        i = close;
    }
    if (vch_buf_finish(&buf, &text) == VCH_OK) copy = vch_arena_str(s->arena, text);
    vch_buf_deinit(&buf);
    return copy;
}

static const char *how_to_define(struct vch_str name) {
    if (vch_str_ieq(vch_str_sub(name, 0, 22), VCH_STR("iot:Connection.Thing.A"))) return "give the thing that attribute";
    if (vch_str_ieq(name, VCH_STR("iot:Connection.Thing.ThingTypeName"))) return "give the thing a type";
    if (vch_str_ieq(vch_str_sub(name, 0, 21), VCH_STR("iot:Connection.Thing.")))
        return "attach the certificate to a thing whose name is the client id";
    if (vch_str_ieq(vch_str_sub(name, 0, 16), VCH_STR("iot:Certificate."))) return "the certificate lacks it";
    return "the connection lacks it, or its value holds a wildcard";
}

static const struct vch_val *item_at(const struct vch_val *val, size_t i) {
    return val->type == VCH_VAL_LIST ? &val->items[i] : val;
}

static size_t item_count(const struct vch_val *val) {
    if (!val) return 0;
    return val->type == VCH_VAL_LIST ? val->count : 1;
}

/* A resource of the statement that would cover the question if a variable of
 * it had a value. */
static enum vch_err suggest_variable(struct suggesting *s, const struct vch_told_step *step) {
    const struct vch_val *resources =
        vch_val_get(statement_in(decoded(s, s->record->policies[step->policy].document), step->statement), "Resource");
    for (size_t i = 0; i < item_count(resources); i++) {
        struct vch_str name = {NULL, 0};
        struct vch_str pattern = without_variables(s, item_at(resources, i)->str, &name);
        if (!pattern.ptr) return VCH_ERR_NOMEM;
        if (!name.len || !vch_glob_match(pattern, s->resource)) continue;
        return say(s, "define-variable", step,
                   vch_arena_printf(s->arena, "Statement %zu of policy %.*s could allow it, but ${%.*s} has no value: %s.",
                                    step->statement, VCH_STR_ARG(policy_name(s, step)), VCH_STR_ARG(name),
                                    how_to_define(name)));
    }
    return VCH_OK;
}

/* "topic/" where a subscription needs "topicfilter/", and the reverse. */
static struct vch_str retyped(struct suggesting *s, struct vch_str pattern) {
    static const struct vch_str filter = {":topicfilter/", 13}, topic = {":topic/", 7};
    for (size_t i = 0; i < pattern.len; i++) {
        struct vch_str rest = vch_str_sub(pattern, i, SIZE_MAX);
        bool is_filter = vch_str_starts(rest, filter);
        if (!is_filter && !vch_str_starts(rest, topic)) continue;
        struct vch_str tail = vch_str_sub(rest, is_filter ? filter.len : topic.len, SIZE_MAX);
        return vch_arena_printf(s->arena, "%.*s%s%.*s", (int)i, pattern.ptr, is_filter ? topic.ptr : filter.ptr, VCH_STR_ARG(tail));
    }
    return (struct vch_str){NULL, 0};
}

static enum vch_err suggest_retyped(struct suggesting *s, const struct vch_told_step *step) {
    struct vch_val *document = decoded(s, s->record->policies[step->policy].document);
    struct vch_val *resources = member(statement_in(document, step->statement), "Resource");
    bool helps = false;
    for (size_t i = 0; i < item_count(resources) && !helps; i++) {
        struct vch_val *slot = resources->type == VCH_VAL_LIST ? &resources->items[i] : resources;
        struct vch_str old = slot->str, changed = retyped(s, old);
        if (!changed.ptr) continue;
        slot->str = changed;
        VCH_TRY(try_document(s, step->policy, document, &helps));
        if (!helps) {
            slot->str = old;
            continue;
        }
        return say(s, "change-resource", step,
                   vch_arena_printf(s->arena, "In statement %zu of policy %.*s, %.*s has the wrong type for %s: write %.*s.",
                                    step->statement, VCH_STR_ARG(policy_name(s, step)), VCH_STR_ARG(old), s->ask->action,
                                    VCH_STR_ARG(changed)));
    }
    return VCH_OK;
}

static enum vch_err suggest_word(struct suggesting *s, const struct vch_told_step *step, const char *element,
                                 const char *change, struct vch_str word) {
    struct vch_val *document = decoded(s, s->record->policies[step->policy].document);
    struct vch_val *val = member(statement_in(document, step->statement), element);
    bool helps = false;
    if (!val) return VCH_OK; /* NotAction, NotResource */
    if (!word.ptr) return VCH_ERR_NOMEM;
    VCH_TRY(add_word(s, val, word));
    VCH_TRY(try_document(s, step->policy, document, &helps));
    if (!helps) return VCH_OK;
    return say(s, change, step,
               vch_arena_printf(s->arena, "Add \"%.*s\" to %s of statement %zu of policy %.*s.", VCH_STR_ARG(word), element,
                                step->statement, VCH_STR_ARG(policy_name(s, step))));
}

static enum vch_err suggest_statement(struct suggesting *s) {
    bool helps = false;
    for (size_t i = 0; i < s->record->policy_count && !helps; i++) {
        struct vch_val *document = decoded(s, s->record->policies[i].document);
        if (!document) return VCH_ERR_NOMEM;
        VCH_TRY(add_statement(s, document));
        VCH_TRY(try_document(s, i, document, &helps));
        if (!helps) continue;
        s->ret->policy = &s->record->policies[i];
        return say(s, "add-statement", NULL,
                   vch_arena_printf(s->arena, "Nothing allows it: add a statement to policy %.*s.",
                                    VCH_STR_ARG(s->record->policies[i].name)));
    }
    return VCH_OK;
}

static enum vch_err suggest_policy(struct suggesting *s) {
    struct vch_val *document = vch_val_new_map(s->arena);
    bool helps = false;
    if (!document || vch_val_put_str(s->arena, document, "Version", VCH_STR("2012-10-17")) != VCH_OK) return VCH_ERR_NOMEM;
    VCH_TRY(put_statement(s, vch_val_put_map(s->arena, document, "Statement")));
    VCH_TRY(try_document(s, s->record->policy_count, document, &helps));
    return say(s, helps ? "attach-policy" : "none", NULL,
               helps ? VCH_STR("Nothing allows it: attach a policy that does.")
                     : VCH_STR("No policy could allow it: the action or the resource is not well-formed."));
}

static enum vch_err suggest_resource(struct suggesting *s, const struct vch_told_step *step) {
    return suggest_word(s, step, "Resource", "add-resource", literal(s));
}

static enum vch_err suggest_action(struct suggesting *s, const struct vch_told_step *step) {
    return suggest_word(s, step, "Action", "add-action", vch_str_from(s->ask->action));
}

static enum vch_err suggest_allow(struct suggesting *s) {
    VCH_TRY(each_allow(s, true, true, false, suggest_condition));
    VCH_TRY(each_allow(s, true, false, true, suggest_variable));
    VCH_TRY(each_allow(s, true, false, true, suggest_retyped));
    VCH_TRY(each_allow(s, true, false, true, suggest_resource));
    VCH_TRY(each_allow(s, false, true, true, suggest_action));
    if (!s->ret->change) VCH_TRY(suggest_statement(s));
    return s->ret->change ? VCH_OK : suggest_policy(s);
}

static enum vch_err suggest_deny(struct suggesting *s) {
    for (size_t i = 0; i < s->told->step_count; i++) {
        const struct vch_told_step *step = &s->told->steps[i];
        if (step->deny && vch_told_applies(step))
            return say(s, "narrow-deny", step,
                       vch_arena_printf(s->arena, "Statement %zu of policy %.*s denies it, and no Allow outweighs a Deny.",
                                        step->statement, VCH_STR_ARG(policy_name(s, step))));
    }
    return say(s, "none", NULL, VCH_STR("A statement denies it."));
}

enum vch_err vch_suggest(const struct vch_authz_ask *ask, struct vch_str resource, const struct vch_rec_authz *record,
                         const struct vch_told *told, struct vch_suggestion *ret) {
    struct suggesting s = {ask, resource, record, told, ret, told->arena};
    *ret = (struct vch_suggestion){.change = NULL};
    switch (told->decision.verdict) {
    case VCH_VERDICT_ALLOW: return say(&s, "none", NULL, VCH_STR("It is allowed."));
    case VCH_VERDICT_EXPLICIT_DENY: return suggest_deny(&s);
    case VCH_VERDICT_IMPLICIT_DENY: break;
    }
    return suggest_allow(&s);
}
