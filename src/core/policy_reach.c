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

static bool could_be(const struct vch_policy *policy, const struct vch_pol_piece *pieces, size_t count, struct vch_str text,
                     const struct vch_reach_ask *ask);

/* A star takes any part of the text. */
static bool star_could_be(const struct vch_policy *policy, const struct vch_pol_piece *pieces, size_t count, struct vch_str text,
                          const struct vch_reach_ask *ask) {
    for (size_t at = 0; at <= text.len; at++)
        if (could_be(policy, pieces, count, vch_str_sub(text, at, SIZE_MAX), ask)) return true;
    return false;
}

/* Depth is the count of stars in one pattern that follow each other; a few. */
static bool could_be(const struct vch_policy *policy, const struct vch_pol_piece *pieces, size_t count, struct vch_str text,
                     const struct vch_reach_ask *ask) {
    while (count > 0 && text.len > 0) {
        struct vch_str want = vch_pol_text(policy, pieces->at, pieces->len);
        if (pieces->kind == VCH_PIECE_VARIABLE) return true;
        if (pieces->kind == VCH_PIECE_STAR) return star_could_be(policy, pieces + 1, count - 1, text, ask);
        size_t taken = pieces->kind == VCH_PIECE_QMARK ? 1 : want.len < text.len ? want.len : text.len;
        if (pieces->kind == VCH_PIECE_LITERAL && memcmp(want.ptr, text.ptr, taken) != 0) return false;
        text = vch_str_sub(text, taken, SIZE_MAX);
        if (pieces->kind == VCH_PIECE_LITERAL && taken < want.len) return rest_is_name(policy, pieces, count, taken, ask);
        pieces++;
        count--;
    }
    return text.len == 0 && rest_is_name(policy, pieces, count, 0, ask);
}

static bool could_concern(const struct reaching *r, const struct vch_policy *policy, const struct vch_pol_statement *s) {
    if (s->not_resource) return true;
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

static void look(struct reaching *r, struct vch_pol_run *run, const struct vch_pol_statement *s) {
    if (any_matches(run, s->actions, r->lower) == s->not_action) return;
    bool probed = any_matches(run, s->resources, r->probed) != s->not_resource, conditional = s->tests.count > 0;
    bool concerns = probed || could_concern(r, run->policy, s);
    if (s->deny) {
        r->denied = r->denied || (probed && !conditional);
        r->narrowed = r->narrowed || (concerns && (!probed || conditional));
        return;
    }
    r->touched = r->touched || concerns;
    r->allowed = r->allowed || (probed && !conditional);
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
