#include "agent/pair_talk.h"

#include <string.h>

#include "agent/credentials.h"
#include "agent/pages.h"
#include "agent/pair_answer.h"
#include "agent/stop.h"
#include "base/clock.h"
#include "base/codec.h"

enum { ROOT_MAX = 65536 };

/* This program did not exist before: 2026-11-01T00:00:00Z. A clock that says so was never set. */
static const int64_t earliest_ms = INT64_C(1793491200000);

static const char check_trust[] = "Check --pair, --root-ca and this device's clock; if they are right, somebody may "
                                  "stand between this device and the server.";
static const char check_address[] = "Check that the address of --pair is that of a vouch server.";

static bool has(const struct vch_options *o, enum vch_opt opt) {
    return vch_options_has(o, opt);
}

/* ---- before the first word --------------------------------------------------------- */

static enum vch_exit read_root_file(struct vch_pair_talk *talk, const struct vch_options *options,
                                    struct vch_outcome *outcome) {
    struct vch_credentials c;
    if (!has(options, VCH_OPT_ROOT_CA)) return VCH_EXIT_OK;
    vch_credentials_init(&c);
    enum vch_exit exit =
        vch_credentials_load_root(&c, vch_options_text(options, VCH_OPT_ROOT_CA), talk->report, outcome);
    vch_buf_bytes(&talk->root_given, c.root.ptr, c.root.len);
    vch_credentials_deinit(&c);
    if (exit != VCH_EXIT_OK || talk->root_given.len) return exit;
    return vch_outcome_set(outcome, VCH_EXIT_CREDENTIALS, "Check the path of --root-ca.",
                           "The root certificate file %s does not exist.", vch_options_text(options, VCH_OPT_ROOT_CA));
}

static void mend_clock(struct vch_pair_talk *talk) {
    char clock[25];
    int64_t now = vch_now_ms();
    if (now >= earliest_ms) return;
    vch_time_iso(now, clock);
    vch_clock_advance(earliest_ms - now);
    talk->ask.to.time_floor_ms = earliest_ms;
    vch_report_line(talk->report, VCH_REPORT_WARN, "clock",
                    "This device's clock says %s, which cannot be right: certificates are checked without it.", clock);
}

static void choose_way(struct vch_pair_talk *talk, const struct vch_options *options) {
    const struct vch_proxy *proxy = &options->proxy;
    if (proxy->host.len == 0 || vch_proxy_is_unwanted(vch_str_from(talk->url.host))) return;
    talk->ask.to.proxy = (struct vch_dial_proxy){proxy->host, (uint16_t)proxy->port, proxy->user, proxy->password};
}

enum vch_exit vch_pair_talk_init(struct vch_pair_talk *talk, struct vch_options *options, struct vch_str kept_root,
                                 struct vch_report *report, struct vch_outcome *outcome) {
    struct vch_diag diag = {0};
    *talk = (struct vch_pair_talk){.report = report};
    vch_buf_init(&talk->root, ROOT_MAX);
    vch_buf_init(&talk->root_given, 8 * ROOT_MAX);
    if (vch_pair_url_parse(options->settings[VCH_OPT_PAIR].text, &talk->url, &diag) != VCH_OK)
        return vch_outcome_diag(outcome, VCH_EXIT_CONFIG,
                                "Give --pair https://HOST[:PORT], with #sha256=HEX when you know the root.", &diag);
    VCH_STEP(read_root_file(talk, options, outcome));
    vch_buf_str(&talk->root, kept_root);
    talk->ask = (struct vch_ask){
        .to = {.host = vch_str_from(talk->url.host), .port = talk->url.port},
        .agent = VCH_STR("vouch-agent/" VOUCH_VERSION),
        .wait = vch_stop_wait_fd,
    };
    mend_clock(talk);
    choose_way(talk, options);
    return VCH_EXIT_OK;
}

void vch_pair_talk_close(struct vch_pair_talk *talk) {
    vch_ask_close(&talk->ask);
    vch_buf_deinit(&talk->root);
    vch_buf_deinit(&talk->root_given);
}

/* ---- words ------------------------------------------------------------------------- */

static enum vch_exit failed(enum vch_err err, const struct vch_diag *diag, struct vch_outcome *outcome) {
    bool final = err == VCH_ERR_DENIED || err == VCH_ERR_INVALID || err == VCH_ERR_UNAUTHENTICATED;
    const char *next = NULL;
    if (err == VCH_ERR_DENIED) next = check_trust;
    if (err == VCH_ERR_MALFORMED || err == VCH_ERR_TOO_LARGE) next = check_address;
    if (diag->reason && strncmp(diag->reason, "proxy-", 6) == 0)
        next = "Check the HTTP proxy: --http-proxy-config, HTTPS_PROXY and NO_PROXY.";
    enum vch_exit exit = vch_outcome_diag(outcome, VCH_EXIT_NETWORK, next, diag);
    outcome->again = !final;
    return exit;
}

static enum vch_exit refused(const struct vch_reply *reply, struct vch_outcome *outcome) {
    char why[256];
    bool busy = reply->status == 429 || reply->status >= 500;
    vch_pair_refusal_read(vch_str_of(reply->body.ptr, reply->body.len), why, sizeof why);
    enum vch_exit exit = vch_outcome_set(
        outcome, busy ? VCH_EXIT_NETWORK : VCH_EXIT_REJECTED, busy ? "Start again later." : check_address,
        "The server refused the pairing: %d %s", reply->status, why[0] ? why : "(no message)");
    outcome->again = busy;
    return exit;
}

/* ---- trust ------------------------------------------------------------------------- */

static void choose_trust(struct vch_pair_talk *talk) {
    struct vch_dial_options *to = &talk->ask.to;
    to->root_pem = vch_str_of(talk->root.ptr, talk->root.len);
    to->root_sha256 = NULL;
    to->root_unknown = false;
    if (talk->root.len) return;
    to->root_pem = vch_str_of(talk->root_given.ptr, talk->root_given.len);
    if (talk->root_given.len) return;
    to->root_sha256 = talk->url.pinned ? talk->url.root_sha256 : NULL;
    to->root_unknown = !talk->url.pinned;
}

/* Whatever made it trusted, a digest that was handed over is the last word. */
static enum vch_exit note_root(struct vch_pair_talk *talk, struct vch_outcome *outcome) {
    uint8_t digest[32];
    vch_buf_clear(&talk->root);
    if (vch_dial_anchor(talk->ask.dial, digest, &talk->root) != VCH_OK)
        return vch_outcome_set(outcome, VCH_EXIT_LOCAL, NULL, "The server's root certificate cannot be kept.");
    vch_hex(digest, sizeof digest, talk->root_fingerprint);
    if (!talk->url.pinned || vch_ct_eq(digest, sizeof digest, talk->url.root_sha256, sizeof digest)) return VCH_EXIT_OK;
    return vch_outcome_set(outcome, VCH_EXIT_CREDENTIALS, check_trust,
                           "The server's root certificate is not the one of --pair's digest.");
}

enum vch_exit vch_pair_talk_open(struct vch_pair_talk *talk, int64_t deadline_ms, struct vch_outcome *outcome) {
    struct vch_diag diag = {0};
    if (talk->ask.dial) return VCH_EXIT_OK;
    talk->ask.to.on_stage = vch_pages_let_go;
    choose_trust(talk);
    enum vch_err err = vch_ask_open(&talk->ask, deadline_ms, &diag);
    vch_pages_let_go();
    if (err != VCH_OK) return failed(err, &diag, outcome);
    enum vch_exit exit = note_root(talk, outcome);
    if (exit != VCH_EXIT_OK) {
        vch_buf_clear(&talk->root);
        vch_ask_close(&talk->ask);
    }
    return exit;
}

enum vch_exit vch_pair_talk_post(struct vch_pair_talk *talk, const char *path, struct vch_str json, int64_t deadline_ms,
                                 struct vch_reply *ret, struct vch_outcome *outcome) {
    struct vch_diag diag = {0};
    *ret = (struct vch_reply){0};
    VCH_STEP(vch_pair_talk_open(talk, deadline_ms, outcome));
    choose_trust(talk); /* should the connection have to be made again */
    enum vch_err err = vch_ask_post(&talk->ask, vch_str_from(path), json, deadline_ms, ret, &diag);
    if (err != VCH_OK) return failed(err, &diag, outcome);
    return ret->status == 200 ? VCH_EXIT_OK : refused(ret, outcome);
}
