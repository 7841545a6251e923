/* The state folder, named and shaped as the AWS client's: keys/ with the
 * identity, and the runtime file that later starts read first. Every file is
 * written whole with its final mode: 0600 keys, 0644 certificates, 0640 runtime
 * file. An owner; the folder is locked while it is open. */
#ifndef VCH_AGENT_STATE_H
#define VCH_AGENT_STATE_H

#include "agent/report.h"
#include "base/val.h"

#define VCH_RUNTIME_FILE "aws-iot-device-client-runtime.conf"

struct vch_state {
    struct vch_arena *arena; /* borrowed; wiping */
    struct vch_str dir;
    int lock_fd;
};

/* Makes DIR (0700) and DIR/keys (0700), takes the lock. LOCAL when it cannot,
 * CONFIG when another agent uses the folder. */
enum vch_exit vch_state_open(struct vch_state *state, struct vch_str dir, struct vch_arena *arena,
                             struct vch_outcome *outcome) VCH_MUST;
void vch_state_close(struct vch_state *state);

/* DIR/NAME, in the arena. */
const char *vch_state_path(const struct vch_state *state, const char *fmt, ...) VCH_PRINTF(2, 3);

struct vch_runtime {
    bool completed;
    struct vch_str cert, key, thing_name;
    struct vch_str device_config; /* JSON object */
    /* Ours, when a claim bundle told them: later starts need it no more. */
    struct vch_str endpoint, root_ca;
    struct vch_str template_name; /* for renewals */
    int mqtt_port, edge_port;
};
/* A missing file is an empty runtime; one that does not hold together is said
 * in the report and counts as missing. `document` may stand in for the file. */
void vch_runtime_load(const struct vch_state *state, struct vch_runtime *ret, struct vch_report *report);
void vch_runtime_read(const struct vch_val *document, struct vch_runtime *ret);
enum vch_exit vch_runtime_save(const struct vch_state *state, const struct vch_runtime *runtime,
                               struct vch_outcome *outcome) VCH_MUST;

/* One file of the state folder; LOCAL with errno's words. */
enum vch_exit vch_state_write(const char *path, struct vch_str bytes, unsigned mode,
                              struct vch_outcome *outcome) VCH_MUST;

#endif
