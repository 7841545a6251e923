#include "ctl/ledger_file.h"

#include <stdio.h>
#include <string.h>

#include "base/codec.h"
#include "base/signature.h"
#include "core/ledger.h"
#include "core/reason.h"

enum { LINE_ARENA = 4 << 20, SIGNATURE_MAX = 256, KEY_MAX = 256, HASH = VCH_LEDGER_HASH_LEN };

void vch_ledger_file_head(struct vch_str account, struct vch_buf *buf) {
    vch_buf_c(buf, "{\"vouch\":\"ledger\",\"format\":1,\"account\":");
    vch_json_encode_str(account, buf);
    vch_buf_c(buf, "}\n");
}

enum vch_err vch_ledger_file_line(const char *kind, const struct vch_val *item, struct vch_arena *arena, struct vch_buf *buf) {
    struct vch_val *map = vch_val_new_map(arena);
    struct vch_val *slot = map ? vch_val_put(arena, map, kind) : NULL;
    if (!slot) return VCH_ERR_NOMEM;
    *slot = *item;
    vch_json_encode(map, buf);
    vch_buf_c(buf, "\n");
    return VCH_OK;
}

/* ---- verifying ---- */

struct verifier {
    struct vch_str public_key, account;
    struct vch_arena *arena; /* of one line */
    struct vch_buf buf;
    uint8_t hash[HASH]; /* of the last row */
    int64_t seq;
    bool begun;
    /* Hashes of all rows, for the checkpoints behind them: row `first + i` at i * HASH. */
    struct vch_buf hashes;
    struct vch_ledger_verdict *ret;
    struct vch_diag *diag;
};

static enum vch_err broken(struct verifier *v, int64_t seq, const char *how) {
    char field[24];
    (void)snprintf(field, sizeof field, "%lld", (long long)seq);
    return VCH_REFUSE(v->diag, VCH_ERR_CONFLICT, LEDGER_BROKEN, field, "Ledger row %lld %s.", (long long)seq, how);
}

static enum vch_err malformed(struct verifier *v) {
    return VCH_REFUSE(v->diag, VCH_ERR_MALFORMED, LEDGER_BROKEN, "", "The file is no exported ledger.");
}

/* As the server writes them: another spelling is another file. */
static bool read_hex(struct vch_str hex, uint8_t *bytes, size_t len) {
    for (size_t i = 0; i < hex.len; i++)
        if (hex.ptr[i] >= 'A' && hex.ptr[i] <= 'F') return false;
    return vch_unhex(hex, bytes, len) == VCH_OK;
}

static int64_t time_of(const struct vch_val *map) {
    const struct vch_val *time = vch_val_get(map, "time");
    if (vch_val_is(time, VCH_VAL_INT)) return time->integer > INT64_MAX / 1000 ? 0 : time->integer * 1000;
    bool sane = vch_val_is(time, VCH_VAL_REAL) && time->real > 0 && time->real < 1e12;
    return sane ? (int64_t)(time->real * 1000 + 0.5) : 0;
}

static void read_row(const struct vch_val *map, const uint8_t prev[HASH], struct vch_rec_ledger *row) {
    *row = (struct vch_rec_ledger){.seq = vch_val_int_at(map, "sequence", 0),
                                   .time_ms = time_of(map),
                                   .event = vch_val_str_at(map, "event"),
                                   .actor = vch_val_str_at(map, "actor"),
                                   .source_ip = vch_val_str_at(map, "sourceIp"),
                                   .client_id = vch_val_str_at(map, "clientId"),
                                   .claim_id = vch_val_str_at(map, "claimId"),
                                   .template_name = vch_val_str_at(map, "templateName"),
                                   .certificate_id = vch_val_str_at(map, "certificateId"),
                                   .thing_name = vch_val_str_at(map, "thingName"),
                                   .outcome = vch_val_str_at(map, "outcome"),
                                   .detail = vch_val_str_at(map, "detail"),
                                   .template_version = vch_val_int_at(map, "templateVersion", 0),
                                   .prev_hash = vch_str_of(prev, HASH)};
}

/* The first row says itself what it follows on; a checkpoint vouches for it. */
static enum vch_err begin(struct verifier *v, const struct vch_val *map, const uint8_t prev[HASH]) {
    v->begun = true;
    v->seq = vch_val_int_at(map, "sequence", 0) - 1;
    v->ret->first = v->seq + 1;
    memcpy(v->hash, prev, HASH);
    if (v->seq >= 0) return VCH_OK;
    return VCH_REFUSE(v->diag, VCH_ERR_CONFLICT, LEDGER_BROKEN, "first", "The first ledger row of the file has no number.");
}

static enum vch_err verify_entry(struct verifier *v, const struct vch_val *map) {
    static const uint8_t zero[HASH];
    struct vch_rec_ledger row;
    uint8_t prev[HASH], told[HASH], made[HASH];
    bool read = read_hex(vch_val_str_at(map, "previousHash"), prev, HASH) && read_hex(vch_val_str_at(map, "hash"), told, HASH);
    if (!v->begun) VCH_TRY(begin(v, map, read ? prev : zero));
    int64_t want = v->seq + 1;
    if (!read) return broken(v, want, "has no hash");
    read_row(map, prev, &row);
    if (row.seq != want) return broken(v, want, "is missing");
    if (memcmp(prev, v->hash, HASH) != 0 || (want == 1 && memcmp(prev, zero, HASH) != 0))
        return broken(v, want, "does not follow from the row before it");
    VCH_TRY(vch_ledger_hash(&row, &v->buf, made));
    if (memcmp(made, told, HASH) != 0) return broken(v, want, "does not match its hash");
    v->seq = v->ret->last = want;
    memcpy(v->hash, made, HASH);
    vch_buf_bytes(&v->hashes, made, HASH);
    v->ret->entries++;
    return VCH_OK;
}

static bool signature_holds(struct verifier *v, const struct vch_ledger_checkpoint *c, struct vch_str signature_hex) {
    uint8_t signature[SIGNATURE_MAX];
    struct vch_str text;
    if (signature_hex.len > 2 * sizeof signature || !read_hex(signature_hex, signature, signature_hex.len / 2)) return false;
    vch_buf_clear(&v->buf);
    vch_ledger_checkpoint_text(c, &v->buf);
    return vch_buf_finish(&v->buf, &text) == VCH_OK &&
           vch_signature_holds(v->public_key, text, vch_str_of(signature, signature_hex.len / 2));
}

/* What a checkpoint says of its key is no proof, but must not be untrue. */
static bool key_is_ours(const struct verifier *v, struct vch_str key_hex) {
    uint8_t key[KEY_MAX];
    size_t len = key_hex.len / 2;
    return len <= sizeof key && read_hex(key_hex, key, len) && vch_public_key_same(v->public_key, vch_str_of(key, len));
}

static enum vch_err verify_checkpoint(struct verifier *v, const struct vch_val *map) {
    struct vch_ledger_checkpoint c = {.account = v->account, .seq = vch_val_int_at(map, "sequence", 0), .time_ms = time_of(map)};
    struct vch_str hashes;
    if (!read_hex(vch_val_str_at(map, "hash"), c.hash, HASH)) return broken(v, c.seq, "has a checkpoint without a hash");
    if (!signature_holds(v, &c, vch_val_str_at(map, "signature"))) return broken(v, c.seq, "has a checkpoint whose signature does not hold");
    if (!key_is_ours(v, vch_val_str_at(map, "publicKey"))) return broken(v, c.seq, "has a checkpoint of another key");
    VCH_TRY(vch_buf_finish(&v->hashes, &hashes));
    if (c.seq < v->ret->first - 1) return VCH_OK; /* of rows that are in an earlier file */
    if (c.seq > v->ret->last) return broken(v, v->ret->last + 1, "is missing: a checkpoint vouches for it");
    if (c.seq >= v->ret->first && memcmp(hashes.ptr + (c.seq - v->ret->first) * HASH, c.hash, HASH) != 0)
        return broken(v, c.seq, "is not the one of its checkpoint");
    v->ret->checkpoints++;
    if (c.seq > v->ret->vouched) v->ret->vouched = c.seq;
    return VCH_OK;
}

static enum vch_err verify_line(struct verifier *v, struct vch_str line) {
    struct vch_val *map;
    vch_arena_reset(v->arena);
    if (vch_json_decode(line, NULL, v->arena, &map, NULL) != VCH_OK) {
        if (v->account.len == 0) return malformed(v);
        return broken(v, v->seq + 1, "cannot be read");
    }
    const struct vch_val *entry = vch_val_get(map, "entry"), *checkpoint = vch_val_get(map, "checkpoint");
    if (entry) return verify_entry(v, entry);
    if (checkpoint) return verify_checkpoint(v, checkpoint);
    return broken(v, v->seq + 1, "cannot be read");
}

static enum vch_err verify_head(struct verifier *v, struct vch_str line, struct vch_arena *arena) {
    struct vch_val *map;
    if (vch_json_decode(line, NULL, arena, &map, NULL) != VCH_OK) return malformed(v);
    bool ours = vch_str_eq_c(vch_val_str_at(map, "vouch"), "ledger") && vch_val_int_at(map, "format", 0) == 1;
    v->account = vch_val_str_at(map, "account");
    return ours && v->account.len ? VCH_OK : malformed(v);
}

static enum vch_err verify_lines(struct verifier *v, struct vch_str text, struct vch_arena *head) {
    struct vch_str line;
    if (!vch_str_split(&text, '\n', &line)) return malformed(v);
    VCH_TRY(verify_head(v, line, head));
    while (vch_str_split(&text, '\n', &line))
        if (line.len) VCH_TRY(verify_line(v, line));
    return VCH_OK;
}

enum vch_err vch_ledger_file_verify(struct vch_str text, struct vch_str public_key, struct vch_ledger_verdict *ret, struct vch_diag *diag) {
    struct verifier v = {.public_key = public_key, .ret = ret, .diag = diag, .arena = vch_arena_new(LINE_ARENA, false)};
    struct vch_arena *head = vch_arena_new(65536, false);
    enum vch_err err = VCH_ERR_NOMEM;
    *ret = (struct vch_ledger_verdict){.entries = 0};
    vch_buf_init(&v.buf, VCH_LEDGER_ROW_MAX);
    vch_buf_init(&v.hashes, text.len + HASH);
    if (v.arena && head) err = verify_lines(&v, text, head);
    vch_buf_deinit(&v.hashes);
    vch_buf_deinit(&v.buf);
    vch_arena_free(head);
    vch_arena_free(v.arena);
    return err;
}
