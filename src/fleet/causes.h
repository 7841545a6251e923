/* Errors counted by cause; any thread. */
#ifndef VCH_FLEET_CAUSES_H
#define VCH_FLEET_CAUSES_H

#include <pthread.h>

#include "base/str.h"

enum { VCH_CAUSES_MAX = 32, VCH_CAUSE_TEXT = 160 };

struct vch_causes {
    pthread_mutex_t lock;
    struct {
        char text[VCH_CAUSE_TEXT];
        uint64_t count;
    } rows[VCH_CAUSES_MAX];
    size_t count; /* past the last row everything counts as the last, "other" */
};
#define VCH_CAUSES_INIT                                                                                                \
    { .lock = PTHREAD_MUTEX_INITIALIZER }

/* Digits are replaced, so that ports and ids do not split a cause. */
void vch_causes_add(struct vch_causes *causes, const char *fmt, ...) VCH_PRINTF(2, 3);
uint64_t vch_causes_total(struct vch_causes *causes);

#endif
