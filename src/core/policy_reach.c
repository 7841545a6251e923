#include "core/policy_reach.h"

#include <string.h>

#include "core/policy_priv.h"

enum { ACTION_MAX = 128, PROBE_MAX = 512 };

/* No pattern that people write for some names alone has this one in it. */
static const char probe_name[] = "~\x01~";

const char *vch_reach_word(enum vch_reach reach) {
    static const char *const words[VCH_REACH_COUNT] = {"none", "some", "all"};
    return words[reach];
}

struct reaching {
    const struct vch_reach_ask *ask;
    char action[ACTION_MAX];
    struct vch_str lower; /* the action as patterns have it */
    char probe[PROBE_MAX];
    struct vch_str probed;
    bool allowed;                       /* the probe, without condition */
    bool touched;                       /* an Allow may concern some resource of the kind */
    bool denied, narrowed;              /* the probe without condition; some resources, or on a condition */
};

/* ---- patterns against the beginning of a text ---- */

/* The rest of a pattern, once the known text is used up: can a name be it? */
static bool rest_is_name(const struct vch_policy *policy, const struct vch_pol_piece *pieces, size_t count, size_t from,
                         const struct vch_reach_ask *ask) {
    if (ask->whole) {
        for (size_t i = 0; i < count; i++)
            if (pieces[i].kind != VCH_PIECE_STAR) return false;
        return true;
    }
    for (size_t i = 0; i < count && !ask->deep; i++) {
        struct vch_str text = vch_pol_text(policy, pieces[i].at, pieces[i].len);
        if (pieces[i].kind == VCH_PIECE_LITERAL && vch_str_find(text, '/', i == 0 ? from : 0) != SIZE_MAX) return false;
    }
    return true;
}

/* Where in the text a pattern may be after some of its pieces. */
struct places {
    bool at[PROBE_MAX + 1];
};

/* Moves on by one piece that is no star. True: a literal goes beyond the text, and the rest can be a name. */
static bool step(const struct vch_policy *policy, const struct vch_pol_piece *pieces, size_t count, struct vch_str text,
                 const struct vch_reach_ask *ask, struct places *places) {
    struct places next = {.at = {false}};
    struct vch_str want = vch_pol_text(policy, pieces->at, pieces->len);
    bool literal = pieces->kind == VCH_PIECE_LITERAL;
    for (size_t at = 0; at < text.len; at++) {
        size_t left = text.len - at, len = literal ? want.len : 1, taken = len < left ? len : left;
        if (!places->at[at] || (literal && memcmp(want.ptr, text.ptr + at, taken) != 0)) continue;
        if (taken < len && rest_is_name(policy, pieces, count, taken, ask)) return true;
        if (taken == len) next.at[at + taken] = true;
    }
    *places = next;
    return false;
}

static void spread(struct places *places, size_t len) {
    for (size_t at = 0; at < len; at++) places->at[at + 1] = places->at[at + 1] || places->at[at];
}

/* Can the pattern be of the text and a name behind it? */
static bool could_be(const struct vch_policy *policy, const struct vch_pol_piece *pieces, size_t count, struct vch_str text,
                     const struct vch_reach_ask *ask) {
    struct places places = {.at = {true}};
    if (text.len > PROBE_MAX) return true;
    for (; count > 0; pieces++, count--) {
        if (places.at[text.len] && rest_is_name(policy, pieces, count, 0, ask)) return true;
        if (pieces->kind == VCH_PIECE_VARIABLE) return true;
        if (pieces->kind == VCH_PIECE_STAR) spread(&places, text.len);
        else if (step(policy, pieces, count, text, ask, &places)) return true;
    }
    return places.at[text.len];
}

/* One of its patterns may be of some resource of the kind. */
static bool names_some(const struct reaching *r, const struct vch_policy *policy, const struct vch_pol_statement *s) {
    for (uint16_t i = 0; i < s->resources.count; i++) {
        struct vch_pol_range range = policy->patterns[s->resources.first + i];
        if (could_be(policy, policy->pieces + range.first, range.count, r->ask->prefix, r->ask)) return true;
    }
    return false;
}

/* ---- statements ---- */

static bool any_matches(struct vch_pol_run *run, struct vch_pol_range patterns, struct vch_str text) {
    for (uint16_t i = 0; i < patterns.count; i++)
        if (vch_pol_match(run, (uint16_t)(patterns.first + i), text, false)) return true;
    return false;
}

/* Whether it applies to all of the kind is told by the probe, unless it spares some of them or a condition decides. */
static void look(struct reaching *r, struct vch_pol_run *run, const struct vch_pol_statement *s) {
    if (any_matches(run, s->actions, r->lower) == s->not_action) return;
    bool probed = any_matches(run, s->resources, r->probed) != s->not_resource, some = names_some(r, run->policy, s);
    bool whole = probed && s->tests.count == 0 && !(s->not_resource && some);
    bool concerns = probed || (some && !s->not_resource);
    if (s->deny) {
        r->denied = r->denied || whole;
        r->narrowed = r->narrowed || (concerns && !whole);
    } else {
        r->touched = r->touched || concerns;
        r->allowed = r->allowed || whole;
    }
}

static void prepare(struct reaching *r) {
    size_t len = r->ask->action.len < ACTION_MAX ? r->ask->action.len : ACTION_MAX;
    for (size_t i = 0; i < len; i++) {
        char c = r->ask->action.ptr[i];
        r->action[i] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
    }
    r->lower = vch_str_of(r->action, len);
    r->probed = r->ask->prefix;
    if (r->ask->whole || r->ask->prefix.len + sizeof probe_name > PROBE_MAX) return;
    memcpy(r->probe, r->ask->prefix.ptr, r->ask->prefix.len);
    memcpy(r->probe + r->ask->prefix.len, probe_name, sizeof probe_name - 1);
    r->probed = vch_str_of(r->probe, r->ask->prefix.len + sizeof probe_name - 1);
}

enum vch_reach vch_policy_reach(const struct vch_policy *const *policies, size_t count, const struct vch_reach_ask *ask) {
    struct reaching r = {.ask = ask};
    prepare(&r);
    const struct vch_policy_request request = {.action = ask->action, .resource = r.probed};
    for (size_t i = 0; i < count; i++) {
        struct vch_pol_run run = {.policy = policies[i], .request = &request};
        for (uint16_t s = 0; s < policies[i]->statement_count; s++) look(&r, &run, &policies[i]->statements[s]);
    }
    if (r.denied || !r.touched) return VCH_REACH_NONE;
    if (r.narrowed || !r.allowed) return VCH_REACH_SOME;
    return VCH_REACH_ALL;
}
