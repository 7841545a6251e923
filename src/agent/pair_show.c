#include "agent/pair_show.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "agent/pair_step.h"
#include "agent/qr_terminal.h"

enum { SCREEN_MAX = 65536, KEY_SHOWN = 16, GROUP = 4, LINE_GROUPS = 8 };

bool vch_pair_qr_parse(struct vch_str word, enum vch_pair_qr *ret) {
    static const char *const words[] = {"auto", "always", "never"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (!vch_str_eq_c(word, words[i])) continue;
        *ret = (enum vch_pair_qr)i;
        return true;
    }
    return false;
}

struct vch_str vch_pair_uri(const struct vch_pair_screen *screen, struct vch_arena *arena) {
    return vch_arena_printf(arena, "%.*s&k=%.*s&r=%s", VCH_STR_ARG(screen->pairing->codes.uri_complete), KEY_SHOWN,
                            screen->key_fingerprint, screen->root_fingerprint);
}

/* "0123 4567 ...", in lines under each other. */
static void put_groups(struct vch_buf *out, const char *hex) {
    for (size_t i = 0; hex[i]; i++) {
        if (i && i % (GROUP * LINE_GROUPS) == 0)
            vch_buf_c(out, "\n                     ");
        else if (i && i % GROUP == 0)
            vch_buf_u8(out, ' ');
        vch_buf_u8(out, (uint8_t)hex[i]);
    }
    vch_buf_u8(out, '\n');
}

static void put_row(struct vch_buf *out, const char *name, struct vch_str value) {
    if (value.len) vch_buf_printf(out, "  %-18s %.*s\n", name, VCH_STR_ARG(value));
}

static void put_qr(struct vch_str uri, unsigned columns, bool escapes, struct vch_buf *out) {
    enum vch_err err = vch_qr_draw(uri, escapes, columns, out);
    if (err != VCH_OK)
        vch_buf_c(out, err == VCH_ERR_NOT_FOUND ? "  (The terminal is too narrow for the QR code.)\n"
                                                : "  (The address is too long for a QR code.)\n");
}

void vch_pair_draw(const struct vch_pair_screen *screen, struct vch_str uri, unsigned columns, bool escapes,
                   struct vch_buf *out) {
    const struct vch_pairing *p = screen->pairing;
    bool qr = screen->qr == VCH_PAIR_QR_ALWAYS || (screen->qr == VCH_PAIR_QR_AUTO && columns);
    vch_buf_u8(out, '\n');
    if (qr) put_qr(uri, columns, escapes, out);
    vch_buf_c(out, "\n  To let this device in, open the address and type the code");
    vch_buf_c(out, qr ? ", or scan the square.\n\n" : ".\n\n");
    put_row(out, "Address", p->codes.uri);
    put_row(out, "Code", p->codes.user_code);
    vch_buf_printf(out, "  %-18s %lld minutes\n\n", "Good for", (long long)((screen->left_s + 59) / 60));
    put_row(out, "Serial number", p->serial);
    put_row(out, "Model", p->model);
    vch_buf_printf(out, "  %-18s ", "This device's key");
    put_groups(out, screen->key_fingerprint);
    vch_buf_printf(out, "  %-18s ", "The server's root");
    put_groups(out, screen->root_fingerprint);
    if (!p->root_given)
        vch_buf_c(out,
                  "  This device met the server for the first time and trusts that root. The square lets the page\n"
                  "  compare it; by hand, compare it with the one that the page shows.\n");
    vch_buf_u8(out, '\n');
}

static void put_member(struct vch_buf *out, const char *name, struct vch_str value) {
    vch_buf_printf(out, ",\"%s\":", name);
    vch_json_encode_str(value, out);
}

static void show_json(const struct vch_pair_screen *screen, struct vch_str uri, struct vch_report *report) {
    const struct vch_pairing *p = screen->pairing;
    struct vch_buf members;
    struct vch_str text;
    vch_buf_init(&members, SCREEN_MAX);
    put_member(&members, "userCode", p->codes.user_code);
    put_member(&members, "verificationUri", p->codes.uri);
    put_member(&members, "uri", uri);
    put_member(&members, "pairingId", p->codes.pairing_id);
    put_member(&members, "serialNumber", p->serial);
    put_member(&members, "model", p->model);
    put_member(&members, "keyFingerprint", vch_str_from(screen->key_fingerprint));
    put_member(&members, "rootFingerprint", vch_str_from(screen->root_fingerprint));
    vch_buf_printf(&members, ",\"rootGiven\":%s,\"expiresIn\":%lld", p->root_given ? "true" : "false",
                   (long long)screen->left_s);
    if (vch_buf_finish(&members, &text) == VCH_OK)
        vch_report_event(report, VCH_REPORT_INFO, "pairing", text.ptr, "Open %.*s and type %.*s.",
                         VCH_STR_ARG(p->codes.uri), VCH_STR_ARG(p->codes.user_code));
    vch_buf_deinit(&members);
}

static unsigned terminal_columns(void) {
    struct winsize size;
    if (!isatty(STDOUT_FILENO)) return 0;
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : 80;
}

static bool knows_escapes(void) {
    const char *term = getenv("TERM");
    return term && *term && strcmp(term, "dumb") != 0;
}

static void show_text(const struct vch_pair_screen *screen, struct vch_str uri) {
    struct vch_buf out;
    struct vch_str text;
    vch_buf_init(&out, SCREEN_MAX);
    unsigned columns = terminal_columns();
    vch_pair_draw(screen, uri, columns, columns && knows_escapes(), &out);
    if (vch_buf_finish(&out, &text) == VCH_OK) (void)fwrite(text.ptr, 1, text.len, stdout);
    (void)fflush(stdout);
    vch_buf_deinit(&out);
}

void vch_pair_show(const struct vch_pair_screen *screen, struct vch_arena *arena, struct vch_report *report) {
    struct vch_str uri = vch_pair_uri(screen, arena);
    if (!uri.ptr) uri = screen->pairing->codes.uri;
    if (report->json)
        show_json(screen, uri, report);
    else
        show_text(screen, uri);
    vch_pair_step_say(report, VCH_PAIR_STEP_CODE_SHOWN);
}
