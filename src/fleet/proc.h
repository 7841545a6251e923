/* CPU time and memory of a process and all its descendants, from /proc. */
#ifndef VCH_FLEET_PROC_H
#define VCH_FLEET_PROC_H

#include "base/str.h"

struct vch_usage {
    size_t processes; /* 0: nothing could be read */
    int64_t cpu_ms;   /* user and system, of those alive */
    int64_t rss_kib;  /* now, added up */
    int64_t peak_kib; /* each one's own peak, added up */
};
void vch_usage_read(int64_t pid, struct vch_usage *ret);

/* The fields of /proc/PID/stat that follow the name, which may hold anything. */
bool vch_stat_parse(struct vch_str text, int64_t *ret_parent, int64_t *ret_ticks);

#endif
