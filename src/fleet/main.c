#include <signal.h>
#include <string.h>

#include "base/codec.h"
#include "base/digest.h"
#include "fleet/load_summary.h"
#include "fleet/run.h"

enum { EXIT_DONE = 0, EXIT_USAGE = 1, EXIT_FAILED = 2, EXIT_UNUSABLE = 3, JSON_MAX = 65536 };

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

static void print_json(struct vch_buf *buf) {
    struct vch_str text;
    if (vch_buf_finish(buf, &text) == VCH_OK) (void)fwrite(text.ptr, 1, text.len, stdout);
    vch_buf_deinit(buf);
}

static bool prepare(const struct vch_fleet_options *options, struct vch_fleet_site *site, struct vch_fleet_run *run,
                    struct vch_arena *arena, struct vch_diag *diag) {
    struct vch_str name;
    struct vch_rest *rest = vch_rest_new(site);
    enum vch_err err = rest ? vch_rest_prepare(rest, options->template_name, arena, &name, diag) : VCH_ERR_NOMEM;
    vch_rest_free(rest);
    if (err == VCH_OK) run->template_name = name.ptr;
    return err == VCH_OK;
}

static bool start(const struct vch_fleet_options *options, struct vch_fleet_site *site, struct vch_fleet_run *run,
                  struct vch_arena *arena, struct vch_diag *diag) {
    uint8_t random[4];
    if (vch_fleet_find(options, arena, site, diag) != VCH_OK) return false;
    if (site->api.len && !prepare(options, site, run, arena, diag)) return false;
    vch_random(random, sizeof random);
    vch_hex(random, sizeof random, run->name);
    run->options = options;
    run->site = site;
    return true;
}

static int provision(struct vch_fleet_run *run, struct vch_diag *diag) {
    const struct vch_fleet_options *o = run->options;
    struct vch_fleet_summary summary = {
        .devices = o->devices, .concurrency = o->concurrency, .csr = o->csr, .causes = run->causes};
    struct vch_buf buf;
    if (!vch_run_provision(run, &summary, diag)) return EXIT_UNUSABLE;
    summary.done = run->done;
    summary.failed = run->failed;
    if (vch_floor_measure(&summary.floor) != VCH_OK) summary.floor = (struct vch_floor){0};
    vch_buf_init(&buf, JSON_MAX);
    if (o->json)
        vch_summary_json(&summary, &buf);
    else
        vch_summary_text(&summary, stdout);
    print_json(&buf);
    for (size_t i = 0; i < VCH_PHASE_COUNT; i++) vch_series_deinit(&summary.phases[i]);
    return summary.failed || summary.done == 0 ? EXIT_FAILED : EXIT_DONE;
}

static int load(struct vch_fleet_run *run, struct vch_diag *diag) {
    struct vch_load_plan plan;
    static struct vch_load_result result; /* large for a stack */
    const struct vch_load_summary summary = {vch_fleet_mode_word(run->options->mode), &plan, &result, run->causes};
    struct vch_buf buf;
    vch_load_plan_make(run->options, &plan);
    if (!vch_run_load(run, &plan, &result, diag)) return EXIT_UNUSABLE;
    vch_buf_init(&buf, JSON_MAX);
    if (run->options->json)
        vch_load_json(&summary, &buf);
    else
        vch_load_text(&summary, stdout);
    print_json(&buf);
    return result.failed || result.acknowledged_lost || result.connected == 0 ? EXIT_FAILED : EXIT_DONE;
}

static int run_mode(const struct vch_fleet_options *options, struct vch_arena *arena) {
    struct vch_fleet_site site;
    struct vch_causes causes = VCH_CAUSES_INIT;
    struct vch_fleet_run run = {.causes = &causes};
    struct vch_diag diag = {0};
    int exit = EXIT_UNUSABLE;
    if (start(options, &site, &run, arena, &diag))
        exit = options->mode == VCH_FLEET_PROVISION ? provision(&run, &diag) : load(&run, &diag);
    if (exit == EXIT_UNUSABLE)
        (void)fprintf(stderr, "vouch-fleet: %s\n", diag.message[0] ? diag.message : "it could not be started");
    return exit;
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
