/* Why a device may or may not do something. Our own operation. The verdict is
 * asked of the engine that the broker asks; the story is told by it. */
#include "core/claim.h"
#include "core/names.h"
#include "core/reason.h"
#include "core/topic.h"
#include "service/change.h"
#include "service/explain_priv.h"

struct question {
    struct vch_str id;       /* of the certificate */
    struct vch_str resource; /* whole */
    struct vch_authz_ask ask;
    struct vch_rec_authz record;
    struct vch_told told;
};

/* ---- the question ---- */

/* "client/x" is short for the site's own ARN of it; a connection is of its client id. */
static struct vch_str whole_resource(struct vch_call *call, struct vch_str action) {
    struct vch_str resource = vch_val_str_at(call->in, "resource");
    const struct vch_site *site = &call->service->site;
    if (!resource.len && vch_str_ieq(action, VCH_STR("iot:Connect")))
        return vch_arn(site, "client", vch_val_str_at(call->in, "clientId"), call->arena);
    if (!resource.len) return VCH_STR("*");
    if (vch_str_eq_c(resource, "*") || vch_str_starts(resource, VCH_STR("arn:"))) return resource;
    return vch_arena_printf(call->arena, "arn:%.*s:iot:%.*s:%.*s:%.*s", VCH_STR_ARG(site->partition),
                            VCH_STR_ARG(site->region), VCH_STR_ARG(site->account), VCH_STR_ARG(resource));
}

static enum vch_err read_question(struct vch_call *call, struct question *q) {
    struct vch_str action = vch_arena_str(call->arena, vch_val_str_at(call->in, "action"));
    VCH_TRY(vch_target_certificate(call, "principal", &q->id));
    q->resource = whole_resource(call, action);
    if (!action.ptr || !q->resource.ptr) return VCH_ERR_NOMEM;
    q->ask = (struct vch_authz_ask){
        .site = &call->service->site,
        .action = action.ptr,
        .resource = q->resource,
        .client_id = vch_val_str_at(call->in, "clientId"),
        .certificate_id = q->id,
        .source_ip = vch_val_str_at(call->in, "sourceIp"),
        .connecting = vch_str_ieq(action, VCH_STR("iot:Connect")),
        .persistent = vch_val_bool_at(call->in, "persistent", false),
        .will_topic = vch_val_str_at(call->in, "willTopic"),
    };
    return VCH_OK;
}

static enum vch_err put_question(struct vch_call *call, const struct question *q, const char *kind, enum vch_verdict verdict) {
    VCH_TRY(vch_val_put_str(call->arena, call->out, "verdict", vch_str_from(vch_told_verdict(verdict))));
    VCH_TRY(vch_put_arn(call, call->out, "principal", "cert", q->id));
    VCH_TRY(vch_val_put_str(call->arena, call->out, "kind", vch_str_from(kind)));
    VCH_TRY(vch_val_put_str(call->arena, call->out, "action", vch_str_from(q->ask.action)));
    return vch_val_put_str(call->arena, call->out, "resource", q->resource);
}

/* Whether it could be connected at all. */
static enum vch_err put_connection(struct vch_call *call, enum vch_err err, const struct vch_diag *diag) {
    if (err != VCH_OK && !diag->reason) return err;
    struct vch_str sentence = vch_arena_str(call->arena, vch_str_from(err == VCH_OK ? "ok" : diag->message));
    return sentence.ptr ? vch_val_put_str(call->arena, call->out, "connection", sentence) : VCH_ERR_NOMEM;
}

/* ---- what the gateway refuses whatever policies say ---- */

static enum vch_err check_publish(struct vch_str topic, struct vch_diag *diag) {
    VCH_TRY(vch_topic_check(topic, diag));
    if (!vch_topic_reserved(topic)) return VCH_OK;
    struct vch_prov_topic known = vch_prov_topic_parse(topic);
    if (known.op != VCH_PROV_NONE && known.leaf == VCH_PROV_REQUEST) return VCH_OK;
    return VCH_REFUSE(diag, VCH_ERR_DENIED, TOPIC_RESERVED, "topic", "Clients cannot publish on this reserved topic.");
}

static enum vch_err check_client_id(struct vch_str id, struct vch_diag *diag) {
    if (id.len > VCH_CLIENT_ID_MAX)
        return VCH_REFUSE(diag, VCH_ERR_INVALID, CLIENT_ID_INVALID, "clientId", "A client id has at most %d bytes.", VCH_CLIENT_ID_MAX);
    if (id.len && id.ptr[0] == '$')
        return VCH_REFUSE(diag, VCH_ERR_INVALID, CLIENT_ID_INVALID, "clientId", "Client ids that start with $ are reserved.");
    return VCH_OK;
}

static const struct {
    const char *action, *type;
    enum vch_err (*check)(struct vch_str name, struct vch_diag *diag);
} forms[] = {
    {"iot:Connect", "client", check_client_id},
    {"iot:Publish", "topic", check_publish},
    {"iot:Subscribe", "topicfilter", vch_filter_check},
};

static enum vch_err put_gateway(struct vch_call *call, const struct question *q) {
    struct vch_diag diag = {.message = "ok"};
    struct vch_str name;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        if (vch_str_ieq(vch_str_from(q->ask.action), vch_str_from(forms[i].action)) &&
            vch_arn_name(q->ask.site, forms[i].type, q->resource, &name))
            (void)forms[i].check(name, &diag);
    struct vch_str sentence = vch_arena_str(call->arena, vch_str_from(diag.message));
    return sentence.ptr ? vch_val_put_str(call->arena, call->out, "gateway", sentence) : VCH_ERR_NOMEM;
}

/* ---- statements and variables ---- */

/* Statement `index` of a document; NULL when it has none such. */
static const struct vch_val *statement_of(const struct vch_val *document, size_t index) {
    const struct vch_val *list = vch_val_get(document, "Statement");
    if (vch_val_is(list, VCH_VAL_LIST)) return index < list->count ? &list->items[index] : NULL;
    return index == 0 ? list : NULL;
}

static enum vch_err put_json(struct vch_call *call, struct vch_val *map, const char *name, const struct vch_val *val) {
    struct vch_buf buf;
    struct vch_str text, copy = {NULL, 0};
    vch_buf_init(&buf, 1 << 20);
    vch_json_encode(val, &buf);
    if (vch_buf_finish(&buf, &text) == VCH_OK) copy = vch_arena_str(call->arena, text);
    vch_buf_deinit(&buf);
    return copy.ptr ? vch_val_put_str(call->arena, map, name, copy) : VCH_ERR_NOMEM;
}

/* Name, number and Sid. */
static enum vch_err put_place(struct vch_call *call, struct vch_val *map, const struct vch_rec_policy *policy,
                              const struct vch_val *statement, size_t index) {
    struct vch_str sid = vch_val_str_at(statement, "Sid");
    if (!map) return VCH_ERR_NOMEM;
    VCH_TRY(vch_val_put_str(call->arena, map, "policyName", policy->name));
    VCH_TRY(vch_val_put_int(call->arena, map, "statement", (int64_t)index));
    return sid.len ? vch_val_put_str(call->arena, map, "sid", sid) : VCH_OK;
}

static enum vch_err put_step(struct vch_call *call, struct vch_val *list, const struct vch_rec_policy *policy,
                             const struct vch_val *document, const struct vch_told_step *step) {
    struct vch_val *row = vch_val_push_map(call->arena, list);
    const struct vch_val *statement = statement_of(document, step->statement);
    VCH_TRY(put_place(call, row, policy, statement, step->statement));
    VCH_TRY(vch_val_put_str(call->arena, row, "effect", step->deny ? VCH_STR("Deny") : VCH_STR("Allow")));
    VCH_TRY(vch_val_put_bool(call->arena, row, "action", step->action));
    VCH_TRY(vch_val_put_bool(call->arena, row, "resource", step->resource));
    VCH_TRY(vch_val_put_bool(call->arena, row, "condition", step->condition));
    VCH_TRY(vch_val_put_bool(call->arena, row, "applies", vch_told_applies(step)));
    return put_json(call, row, "text", statement);
}

static enum vch_err put_steps(struct vch_call *call, const struct question *q) {
    struct vch_val *list = vch_val_put_list(call->arena, call->out, "statements"), *document = NULL;
    size_t policy = SIZE_MAX;
    if (!list) return VCH_ERR_NOMEM;
    for (size_t i = 0; i < q->told.step_count; i++) {
        const struct vch_told_step *step = &q->told.steps[i];
        if (step->policy != policy) {
            policy = step->policy;
            VCH_TRY(vch_json_decode(q->record.policies[policy].document, NULL, call->arena, &document, call->diag));
        }
        VCH_TRY(put_step(call, list, &q->record.policies[policy], document, step));
    }
    return VCH_OK;
}

/* The first statement that applies with the verdict's effect. */
static enum vch_err put_deciding(struct vch_call *call, const struct question *q) {
    bool deny = q->told.decision.verdict == VCH_VERDICT_EXPLICIT_DENY;
    struct vch_val *document = NULL;
    for (size_t i = 0; i < q->told.step_count && q->told.decision.policy; i++) {
        const struct vch_told_step *step = &q->told.steps[i];
        const struct vch_rec_policy *policy = &q->record.policies[step->policy];
        if (!vch_told_applies(step) || step->deny != deny) continue;
        VCH_TRY(vch_json_decode(policy->document, NULL, call->arena, &document, call->diag));
        return put_place(call, vch_val_put_map(call->arena, call->out, "deciding"), policy,
                         statement_of(document, step->statement), step->statement);
    }
    return VCH_OK;
}

static enum vch_err put_variables(struct vch_call *call, const struct vch_told *told) {
    struct vch_val *list = vch_val_put_list(call->arena, call->out, "variables");
    if (!list) return VCH_ERR_NOMEM;
    for (size_t i = 0; i < told->value_count; i++) {
        struct vch_val *row = vch_val_push_map(call->arena, list);
        if (!row) return VCH_ERR_NOMEM;
        VCH_TRY(vch_val_put_str(call->arena, row, "name", told->values[i].name));
        VCH_TRY(vch_val_put_bool(call->arena, row, "defined", told->values[i].defined));
        VCH_TRY(vch_val_put_str(call->arena, row, "value", told->values[i].text));
    }
    return VCH_OK;
}

static enum vch_err put_suggestion(struct vch_call *call, const struct vch_suggestion *s) {
    struct vch_val *map = vch_val_put_map(call->arena, call->out, "suggestion");
    if (!map) return VCH_ERR_NOMEM;
    VCH_TRY(vch_val_put_str(call->arena, map, "change", vch_str_from(s->change)));
    VCH_TRY(vch_val_put_str(call->arena, map, "sentence", s->sentence));
    if (s->policy) VCH_TRY(vch_val_put_str(call->arena, map, "policyName", s->policy->name));
    if (s->has_statement) VCH_TRY(vch_val_put_int(call->arena, map, "statement", (int64_t)s->statement));
    return s->document.len ? vch_val_put_str(call->arena, map, "policyDocument", s->document) : VCH_OK;
}

/* ---- devices ---- */

static enum vch_err put_told(struct vch_call *call, struct question *q) {
    struct vch_suggestion suggestion;
    VCH_TRY(vch_told_ask(&q->ask, call->arena, &q->told));
    VCH_TRY(put_question(call, q, "device", q->told.decision.verdict));
    const struct vch_rec_thing *thing = vch_authz_thing(&q->record, q->ask.client_id);
    if (thing) VCH_TRY(vch_val_put_str(call->arena, call->out, "thingName", thing->name));
    VCH_TRY(put_deciding(call, q));
    VCH_TRY(put_steps(call, q));
    VCH_TRY(put_variables(call, &q->told));
    VCH_TRY(vch_suggest(&q->ask, q->resource, &q->record, &q->told, &suggestion));
    return put_suggestion(call, &suggestion);
}

static enum vch_err explain_device(struct vch_call *call, struct question *q) {
    struct vch_authz *authz = NULL;
    VCH_TRY(vch_store_authz_as(call->service->store, q->id, q->ask.client_id, &q->record, call->arena, call->diag));
    VCH_TRY(vch_authz_build(call->service, &q->record, q->id, q->ask.client_id, &authz, call->diag));
    q->ask.authz = authz;
    enum vch_err err = put_told(call, q);
    vch_authz_unref(authz);
    return err;
}

/* ---- claims: a permission of their own, core/claim.h ---- */

static const struct {
    const char *action, *type;
    enum vch_claim_action claim;
} claim_actions[] = {
    {"iot:Connect", "client", VCH_CLAIM_CONNECT},
    {"iot:Publish", "topic", VCH_CLAIM_PUBLISH},
    {"iot:Subscribe", "topicfilter", VCH_CLAIM_SUBSCRIBE},
    {"iot:Receive", "topic", VCH_CLAIM_RECEIVE},
};

static bool claim_may(const struct question *q, struct vch_str template_name) {
    struct vch_str name;
    for (size_t i = 0; i < sizeof claim_actions / sizeof *claim_actions; i++)
        if (vch_str_ieq(vch_str_from(q->ask.action), vch_str_from(claim_actions[i].action)))
            return vch_arn_name(q->ask.site, claim_actions[i].type, q->resource, &name) &&
                   vch_claim_allows(template_name, claim_actions[i].claim, name);
    return false;
}

static enum vch_err explain_claim(struct vch_call *call, struct question *q, const struct vch_identity *identity) {
    bool may = claim_may(q, vch_str_from(identity->template_name));
    struct vch_suggestion suggestion = {.change = "none"};
    suggestion.sentence = vch_arena_printf(call->arena,
                                           "A provisioning claim's permission is built in: it can connect, and provision by "
                                           "template %s, and no policy changes that.",
                                           identity->template_name);
    VCH_TRY(put_question(call, q, "claim", may ? VCH_VERDICT_ALLOW : VCH_VERDICT_IMPLICIT_DENY));
    if (!suggestion.sentence.ptr || !vch_val_put_list(call->arena, call->out, "statements") ||
        !vch_val_put_list(call->arena, call->out, "variables"))
        return VCH_ERR_NOMEM;
    return put_suggestion(call, &suggestion);
}

enum vch_err vch_uc_explain(struct vch_call *call) {
    struct question q = {.id = {NULL, 0}};
    struct vch_identity identity;
    struct vch_diag diag = {0};
    VCH_TRY(read_question(call, &q));
    enum vch_err err = vch_identity_check(call->service, q.id, &identity, &diag);
    if (err != VCH_OK && identity.kind == VCH_IDENTITY_UNKNOWN)
        return VCH_REFUSE(call->diag, err, CERTIFICATE_MISSING, "principal", "The certificate does not exist.");
    VCH_TRY(identity.kind == VCH_IDENTITY_CLAIM ? explain_claim(call, &q, &identity) : explain_device(call, &q));
    VCH_TRY(put_gateway(call, &q));
    return put_connection(call, err, &diag);
}
