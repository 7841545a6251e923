#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/pages.h"
#include "agent/stop.h"

/* As the AWS client: anywhere on the command line, before all checks. */
static bool answer_at_once(int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0)
            vch_options_help(stdout);
        else if (strcmp(argv[i], "--version") == 0)
            (void)printf("vouch-agent " VOUCH_VERSION "\n");
        else
            continue;
        return true;
    }
    return false;
}

static void set_report(const struct vch_options *options, struct vch_report *report) {
    report->json = vch_options_on(options, VCH_OPT_JSON);
    if (!vch_report_level_parse(options->settings[VCH_OPT_LOG_LEVEL].text, &report->lowest))
        vch_report_line(report, VCH_REPORT_WARN, "log", "The log level is not known; using DEBUG.");
    if (vch_str_ieq(options->settings[VCH_OPT_LOG_TYPE].text, VCH_STR("FILE")))
        vch_report_to_file(report, vch_options_text(options, VCH_OPT_LOG_FILE));
}

int main(int argc, char **argv) {
    struct vch_outcome outcome = {.exit = VCH_EXIT_OK};
    struct vch_report report = {.out = stdout, .lowest = VCH_REPORT_DEBUG};
    struct vch_options options;
    if (answer_at_once(argc, argv)) return VCH_EXIT_OK;
    vch_pages_let_go();
    struct vch_arena *arena = vch_arena_new(4 << 20, true);
    if (!arena) return VCH_EXIT_LOCAL;
    vch_stop_init();
    vch_options_init(&options, arena);
    enum vch_exit exit = vch_agent_configure(&options, argc, argv, &outcome);
    set_report(&options, &report);
    if (exit == VCH_EXIT_OK) exit = vch_agent_run(&options, &report, &outcome);
    if (exit != VCH_EXIT_OK)
        vch_report_failure(&report, &outcome);
    else
        vch_report_line(&report, VCH_REPORT_INFO, "done", "Done.");
    vch_report_close(&report);
    vch_arena_free(arena);
    return (int)exit;
}
