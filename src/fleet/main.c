#include <signal.h>
#include <string.h>

#include "base/codec.h"
#include "base/digest.h"
#include "fleet/run.h"

enum { EXIT_DONE = 0, EXIT_USAGE = 1, EXIT_FAILED = 2, EXIT_UNUSABLE = 3 };

static bool answer_at_once(int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0)
            vch_fleet_help(stdout);
        else if (strcmp(argv[i], "--version") == 0)
            (void)printf("vouch-fleet " VOUCH_VERSION "\n");
        else
            continue;
        return true;
    }
    return false;
}

static void print(struct vch_fleet_summary *summary, bool json) {
    struct vch_buf buf;
    struct vch_str text;
    if (!json) {
        vch_summary_text(summary, stdout);
        return;
    }
    vch_buf_init(&buf, 65536);
    vch_summary_json(summary, &buf);
    if (vch_buf_finish(&buf, &text) == VCH_OK) (void)fwrite(text.ptr, 1, text.len, stdout);
    vch_buf_deinit(&buf);
}

static bool start(const struct vch_fleet_options *options, struct vch_fleet_site *site, struct vch_fleet_run *run,
                  struct vch_arena *arena, struct vch_diag *diag) {
    struct vch_str name;
    uint8_t random[4];
    if (vch_fleet_find(options, arena, site, diag) != VCH_OK) return false;
    struct vch_rest *rest = vch_rest_new(site);
    enum vch_err err = rest ? vch_rest_prepare(rest, options->template_name, arena, &name, diag) : VCH_ERR_NOMEM;
    vch_rest_free(rest);
    if (err != VCH_OK) return false;
    vch_random(random, sizeof random);
    vch_hex(random, sizeof random, run->name);
    run->options = options;
    run->site = site;
    run->template_name = name.ptr;
    return true;
}

static int run_mode(const struct vch_fleet_options *options, struct vch_arena *arena) {
    struct vch_fleet_site site;
    struct vch_causes causes = VCH_CAUSES_INIT;
    struct vch_fleet_run run = {.causes = &causes};
    struct vch_fleet_summary summary = {.devices = options->devices,
                                        .concurrency = options->concurrency,
                                        .csr = options->csr,
                                        .causes = &causes,
                                        .idle_bytes = -1};
    struct vch_diag diag = {0};
    bool provision = options->mode == VCH_FLEET_PROVISION;
    bool ok = start(options, &site, &run, arena, &diag);
    summary.mode = provision ? "provision" : "idle";
    if (ok) ok = provision ? vch_run_provision(&run, &summary, &diag) : vch_run_idle(&run, &summary, &diag);
    summary.done = run.done;
    summary.failed = run.failed;
    if (ok)
        print(&summary, options->json);
    else
        (void)fprintf(stderr, "vouch-fleet: %s\n", diag.message[0] ? diag.message : "it could not be started");
    for (size_t i = 0; i < VCH_PHASE_COUNT; i++) vch_series_deinit(&summary.phases[i]);
    if (!ok) return EXIT_UNUSABLE;
    return summary.failed || summary.done == 0 ? EXIT_FAILED : EXIT_DONE;
}

int main(int argc, char **argv) {
    struct vch_fleet_options options;
    if (answer_at_once(argc, argv)) return EXIT_DONE;
    if (!vch_fleet_parse(argc, argv, &options, stderr)) return EXIT_USAGE;
    (void)signal(SIGPIPE, SIG_IGN);
    struct vch_arena *arena = vch_arena_new(4 << 20, true);
    int exit = arena ? run_mode(&options, arena) : EXIT_UNUSABLE;
    vch_arena_free(arena);
    return exit;
}
