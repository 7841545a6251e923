#include "agent/pair.h"

#include <string.h>

#include "agent/enroll.h"
#include "agent/keystore.h"
#include "agent/life.h"
#include "agent/pair_device.h"
#include "agent/pair_show.h"
#include "agent/pair_step.h"
#include "agent/pair_talk.h"
#include "agent/stop.h"
#include "base/clock.h"
#include "base/fault.h"

enum {
    START_MS = 30000,
    POLL_S = 20,           /* the server holds the question for so long */
    POLL_SPARE_MS = 15000, /* and has this long for the way */
    GRACE_MS = 60000,      /* the server says when it is over; this is for one that says nothing */
    RETRY_FIRST_MS = 1000,
    RETRY_MAX_MS = 15000,
    SLOWER_S = 5, /* RFC 8628 3.5 */
    ANSWER_ARENA = 1 << 20,
    REQUEST_MAX = 65536
};

static const char start_anew[] = "Start again for a new code.";

struct pairing {
    const struct vch_pair *pair;
    struct vch_pairing now; /* as it is in the state folder */
    struct vch_pair_talk talk;
    char key_fingerprint[65];
    int64_t end_ms; /* monotonic */
    int64_t interval_s;
    bool resumed, looked_at;
    bool has_news; /* the last answer was one */
    bool known;    /* the server has answered about this code */
    enum vch_pair_qr qr;
    struct vch_outcome *outcome;
};

static const char *text(const struct pairing *p, enum vch_opt opt) {
    return vch_options_text(p->pair->options, opt);
}

static bool has(const struct pairing *p, enum vch_opt opt) {
    return vch_options_has(p->pair->options, opt);
}

static struct vch_str keep(const struct pairing *p, struct vch_str s) {
    struct vch_str copy = vch_arena_str(p->pair->state->arena, s);
    return copy.ptr ? copy : VCH_STR("");
}

static struct vch_str view(const struct vch_buf *buf) {
    return vch_str_of(buf->ptr, buf->len);
}

/* ---- settings ---------------------------------------------------------------------- */

static enum vch_exit check_settings(const struct pairing *p) {
    static const enum vch_opt others[] = {VCH_OPT_CLAIM, VCH_OPT_CERT, VCH_OPT_KEY, VCH_OPT_CSR_FILE};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (has(p, others[i]))
            return vch_outcome_set(p->outcome, VCH_EXIT_CONFIG, "Leave --pair out, or the claim.",
                                   "--pair asks for a claim, and there is one, or a certificate, already.");
    if (has(p, VCH_OPT_CSR) && strcmp(text(p, VCH_OPT_CSR), "auto") != 0)
        return vch_outcome_set(p->outcome, VCH_EXIT_CONFIG, "Leave --csr out.", "--csr knows \"auto\" only.");
    if (has(p, VCH_OPT_DEVICE_KEY) && !vch_key_is_uri(vch_str_from(text(p, VCH_OPT_DEVICE_KEY))))
        return vch_outcome_set(p->outcome, VCH_EXIT_CONFIG, "Leave it out, or name a token's key by its URI.",
                               "With --pair, --device-key takes a token's URI and no file.");
    return VCH_EXIT_OK;
}

static enum vch_exit read_name(const struct pairing *p, enum vch_opt opt, const char *flag, struct vch_str found,
                               struct vch_str *ret) {
    *ret = has(p, opt) ? p->pair->options->settings[opt].text : found;
    if (ret->len == 0 || vch_pair_text_is_fit(*ret)) return VCH_EXIT_OK;
    return vch_outcome_set(p->outcome, VCH_EXIT_CONFIG, "Give readable text of at most 128 bytes.",
                           "The value of %s cannot be shown to a person.", flag);
}

/* What the device proposes; the person who vouches decides. */
static enum vch_exit read_suggested(const struct pairing *p, struct vch_str *ret) {
    struct vch_val *map = NULL;
    struct vch_str json = p->pair->options->settings[VCH_OPT_PARAMETERS].text;
    *ret = VCH_STR("");
    if (json.len == 0) return VCH_EXIT_OK;
    bool fits = json.len <= 16384 && vch_json_decode(json, NULL, p->pair->state->arena, &map, NULL) == VCH_OK &&
                map->type == VCH_VAL_MAP;
    for (size_t i = 0; fits && i < map->count; i++) fits = map->members[i].value.type == VCH_VAL_STR;
    *ret = json;
    if (fits) return VCH_EXIT_OK;
    return vch_outcome_set(p->outcome, VCH_EXIT_CONFIG, "Give an object of strings, such as '{\"Line\": \"7\"}'.",
                           "The template parameters are not a JSON object of strings.");
}

static enum vch_exit read_settings(struct pairing *p, struct vch_pairing *wanted) {
    struct vch_arena *arena = p->pair->state->arena;
    VCH_STEP(check_settings(p));
    *wanted = (struct vch_pairing){
        .server = vch_arena_printf(arena, "%s %s", text(p, VCH_OPT_PAIR), text(p, VCH_OPT_ROOT_CA)),
        .key_source = vch_arena_printf(arena, "%s %s", text(p, VCH_OPT_KEY_TYPE), text(p, VCH_OPT_DEVICE_KEY)),
    };
    VCH_STEP(read_name(p, VCH_OPT_SERIAL_NUMBER, "--serial-number", vch_pair_serial("", arena), &wanted->serial));
    VCH_STEP(read_name(p, VCH_OPT_MODEL, "--model", vch_pair_model("", arena), &wanted->model));
    if (!vch_pair_qr_parse(vch_str_from(text(p, VCH_OPT_QR)), &p->qr))
        return vch_outcome_set(p->outcome, VCH_EXIT_CONFIG, "Give auto, always or never.",
                               "The value of --qr, \"%.40s\", is not known.", text(p, VCH_OPT_QR));
    return read_suggested(p, &wanted->suggested);
}

/* ---- key and code ------------------------------------------------------------------ */

static enum vch_exit save(const struct pairing *p) {
    return vch_pairing_save(p->pair->state, &p->now, p->outcome);
}

static enum vch_exit make_key(struct pairing *p) {
    const struct vch_pair *pair = p->pair;
    VCH_STEP(vch_life_request(pair->options, pair->own_key, pair->request, p->outcome));
    p->now.key = keep(p, view(pair->own_key));
    p->now.request = keep(p, view(pair->request));
    if (p->now.key.len == 0 || p->now.request.len == 0)
        return vch_outcome_set(p->outcome, VCH_EXIT_LOCAL, NULL, "Memory is out.");
    VCH_STEP(save(p));
    VCH_FAULT_POINT("agent.pair-key");
    return VCH_EXIT_OK;
}

static void take_key(struct pairing *p) {
    vch_buf_clear(p->pair->own_key);
    vch_buf_clear(p->pair->request);
    vch_buf_str(p->pair->own_key, p->now.key);
    vch_buf_str(p->pair->request, p->now.request);
}

static void forget_codes(struct pairing *p) {
    p->resumed = false;
    p->now.codes = (struct vch_pair_start){0};
    p->now.root_pem = VCH_STR("");
}

/* An earlier run's, when it was about the same, belongs together, and still has time. */
static enum vch_exit look_back(struct pairing *p, const struct vch_pairing *wanted) {
    bool found;
    VCH_STEP(vch_pairing_load(p->pair->state, &p->now, &found, p->pair->report, p->outcome));
    found = found && vch_pairing_same(&p->now, wanted) && vch_x509_check_request(p->now.request, p->now.key) == VCH_OK;
    bool begun = found && p->now.codes.device_code.len > 0;
    p->resumed = begun && (p->now.has_claim || p->now.expires_ms > vch_now_ms());
    if (begun && !p->resumed) forget_codes(p); /* the key is still good */
    if (found)
        take_key(p);
    else
        p->now = *wanted;
    VCH_STEP(found ? VCH_EXIT_OK : make_key(p));
    if (vch_x509_request_key(p->now.request, p->key_fingerprint) == VCH_OK) return VCH_EXIT_OK;
    return vch_outcome_set(p->outcome, VCH_EXIT_LOCAL, NULL, "The signing request does not read back.");
}

static enum vch_exit write_start(const struct pairing *p, struct vch_buf *buf) {
    vch_buf_c(buf, "{\"certificateSigningRequest\":");
    vch_json_encode_str(p->now.request, buf);
    vch_buf_c(buf, ",\"serialNumber\":");
    vch_json_encode_str(p->now.serial, buf);
    if (p->now.model.len) {
        vch_buf_c(buf, ",\"model\":");
        vch_json_encode_str(p->now.model, buf);
    }
    if (p->now.suggested.len) {
        vch_buf_c(buf, ",\"parameters\":");
        vch_buf_str(buf, p->now.suggested);
    }
    vch_buf_u8(buf, '}');
    if (!buf->failed) return VCH_EXIT_OK;
    return vch_outcome_set(p->outcome, VCH_EXIT_CONFIG, NULL, "The request to pair would be too large.");
}

/* Whoever answers must be whom TLS found. */
static enum vch_exit check_server(const struct pairing *p, struct vch_str fingerprint) {
    if (fingerprint.len == 0 || vch_str_ieq(fingerprint, vch_str_from(p->talk.root_fingerprint))) return VCH_EXIT_OK;
    return vch_outcome_set(p->outcome, VCH_EXIT_CREDENTIALS,
                           "Somebody may stand between this device and the server. Compare the root's fingerprint.",
                           "The server says that its root is %.16s..., but TLS found %.16s...", fingerprint.ptr,
                           p->talk.root_fingerprint);
}

/* The page is that of the server that --pair names, and the words behind # are this device's. Whoever answers could
 * lead people to a page of their own, or put another key and root in front of those that were seen. */
static enum vch_exit name_page(struct pairing *p) {
    struct vch_pair_start *codes = &p->now.codes;
    struct vch_arena *arena = p->pair->state->arena;
    char code[17], shown[17];
    size_t n = 0;
    (void)vch_str_copy(shown, sizeof shown, codes->user_code);
    for (const char *c = shown; *c; c++)
        if (*c != '-') code[n++] = *c;
    code[n] = '\0';
    codes->uri = vch_pair_url_page(&p->talk.url, arena);
    codes->uri_complete = vch_arena_printf(arena, "%.*s#c=%s", VCH_STR_ARG(codes->uri), code);
    if (codes->uri.ptr && codes->uri_complete.ptr) return VCH_EXIT_OK;
    return vch_outcome_set(p->outcome, VCH_EXIT_LOCAL, NULL, "Memory is out.");
}

static enum vch_exit take_codes(struct pairing *p, struct vch_str json) {
    struct vch_diag diag = {0};
    if (vch_pair_start_read(json, p->pair->state->arena, &p->now.codes, &diag) != VCH_OK)
        return vch_outcome_diag(p->outcome, VCH_EXIT_NETWORK, "Check that the address is that of a vouch server.",
                                &diag);
    VCH_STEP(check_server(p, p->now.codes.server_fingerprint));
    VCH_STEP(name_page(p));
    p->now.root_pem = keep(p, view(&p->talk.root));
    p->now.root_given = p->talk.url.pinned || p->talk.root_given.len > 0;
    p->now.expires_ms = vch_now_ms() + 1000 * p->now.codes.expires_in_s;
    VCH_FAULT_POINT("agent.pair-begun");
    VCH_STEP(save(p));
    VCH_FAULT_POINT("agent.pair-saved");
    return VCH_EXIT_OK;
}

static enum vch_exit start_once(struct pairing *p, int64_t *ret_wait_ms) {
    struct vch_buf buf;
    struct vch_reply reply = {0};
    vch_buf_init(&buf, REQUEST_MAX);
    enum vch_exit exit = write_start(p, &buf);
    if (exit == VCH_EXIT_OK)
        exit =
            vch_pair_talk_post(&p->talk, "/_vouch/pairings", view(&buf), vch_mono_ms() + START_MS, &reply, p->outcome);
    if (exit == VCH_EXIT_OK) exit = take_codes(p, view(&reply.body));
    *ret_wait_ms = 1000 * reply.retry_after_s;
    vch_reply_deinit(&reply);
    vch_buf_deinit(&buf);
    return exit;
}

/* True when it is over: asked to stop, or no time left. */
static bool rest(const struct pairing *p, int64_t wait_ms, int64_t end_ms) {
    if (vch_mono_ms() + wait_ms >= end_ms) return true;
    vch_report_line(p->pair->report, VCH_REPORT_WARN, "retry", "%s Trying again in %lld ms.", p->outcome->sentence,
                    (long long)wait_ms);
    return vch_stop_wait(wait_ms);
}

static enum vch_exit start(struct pairing *p) {
    int64_t end = vch_mono_ms() + 1000 * (int64_t)vch_options_int(p->pair->options, VCH_OPT_RETRY_SECONDS), asked;
    for (unsigned tries = 0;; tries++) {
        enum vch_exit exit = start_once(p, &asked);
        if (exit == VCH_EXIT_OK || !p->outcome->again || vch_stop_asked()) return exit;
        int64_t wait = vch_backoff_ms(tries, RETRY_FIRST_MS, RETRY_MAX_MS);
        if (rest(p, wait > asked ? wait : asked, end)) return exit;
    }
}

/* ---- waiting ----------------------------------------------------------------------- */

/* Who looks may approve at once: the next question follows without a rest, as a server that told news expects. */
static void look_at(struct pairing *p) {
    if (p->looked_at) return;
    vch_pair_step_say(p->pair->report, VCH_PAIR_STEP_LOOKED_AT);
    p->looked_at = p->has_news = true;
}

static const char in_time[] = "Nobody vouched for this device in time: the code has expired.";

static enum vch_exit over(const struct pairing *p, enum vch_exit exit, const char *sentence, struct vch_str more) {
    char last[300]; /* `more` may be the outcome's own */
    (void)snprintf(last, sizeof last, "%.*s", VCH_STR_ARG(more));
    vch_pairing_remove(p->pair->state);
    return vch_outcome_set(p->outcome, exit, start_anew, "%s%s%s", sentence, last[0] ? " " : "", last);
}

static struct vch_pair_claim keep_claim(const struct pairing *p, const struct vch_pair_claim *claim) {
    return (struct vch_pair_claim){
        .certificate_pem = keep(p, claim->certificate_pem),
        .template_name = keep(p, claim->template_name),
        .parameters = keep(p, claim->parameters),
        .thing_name = keep(p, claim->thing_name),
        .endpoint = keep(p, claim->endpoint),
        .root_pem = keep(p, claim->root_pem),
        .mqtt_port = claim->mqtt_port,
        .edge_port = claim->edge_port,
    };
}

/* `*ret_done` when there is nothing more to ask. */
static enum vch_exit judge(struct pairing *p, const struct vch_pair_poll *poll, bool *ret_done) {
    *ret_done = true;
    if (p->interval_s < poll->interval_s) p->interval_s = poll->interval_s;
    switch (poll->state) {
    case VCH_PAIR_WAITING:
    case VCH_PAIR_LOOKED_AT:
        if (poll->state == VCH_PAIR_LOOKED_AT) look_at(p);
        *ret_done = false;
        p->known = true;
        return VCH_EXIT_OK;
    case VCH_PAIR_CLAIM: p->now.claim = keep_claim(p, &poll->claim); return VCH_EXIT_OK;
    case VCH_PAIR_DENIED: return over(p, VCH_EXIT_REJECTED, "The pairing was denied.", poll->message);
    case VCH_PAIR_EXPIRED: return over(p, VCH_EXIT_EXPIRED, in_time, poll->message);
    case VCH_PAIR_OVER: return over(p, VCH_EXIT_EXPIRED, "The claim of this pairing is used or over.", poll->message);
    case VCH_PAIR_FAILED: break;
    }
    return over(p, VCH_EXIT_REJECTED, "The pairing failed.", poll->message);
}

static enum vch_exit read_poll(struct pairing *p, struct vch_str json, bool *ret_done) {
    struct vch_diag diag = {0};
    struct vch_pair_poll poll;
    struct vch_arena *arena = vch_arena_new(ANSWER_ARENA, true);
    enum vch_exit exit;
    enum vch_err err = arena ? vch_pair_poll_read(json, arena, &poll, &diag) : VCH_ERR_NOMEM;
    if (err == VCH_OK) {
        exit = judge(p, &poll, ret_done);
    } else {
        exit = vch_outcome_diag(p->outcome, VCH_EXIT_NETWORK, NULL, &diag);
        p->outcome->again = true;
    }
    vch_arena_free(arena);
    return exit;
}

static enum vch_exit poll_failed(struct pairing *p, const struct vch_reply *reply) {
    if (reply->status == 429) {
        p->interval_s += SLOWER_S;
        if (p->interval_s > VCH_PAIR_INTERVAL_MAX_S) p->interval_s = VCH_PAIR_INTERVAL_MAX_S;
    }
    if (reply->status != 404) return p->outcome->exit;
    return over(p, VCH_EXIT_EXPIRED, "The server does not know this pairing any more.", VCH_STR(""));
}

static enum vch_exit poll_once(struct pairing *p, bool *ret_done) {
    struct vch_buf buf;
    struct vch_reply reply = {0};
    int64_t now = vch_mono_ms();
    vch_buf_init_secret(&buf, 1024);
    vch_buf_c(&buf, "{\"deviceCode\":");
    vch_json_encode_str(p->now.codes.device_code, &buf);
    vch_buf_printf(&buf, ",\"waitSeconds\":%d}", POLL_S);
    enum vch_exit exit = vch_pair_talk_post(&p->talk, "/_vouch/pairings/poll", view(&buf),
                                            now + 1000 * POLL_S + POLL_SPARE_MS, &reply, p->outcome);
    exit = exit == VCH_EXIT_OK ? read_poll(p, view(&reply.body), ret_done) : poll_failed(p, &reply);
    vch_reply_deinit(&reply);
    vch_buf_deinit(&buf);
    return exit;
}

static enum vch_exit told_to_stop(const struct pairing *p) {
    return vch_outcome_set(p->outcome, VCH_EXIT_NETWORK, "Start again to go on.", "Asked to stop.");
}

/* A failed question is followed by a longer rest. OK: ask again. */
static enum vch_exit rest_after_failure(const struct pairing *p, unsigned failures, int64_t wait_ms) {
    int64_t longer = vch_backoff_ms(failures, RETRY_FIRST_MS, RETRY_MAX_MS);
    if (!rest(p, wait_ms > longer ? wait_ms : longer, p->end_ms)) return VCH_EXIT_OK;
    if (vch_stop_asked()) return told_to_stop(p);
    return over(p, VCH_EXIT_EXPIRED, "The code has expired.", vch_str_from(p->outcome->sentence));
}

static enum vch_exit rest_after_answer(struct pairing *p, int64_t wait_ms) {
    if (vch_mono_ms() >= p->end_ms) return over(p, VCH_EXIT_EXPIRED, in_time, VCH_STR(""));
    if (p->has_news) wait_ms = 0;
    p->has_news = false;
    return wait_ms > 0 && vch_stop_wait(wait_ms) ? told_to_stop(p) : VCH_EXIT_OK;
}

/* Between the beginnings of two questions lies the interval. */
static enum vch_exit wait_for_claim(struct pairing *p) {
    for (unsigned failures = 0;;) {
        bool done = false;
        int64_t begun = vch_mono_ms();
        p->outcome->again = false;
        enum vch_exit exit = poll_once(p, &done);
        if (done) return exit;
        if (vch_stop_asked()) return told_to_stop(p);
        if (exit != VCH_EXIT_OK && !p->outcome->again) return exit;
        int64_t wait = begun + 1000 * p->interval_s - vch_mono_ms();
        if (exit != VCH_EXIT_OK) {
            VCH_STEP(rest_after_failure(p, failures++, wait));
            continue;
        }
        failures = 0;
        VCH_STEP(rest_after_answer(p, wait));
    }
}

/* ---- the claim --------------------------------------------------------------------- */

static enum vch_exit check_claim(const struct pairing *p) {
    struct vch_validity root;
    const struct vch_pair_claim *claim = &p->now.claim;
    if (vch_x509_describe(claim->root_pem, &root) != VCH_OK) root.id[0] = '\0';
    VCH_STEP(check_server(p, vch_str_from(root.id[0] ? root.id : "(unreadable)")));
    enum vch_err err = vch_x509_check_pair(claim->certificate_pem, p->now.key);
    if (err == VCH_OK) return VCH_EXIT_OK;
    return vch_outcome_set(p->outcome, VCH_EXIT_REJECTED, "Tell the server's operator, then start again.",
                           err == VCH_ERR_CONFLICT
                               ? "The claim that the server gave is for another key than this device's."
                               : "The claim that the server gave cannot be read.");
}

static enum vch_exit take_claim(struct pairing *p) {
    vch_pair_step_say(p->pair->report, VCH_PAIR_STEP_APPROVED);
    enum vch_exit exit = check_claim(p);
    if (exit != VCH_EXIT_OK) {
        vch_pairing_remove(p->pair->state);
        return exit;
    }
    p->now.has_claim = true;
    VCH_FAULT_POINT("agent.pair-approved");
    VCH_STEP(save(p));
    VCH_FAULT_POINT("agent.pair-claim");
    return VCH_EXIT_OK;
}

static enum vch_exit hand_over(struct pairing *p) {
    const struct vch_pair *pair = p->pair;
    const struct vch_pair_claim *claim = &p->now.claim;
    struct vch_credentials *c = pair->credentials;
    vch_credentials_forget(c);
    vch_buf_clear(&c->root);
    vch_buf_str(&c->certificate, claim->certificate_pem);
    vch_buf_str(&c->key, p->now.key);
    vch_buf_str(&c->root, p->now.root_pem);
    if (c->certificate.failed || c->key.failed || c->root.failed ||
        vch_x509_describe(claim->certificate_pem, &c->validity) != VCH_OK)
        return vch_outcome_set(p->outcome, VCH_EXIT_LOCAL, NULL, "The claim does not read back.");
    vch_options_set(pair->options, VCH_OPT_ENDPOINT, claim->endpoint, VCH_SOURCE_CLAIM);
    vch_options_set(pair->options, VCH_OPT_FLEET, VCH_STR("true"), VCH_SOURCE_RUNTIME);
    vch_options_set(pair->options, VCH_OPT_TEMPLATE, claim->template_name, VCH_SOURCE_RUNTIME);
    vch_options_set(pair->options, VCH_OPT_PARAMETERS, claim->parameters, VCH_SOURCE_RUNTIME);
    if (claim->thing_name.len)
        vch_options_set(pair->options, VCH_OPT_THING_NAME, claim->thing_name, VCH_SOURCE_RUNTIME);
    *pair->bundle = (struct vch_bundle){.mqtt_port = claim->mqtt_port, .edge_port = claim->edge_port, .has_root = true};
    vch_pair_step_say(pair->report, VCH_PAIR_STEP_CLAIM_TAKEN);
    return VCH_EXIT_OK;
}

/* ---- all of it --------------------------------------------------------------------- */

static enum vch_exit show_and_wait(struct pairing *p) {
    int64_t left = p->now.expires_ms - vch_now_ms();
    if (left > 1000 * (int64_t)VCH_PAIR_LIFE_MAX_S) left = 1000 * (int64_t)VCH_PAIR_LIFE_MAX_S;
    p->end_ms = vch_mono_ms() + left + GRACE_MS;
    p->interval_s = p->now.codes.interval_s;
    const struct vch_pair_screen screen = {.pairing = &p->now,
                                           .key_fingerprint = p->key_fingerprint,
                                           .root_fingerprint = p->talk.root_fingerprint,
                                           .qr = p->qr,
                                           .left_s = left / 1000};
    vch_pair_show(&screen, p->pair->state->arena, p->pair->report);
    return wait_for_claim(p);
}

static enum vch_exit name_root(struct pairing *p) {
    struct vch_validity root;
    if (vch_x509_describe(p->now.root_pem, &root) != VCH_OK)
        return vch_outcome_set(p->outcome, VCH_EXIT_LOCAL, NULL, "The server's root certificate does not read back.");
    memcpy(p->talk.root_fingerprint, root.id, sizeof root.id);
    return VCH_EXIT_OK;
}

static enum vch_exit begin(struct pairing *p) {
    VCH_STEP(vch_pair_talk_init(&p->talk, p->pair->options, p->resumed ? p->now.root_pem : VCH_STR(""), p->pair->report,
                                p->outcome));
    if (!p->resumed) return start(p);
    vch_report_line(p->pair->report, VCH_REPORT_INFO, "resume", "Going on with the pairing of an earlier run.");
    return name_root(p);
}

static enum vch_exit work(struct pairing *p) {
    struct vch_pairing wanted;
    VCH_STEP(read_settings(p, &wanted));
    VCH_STEP(look_back(p, &wanted));
    VCH_STEP(begin(p));
    if (p->now.has_claim) return hand_over(p);
    enum vch_exit exit = show_and_wait(p);
    /* An earlier run's code, and the server has forgotten it. */
    if (exit == VCH_EXIT_EXPIRED && p->resumed && !p->known) {
        vch_report_line(p->pair->report, VCH_REPORT_WARN, "abandoned", "%s Beginning anew.", p->outcome->sentence);
        vch_pair_talk_close(&p->talk);
        forget_codes(p);
        VCH_STEP(begin(p));
        exit = show_and_wait(p);
    }
    VCH_STEP(exit);
    VCH_STEP(take_claim(p));
    return hand_over(p);
}

enum vch_exit vch_pair_run(const struct vch_pair *pair, struct vch_outcome *outcome) {
    struct pairing p = {.pair = pair, .outcome = outcome};
    enum vch_exit exit = work(&p);
    vch_pair_talk_close(&p.talk);
    return exit;
}

void vch_pair_conclude(const struct vch_state *state, enum vch_exit exit) {
    bool goes_on = exit == VCH_EXIT_NETWORK || exit == VCH_EXIT_LOCAL || exit == VCH_EXIT_CONFIG;
    if (!goes_on) vch_pairing_remove(state);
}
