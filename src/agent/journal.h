/* One registration under way, in STATE/keys/journal.json (0600): one file, so
 * one rename, with everything the server gave; written before the key and the
 * certificate get files of their own and before RegisterThing is sent, removed
 * when the runtime file is written. A crash in between resumes at RegisterThing
 * with the same token and the same bytes, while the token lives. */
#ifndef VCH_AGENT_JOURNAL_H
#define VCH_AGENT_JOURNAL_H

#include "agent/state.h"

enum { VCH_JOURNAL_LIFE_MS = 3600 * 1000 - 60 * 1000 }; /* the token's hour, less a minute */

struct vch_journal {
    struct vch_str certificate_id, token, cert, key; /* cert, key: paths */
    struct vch_str cert_pem, key_pem;         /* key_pem is empty when the key is the user's own */
    struct vch_str endpoint, template_name, parameters, claim_id;
    int64_t created_ms;
    bool own_key; /* the key file is the user's (--device-key): never removed */
};

/* False when there is none, or it is not whole. Strings live in the state's arena. */
bool vch_journal_read(const struct vch_val *document, struct vch_journal *ret);
bool vch_journal_load(const struct vch_state *state, struct vch_journal *ret);
enum vch_exit vch_journal_save(const struct vch_state *state, const struct vch_journal *journal,
                               struct vch_outcome *outcome) VCH_MUST;
/* The files that `cert` and `key` name, from the journal's own copies: what a
 * crash left out is made up for. */
enum vch_exit vch_journal_put_files(const struct vch_journal *journal, struct vch_outcome *outcome) VCH_MUST;
void vch_journal_remove(const struct vch_state *state);
/* Of the same claim, server, template and parameters, and its token still lives. */
bool vch_journal_resumes(const struct vch_journal *journal, const struct vch_journal *wanted, int64_t now_ms);
/* Removes the files of an identity that will never be one, then the journal. */
void vch_journal_abandon(const struct vch_state *state, const struct vch_journal *journal);

#endif
