/* LOCK_FILE_PATH/devicecl.lock, as the AWS client keeps it: thing name, newline,
 * process id. Refuses while a live process of the same thing name holds it; a
 * stale one is replaced. Default folder /run/lock/. */
#ifndef VCH_AGENT_LOCK_H
#define VCH_AGENT_LOCK_H

#include "agent/report.h"

struct vch_lock {
    char path[512]; /* empty: not held */
};
/* CONFIG "already running"; LOCAL when LOCK_FILE_PATH is set and not writable.
 * Without that variable a folder that cannot be written is a warning. */
enum vch_exit vch_lock_take(struct vch_lock *lock, const char *thing_name, struct vch_report *report,
                            struct vch_outcome *outcome) VCH_MUST;
void vch_lock_release(struct vch_lock *lock); /* only a file that is still ours */

#endif
