#include "api/hook_wait_priv.h"

static void done(void *arg, const struct vch_hook_result *result) {
    struct vch_hook_wait *wait = arg;
    atomic_fetch_sub(&wait->hooks->waiting, 1);
    vch_hook_turn_answer(&wait->turn, result);
    if (vch_pool_submit_behind(wait->pool, wait->resume, wait->arg) != VCH_OK) wait->lost(wait->arg);
}

bool vch_hook_wait_begin(struct vch_hook_wait *wait) {
    const struct vch_hook_runner *runner = &wait->hooks->runner;
    struct vch_hook_order order = wait->turn.order;
    wait->turn.order = (struct vch_hook_order){.timeout_ms = 0}; /* its views end with this run */
    atomic_fetch_add(&wait->hooks->waiting, 1);
    enum vch_err err = runner->submit(runner->arg, &order, done, wait);
    if (err == VCH_OK) return true;
    atomic_fetch_sub(&wait->hooks->waiting, 1);
    const struct vch_hook_result refused = {.end = err == VCH_ERR_TOO_LARGE ? VCH_HOOK_FAILED : VCH_HOOK_BUSY};
    vch_hook_turn_answer(&wait->turn, &refused);
    return false;
}
