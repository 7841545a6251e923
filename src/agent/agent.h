/* The agent from its settings to its end. */
#ifndef VCH_AGENT_AGENT_H
#define VCH_AGENT_AGENT_H

#include "agent/options.h"
#include "agent/report.h"

/* What the command line says, and the configuration file that it names or that
 * stands at its usual place. */
enum vch_exit vch_agent_configure(struct vch_options *options, int argc, char **argv,
                                  struct vch_outcome *outcome) VCH_MUST;
/* Checks everything, provisions when needed, serves. `arena` wipes. */
enum vch_exit vch_agent_run(struct vch_options *options, struct vch_report *report,
                            struct vch_outcome *outcome) VCH_MUST;

#endif
