/* What a server says to a device that pairs, and what the state folder says of it. The first byte chooses. What is
 * taken may be shown, sent and saved; what was saved reads back the same. */
#include <stdlib.h>
#include <string.h>

#include "agent/pair_state.h"
#include "agent/pair_url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_plain(struct vch_str s) {
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] <= 0x20 || (unsigned char)s.ptr[i] >= 0x7F || strchr("\"'`\\<>|$!*(){}", s.ptr[i]))
            abort();
}

static void try_start(struct vch_str json, struct vch_arena *arena) {
    struct vch_pair_start start;
    if (vch_pair_start_read(json, arena, &start, NULL) != VCH_OK) return;
    check_plain(start.user_code);
    check_plain(start.device_code);
    check_plain(start.uri);
    check_plain(start.uri_complete);
    if (start.interval_s < 1 || start.expires_in_s < 1 || start.expires_in_s > VCH_PAIR_LIFE_MAX_S) abort();
}

/* Written and read again it is the same. */
static void check_claim(const struct vch_pair_claim *claim, struct vch_arena *arena) {
    struct vch_buf buf;
    struct vch_str text;
    struct vch_val *map = NULL;
    struct vch_pair_claim again;
    vch_buf_init(&buf, 1 << 20);
    vch_pair_claim_write(claim, &buf);
    if (vch_buf_finish(&buf, &text) != VCH_OK || vch_json_decode(text, NULL, arena, &map, NULL) != VCH_OK ||
        vch_pair_claim_read(map, arena, &again, NULL) != VCH_OK)
        abort();
    if (!vch_str_eq(again.certificate_pem, claim->certificate_pem) ||
        !vch_str_eq(again.parameters, claim->parameters) || !vch_str_eq(again.endpoint, claim->endpoint) ||
        again.mqtt_port != claim->mqtt_port)
        abort();
    vch_buf_deinit(&buf);
}

static void try_poll(struct vch_str json, struct vch_arena *arena) {
    struct vch_pair_poll poll;
    char why[64];
    vch_pair_refusal_read(json, why, sizeof why);
    if (memchr(why, '\0', sizeof why) == NULL) abort();
    if (vch_pair_poll_read(json, arena, &poll, NULL) != VCH_OK) return;
    if (poll.interval_s < 1 || poll.interval_s > VCH_PAIR_INTERVAL_MAX_S) abort();
    if (poll.state != VCH_PAIR_CLAIM) return;
    check_plain(poll.claim.template_name);
    check_plain(poll.claim.endpoint);
    check_claim(&poll.claim, arena);
}

static void try_kept(struct vch_str json, struct vch_arena *arena) {
    struct vch_pairing pairing;
    struct vch_val *document = NULL;
    if (vch_json_decode(json, NULL, arena, &document, NULL) != VCH_OK) return;
    if (!vch_pairing_read(document, arena, &pairing)) return;
    if (pairing.codes.device_code.len) check_plain(pairing.codes.uri_complete);
    if (pairing.has_claim) check_claim(&pairing.claim, arena);
}

static void try_url(struct vch_str text) {
    struct vch_pair_url url;
    struct vch_diag diag = {0};
    if (vch_pair_url_parse(text, &url, &diag) != VCH_OK) {
        if (!diag.message[0]) abort();
        return;
    }
    check_plain(vch_str_from(url.host));
    if (url.port == 0 || url.host[0] == '\0') abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct vch_arena *arena = size ? vch_arena_new(4 << 20, true) : NULL;
    if (!arena) return 0;
    struct vch_str rest = vch_str_of(data + 1, size - 1);
    switch (data[0] % 4) {
    case 0: try_start(rest, arena); break;
    case 1: try_poll(rest, arena); break;
    case 2: try_kept(rest, arena); break;
    default: try_url(rest); break;
    }
    vch_arena_free(arena);
    return 0;
}
