/* A person looks at devices that wait. */
#include "core/pair_code.h"
#include "core/reason.h"
#include "service/claim_watch.h"
#include "service/page.h"
#include "service/pairing_priv.h"

enum vch_err vch_uc_get_pairing(struct vch_call *call) {
    struct vch_rec_pairing p;
    VCH_TRY(vch_store_pairing(call->service->store, vch_val_str_at(call->in, "pairingId"), &p, call->arena, call->diag));
    return vch_pairing_put(call, &p, call->out);
}

enum vch_err vch_uc_list_pairings(struct vch_call *call) {
    struct vch_paging paging = {.list = "ListPairings", .page = {.descending = true}};
    struct vch_list_pairing list;
    struct vch_str last = {NULL, 0};
    VCH_TRY(vch_paging_open(call, &paging));
    VCH_TRY(vch_store_pairings(call->service->store, paging.page, &list, call->arena, call->diag));
    struct vch_val *pairings = vch_val_put_list(call->arena, call->out, "pairings");
    for (size_t i = 0; i < list.count; i++) {
        struct vch_val *item = vch_val_push_map(call->arena, pairings);
        if (!item) return VCH_ERR_NOMEM;
        VCH_TRY(vch_pairing_put(call, &list.items[i], item));
        last = vch_arena_printf(call->arena, "%lld/%.*s", (long long)list.items[i].created_ms, VCH_STR_ARG(list.items[i].id));
        if (!last.ptr) return VCH_ERR_NOMEM;
    }
    return vch_paging_close(call, &paging, list.more, last);
}

/* ---- by the code that a device shows ---- */

static struct vch_str person_of(const struct vch_call *call) {
    return vch_caller_person(&call->caller, call->arena);
}

static enum vch_err guessed_out(struct vch_call *call) {
    return VCH_REFUSE(call->diag, VCH_ERR_THROTTLED, PAIRING_GUESSES, "userCode", "Too many wrong codes were tried; try again in an hour.");
}

/* Counted before it is looked for, so that guesses that come all at once are no more than others. */
static enum vch_err count_guess(struct vch_call *call, struct vch_str person) {
    struct vch_pairings *memory = call->service->pairings;
    bool user = vch_pairing_count(memory, VCH_PAIRING_COUNT_USER, person, call->now_ms) > VCH_PAIRING_GUESSES_OF_USER;
    bool address = vch_pairing_count(memory, VCH_PAIRING_COUNT_ADDRESS, call->caller.source_ip, call->now_ms) > VCH_PAIRING_GUESSES_OF_ADDRESS;
    return user || address ? guessed_out(call) : VCH_OK;
}

static void forgive(struct vch_call *call, struct vch_str person) {
    vch_pairing_uncount(call->service->pairings, VCH_PAIRING_COUNT_USER, person, call->now_ms);
    vch_pairing_uncount(call->service->pairings, VCH_PAIRING_COUNT_ADDRESS, call->caller.source_ip, call->now_ms);
}

/* Whoever mistypes guesses nothing: the check is no secret. */
static enum vch_err read_code(struct vch_call *call, char ret[VCH_PAIR_CODE_LEN + 1]) {
    switch (vch_pair_code_parse(vch_val_str_at(call->in, "userCode"), ret)) {
    case VCH_PAIR_CODE_GOOD: return VCH_OK;
    case VCH_PAIR_CODE_MISTYPED:
        return VCH_REFUSE(call->diag, VCH_ERR_INVALID, PAIRING_CODE, "userCode", "The code is mistyped: its last symbol does not fit the others.");
    case VCH_PAIR_CODE_FORM: break;
    }
    return VCH_REFUSE(call->diag, VCH_ERR_INVALID, PAIRING_CODE, "userCode", "A code has eight symbols of " VCH_PAIR_CODE_ALPHABET ".");
}

static enum vch_err find(struct vch_call *call, struct vch_rec_pairing *ret) {
    char code[VCH_PAIR_CODE_LEN + 1];
    struct vch_str person = person_of(call);
    if (!person.ptr) return VCH_ERR_NOMEM;
    enum vch_err err = count_guess(call, person);
    if (err == VCH_OK) err = read_code(call, code);
    if (err == VCH_OK) err = vch_store_pairing_of_code(call->service->store, vch_str_from(code), ret, call->arena, call->diag);
    if (err != VCH_ERR_NOT_FOUND) forgive(call, person);
    return err;
}

/* The first look is a step that the device shows. */
static enum vch_err note_look(struct vch_call *call, struct vch_rec_pairing *p) {
    struct vch_plan *plan = vch_plan_new(call->arena);
    struct vch_rec_ledger row;
    struct vch_val *map;
    if (vch_pairing_state_of(p, call->now_ms) != VCH_PAIRING_IS_WAITING) return VCH_OK;
    if (!plan) return VCH_ERR_NOMEM;
    VCH_TRY(vch_pairing_row(call, "pairing-looked-at", p, &row, &map));
    VCH_TRY(vch_val_put_str(call->arena, map, "serialNumber", p->serial));
    VCH_TRY(vch_ledger_detail(call, map, &row));
    vch_plan_pairing_look(plan, p->id, row.actor, call->now_ms);
    vch_plan_ledger(plan, &row);
    enum vch_err err = vch_store_apply(call->service->store, plan, call->diag);
    if (err != VCH_OK && err != VCH_ERR_EXISTS) return err;
    return vch_store_pairing(call->service->store, p->id, p, call->arena, call->diag);
}

enum vch_err vch_uc_look_up_pairing(struct vch_call *call) {
    struct vch_rec_pairing p;
    VCH_TRY(vch_pairing_served(call));
    enum vch_err err = find(call, &p);
    if (err == VCH_ERR_THROTTLED || err == VCH_ERR_NOT_FOUND) vch_pairing_refused(call, "LookUpPairing", err);
    VCH_TRY(err);
    VCH_TRY(note_look(call, &p));
    return vch_pairing_put(call, &p, call->out);
}
