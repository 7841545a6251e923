/* What the agent says while it works: lines for people, in the shape of the AWS
 * client's log, or one JSON object a line (--json). Values never hold secrets;
 * control characters are replaced. One thread. */
#ifndef VCH_AGENT_REPORT_H
#define VCH_AGENT_REPORT_H

#include <stdio.h>

#include "agent/outcome.h"

enum vch_report_level { VCH_REPORT_DEBUG, VCH_REPORT_INFO, VCH_REPORT_WARN, VCH_REPORT_ERROR };

struct vch_report {
    FILE *out;
    bool json, owned;
    enum vch_report_level lowest;
};

/* DEBUG, INFO, WARN, ERROR in any case; false for other words. */
bool vch_report_level_parse(struct vch_str word, enum vch_report_level *ret);
/* Appends to `path` (0600, folder 0745); stays on standard output when it cannot. */
void vch_report_to_file(struct vch_report *report, const char *path);
void vch_report_close(struct vch_report *report);

/* `event` is a stable word such as "connected". */
void vch_report_line(struct vch_report *report, enum vch_report_level level, const char *event, const char *fmt, ...)
    VCH_PRINTF(4, 5);
/* The same with members of the event's own for --json: JSON text that begins with a comma, or is empty. */
void vch_report_event(struct vch_report *report, enum vch_report_level level, const char *event, const char *members,
                      const char *fmt, ...) VCH_PRINTF(5, 6);
/* The last word of a run that failed: the sentence and the next action, in the
 * report and on standard error. */
void vch_report_failure(struct vch_report *report, const struct vch_outcome *outcome);

#endif
