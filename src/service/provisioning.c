/* AWS CreateProvisioningClaim: the trusted user vouches. And what every claim
 * has in common. */
#include "base/digest.h"
#include "base/fault.h"
#include "core/claim.h"
#include "core/reason.h"
#include "service/claim_make.h"
#include "service/claim_requests.h"
#include "service/claim_watch.h"
#include "service/pairing.h"

enum { BINDINGS_MAX = 300000 };

struct making {
    struct vch_call *call;
    const struct vch_claim_wish *wish;
    struct vch_str bindings; /* JSON */
    struct vch_val *binding;
    struct vch_str principal;
    struct vch_claim_ask ask;
    bool near_full; /* the template may be near the most claims that it may have */
};

static enum vch_err check_template(struct vch_call *call, struct vch_str name) {
    struct vch_rec_template template;
    VCH_TRY(vch_store_template(call->service->store, name, 0, &template, call->arena, call->diag));
    if (!vch_str_eq_c(template.type, "FLEET_PROVISIONING"))
        return VCH_REFUSE(call->diag, VCH_ERR_INVALID, TEMPLATE_INVALID, "templateName",
                          "Template %.*s is not of type FLEET_PROVISIONING.", VCH_STR_ARG(name));
    if (!template.enabled)
        return VCH_REFUSE(call->diag, VCH_ERR_INVALID, TEMPLATE_DISABLED, "templateName",
                          "Template %.*s is not enabled.", VCH_STR_ARG(name));
    return VCH_OK;
}

/* Whose limits count: a user's own, or those of the role that somebody took. */
static enum vch_err prepare_ask(struct making *m) {
    const struct vch_caller *caller = &m->call->caller;
    bool role = caller->kind == VCH_CALLER_ROLE;
    m->ask = (struct vch_claim_ask){.kind = role ? VCH_IAM_ROLE : VCH_IAM_USER,
                                    .owner = role ? caller->role_name : caller->user_name,
                                    .template_name = m->wish->template_name,
                                    .uses = m->wish->uses,
                                    .now_ms = m->call->now_ms};
    m->principal = vch_arena_printf(m->call->arena, "%s/%.*s", vch_iam_kind_word(m->ask.kind), VCH_STR_ARG(m->ask.owner));
    return m->principal.ptr ? VCH_OK : VCH_ERR_NOMEM;
}

static enum vch_err prepare_bindings(struct making *m) {
    struct vch_buf buf;
    struct vch_str text;
    m->binding = vch_binding_put(&m->wish->binding, m->call->arena);
    if (!m->binding) return VCH_ERR_NOMEM;
    vch_buf_init(&buf, BINDINGS_MAX);
    vch_json_encode(m->binding, &buf);
    enum vch_err err = vch_buf_finish(&buf, &text);
    if (err == VCH_OK) m->bindings = vch_arena_str(m->call->arena, text);
    vch_buf_deinit(&buf);
    if (err != VCH_OK) return VCH_REFUSE(m->call->diag, VCH_ERR_INVALID, PARAMETER_INVALID, "parameters", "The bindings are too large.");
    return m->bindings.ptr ? VCH_OK : VCH_ERR_NOMEM;
}

/* An approval is for this person and this very claim. */
static enum vch_err prepare_digest(struct making *m) {
    struct vch_str person = vch_caller_person(&m->call->caller, m->call->arena);
    struct vch_str text = vch_arena_printf(m->call->arena, "%.*s\n%.*s\n%.*s\n%lld\n%lld\n", VCH_STR_ARG(m->principal), VCH_STR_ARG(person),
                                           VCH_STR_ARG(m->wish->template_name), (long long)m->wish->uses, (long long)m->wish->life_s);
    char hex[2][VCH_SHA256_HEX];
    if (!text.ptr || !person.ptr) return VCH_ERR_NOMEM;
    vch_sha256_hex(m->bindings, hex[0]);
    text = vch_arena_printf(m->call->arena, "%.*s%s", VCH_STR_ARG(text), hex[0]);
    if (!text.ptr) return VCH_ERR_NOMEM;
    vch_sha256_hex(text, hex[1]);
    m->ask.digest = vch_arena_str(m->call->arena, vch_str_from(hex[1]));
    return m->ask.digest.ptr ? VCH_OK : VCH_ERR_NOMEM;
}

/* Counting is for the transaction only where it may matter: all that can be under
 * way at once (a worker each, of some servers) is far less than half of it. */
static enum vch_err look_for_room(struct making *m) {
    struct vch_call *call = m->call;
    int64_t live = 0;
    VCH_TRY(vch_store_claims_live(call->service->store, m->wish->template_name, call->now_ms, &live, call->diag));
    m->near_full = live >= VCH_CLAIMS_PER_TEMPLATE_MAX / 2;
    return VCH_OK;
}

static enum vch_err prepare(struct making *m) {
    VCH_TRY(check_template(m->call, m->wish->template_name));
    VCH_TRY(look_for_room(m));
    VCH_TRY(prepare_ask(m));
    VCH_TRY(prepare_bindings(m));
    return prepare_digest(m);
}

/* Names and places; values of parameters as the ledger keeps them. */
static enum vch_err fill_row(struct making *m, struct vch_rec_ledger *row) {
    struct vch_call *call = m->call;
    struct vch_val *map = vch_val_new_map(call->arena);
    if (!map) return VCH_ERR_NOMEM;
    VCH_TRY(vch_val_put_int(call->arena, map, "uses", m->wish->uses));
    VCH_TRY(vch_val_put_int(call->arena, map, "seconds", m->wish->life_s));
    if (m->wish->binding.source.len) VCH_TRY(vch_val_put_str(call->arena, map, "source", m->wish->binding.source));
    if (m->wish->binding.key.len) VCH_TRY(vch_val_put_str(call->arena, map, "key", m->wish->binding.key));
    VCH_TRY(vch_pairing_mention(call, map, m->wish->binding.pairing));
    VCH_TRY(vch_ledger_put_parameters(call, map, m->wish->binding.parameters));
    row->thing_name = m->wish->binding.thing_name;
    row->template_name = m->wish->template_name;
    return vch_ledger_detail(call, map, row);
}

static enum vch_err save(struct making *m, const struct vch_issue *issue, const struct vch_issued *issued) {
    struct vch_call *call = m->call;
    struct vch_rec_claim claim = {
        .id = vch_str_from(issued->id),
        .template_name = m->wish->template_name,
        .created_by = vch_call_actor(call),
        .state = VCH_STR("LIVE"),
        .bindings = m->bindings,
        .not_before_ms = issue->not_before_ms,
        .not_after_ms = issue->not_after_ms,
        .created_ms = call->now_ms,
        .uses_max = m->wish->uses,
        .principal = m->principal,
    };
    struct vch_plan *plan = vch_plan_new(call->arena);
    struct vch_rec_ledger row = vch_call_ledger(call, "claim-created");
    if (!plan) return VCH_ERR_NOMEM;
    row.claim_id = claim.id;
    VCH_TRY(fill_row(m, &row));
    const struct vch_claim_made made = {.id = claim.id, .pem = issued->pem, .expires_ms = issue->not_after_ms};
    if (m->wish->also) VCH_TRY(m->wish->also(m->wish->also_arg, plan, &made));
    vch_plan_need_template(plan, m->wish->template_name, true);
    if (m->near_full) vch_plan_claims_room(plan, m->wish->template_name, call->now_ms, VCH_CLAIMS_PER_TEMPLATE_MAX);
    vch_plan_need_claim_allowed(plan, &m->ask);
    vch_plan_claim_insert(plan, &claim);
    vch_plan_ledger(plan, &row);
    enum vch_err err = vch_store_apply(call->service->store, plan, call->diag);
    return err == VCH_ERR_DENIED ? vch_claim_request_made(call, &m->ask, m->principal, m->bindings) : err;
}

static enum vch_err put_keys(struct vch_call *call, const struct vch_keypair *pair) {
    struct vch_arena *arena = call->arena;
    struct vch_str public_pem = vch_arena_str(arena, vch_str_of(pair->public_pem.ptr, pair->public_pem.len));
    struct vch_str private_pem = vch_arena_str(arena, vch_str_of(pair->private_pem.ptr, pair->private_pem.len));
    struct vch_val *keys = vch_val_put_map(arena, call->out, "keyPair");
    if (!public_pem.ptr || !private_pem.ptr || !keys) return VCH_ERR_NOMEM;
    VCH_TRY(vch_val_put_str(arena, keys, "PublicKey", public_pem));
    return vch_val_put_str(arena, keys, "PrivateKey", private_pem);
}

static enum vch_err answer(struct vch_call *call, const struct vch_keypair *pair, const struct vch_issued *issued, int64_t expires_ms) {
    struct vch_arena *arena = call->arena;
    struct vch_str id = vch_arena_str(arena, vch_str_from(issued->id));
    if (!id.ptr) return VCH_ERR_NOMEM;
    VCH_TRY(vch_val_put_str(arena, call->out, "certificateId", id));
    VCH_TRY(vch_val_put_str(arena, call->out, "certificatePem", issued->pem));
    if (pair) VCH_TRY(put_keys(call, pair));
    return vch_val_put_time(arena, call->out, "expiration", expires_ms);
}

static enum vch_err issue_and_save(struct making *m, struct vch_str spki, const struct vch_keypair *pair) {
    struct vch_call *call = m->call;
    int64_t now_ms = call->now_ms / 1000 * 1000; /* certificates know whole seconds */
    struct vch_issue issue = {
        .profile = VCH_PROFILE_CLAIM,
        .spki = spki,
        .not_before_ms = now_ms - VCH_CLAIM_BACKDATE_S * INT64_C(1000),
        .not_after_ms = now_ms + m->wish->life_s * INT64_C(1000),
    };
    struct vch_issued issued;
    VCH_TRY(vch_signer_issue(call->service->signer, &issue, call->arena, &issued, call->diag));
    VCH_FAULT_POINT("claim.issued");
    VCH_TRY(save(m, &issue, &issued));
    VCH_FAULT_POINT("claim.saved");
    return answer(call, pair, &issued, issue.not_after_ms);
}

enum vch_err vch_claim_make(struct vch_call *call, const struct vch_claim_wish *wish) {
    struct making m = {.call = call, .wish = wish};
    VCH_TRY(prepare(&m));
    if (wish->spki.len) return issue_and_save(&m, wish->spki, NULL);
    struct vch_keypair pair = {0};
    VCH_TRY(vch_key_pool_take(call->service->keys, &pair, call->diag));
    enum vch_err err = issue_and_save(&m, vch_str_of(pair.spki.ptr, pair.spki.len), &pair);
    vch_keypair_deinit(&pair);
    return err;
}

enum vch_err vch_uc_create_provisioning_claim(struct vch_call *call) {
    const struct vch_claim_wish wish = {.template_name = vch_val_str_at(call->in, "templateName"), .uses = 1, .life_s = VCH_CLAIM_LIFE_S};
    return vch_claim_make(call, &wish);
}
