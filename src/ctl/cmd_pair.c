/* Devices that wait to be vouched for: `vouch pair`. A device is named by the
 * code that it shows, or by the id of its pairing. */
#include <string.h>
#include <time.h>

#include "ctl/pairs.h"
#include "ctl/run.h"

enum { ID_LEN = 36, PATIENCE_S = 600, PAUSE_MS = 250 };

static enum vch_ctl_exit call_with(struct vch_ctl *ctl, enum vch_op op, const char *input, struct vch_str value, const struct vch_val **out) {
    struct vch_val *inputs = vch_ctl_inputs(ctl);
    if (!inputs || vch_val_put_str(ctl->arena, inputs, input, value) != VCH_OK) return vch_ctl_fail(ctl, "out of memory");
    return vch_ctl_call(ctl, op, inputs, out);
}

static enum vch_ctl_exit find(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed, const struct vch_val **out) {
    struct vch_str device = vch_str_from(vch_ctl_arg(parsed, "DEVICE"));
    if (device.len == ID_LEN) return call_with(ctl, VCH_OP_GET_PAIRING, "pairingId", device, out);
    return call_with(ctl, VCH_OP_LOOK_UP_PAIRING, "userCode", device, out);
}

static enum vch_ctl_exit show(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed) {
    const struct vch_val *out = NULL;
    enum vch_ctl_exit exit = find(ctl, parsed, &out);
    return exit == VCH_CTL_DONE ? vch_ctl_print(ctl, out, NULL, NULL) : exit;
}

static enum vch_ctl_exit deny(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed) {
    const struct vch_val *out = NULL;
    enum vch_ctl_exit exit = find(ctl, parsed, &out);
    return exit == VCH_CTL_DONE ? call_with(ctl, VCH_OP_DENY_PAIRING, "pairingId", vch_val_str_at(out, "pairingId"), &out) : exit;
}

/* ---- approving ---- */

/* What the device shows of its key, or its QR code says, must be the beginning of what the server says. */
static enum vch_ctl_exit check_key(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed, const struct vch_val *device) {
    const char *key = vch_ctl_arg(parsed, "--key");
    struct vch_str said = vch_str_from(key), is = vch_val_str_at(device, "keyFingerprint");
    if (!key) return VCH_CTL_DONE;
    if (said.len >= 8 && vch_str_ieq(said, vch_str_sub(is, 0, said.len))) return VCH_CTL_DONE;
    return vch_ctl_fail(ctl, "the device's key is %.*s: not the one that was to be vouched for", VCH_STR_ARG(is));
}

static enum vch_ctl_exit gather(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed, const struct vch_val *device, struct vch_val **ret) {
    enum vch_ctl_exit exit = vch_ctl_gather(ctl, parsed, VCH_OP_APPROVE_PAIRING, ret);
    if (exit != VCH_CTL_DONE) return exit;
    bool ok = vch_val_put_str(ctl->arena, *ret, "pairingId", vch_val_str_at(device, "pairingId")) == VCH_OK &&
              vch_val_put_str(ctl->arena, *ret, "keyFingerprint", vch_val_str_at(device, "keyFingerprint")) == VCH_OK;
    if (!ok) return vch_ctl_fail(ctl, "out of memory");
    if (!vch_ctl_arg(parsed, "--parameter")) return VCH_CTL_DONE;
    struct vch_val *parameters = vch_val_put_map(ctl->arena, *ret, "parameters");
    return parameters ? vch_ctl_pairs(ctl, parsed, "--parameter", parameters) : vch_ctl_fail(ctl, "out of memory");
}

/* ---- following it to the end ---- */

static bool is_over(struct vch_str state) {
    static const char *const ends[] = {"DONE", "DENIED", "EXPIRED", "FAILED"};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (vch_str_eq_c(state, ends[i])) return true;
    return false;
}

/* Each step once, as it comes; *seen is a set of their places. */
static void tell_steps(struct vch_ctl *ctl, const struct vch_val *pairing, unsigned *seen) {
    const struct vch_val *steps = vch_val_get(pairing, "steps");
    for (size_t i = 0; vch_val_is(steps, VCH_VAL_LIST) && i < steps->count && i < 32; i++) {
        if (*seen >> i & 1 || !vch_val_get(&steps->items[i], "date")) continue;
        *seen |= 1u << i;
        (void)fprintf(ctl->err, "step %zu of %zu: %.*s\n", i + 1, steps->count, VCH_STR_ARG(vch_val_str_at(&steps->items[i], "name")));
    }
}

static enum vch_ctl_exit follow(struct vch_ctl *ctl, const struct vch_val **pairing) {
    const struct timespec pause = {0, PAUSE_MS * 1000000L};
    struct vch_str id = vch_val_str_at(*pairing, "pairingId");
    unsigned seen = 0;
    for (int i = 0; i < PATIENCE_S * 1000 / PAUSE_MS; i++) {
        tell_steps(ctl, *pairing, &seen);
        if (is_over(vch_val_str_at(*pairing, "state"))) break;
        (void)nanosleep(&pause, NULL);
        enum vch_ctl_exit exit = call_with(ctl, VCH_OP_GET_PAIRING, "pairingId", id, pairing);
        if (exit != VCH_CTL_DONE) return exit;
    }
    if (vch_str_eq_c(vch_val_str_at(*pairing, "state"), "DONE")) return VCH_CTL_DONE;
    struct vch_str message = vch_val_str_at(*pairing, "message");
    (void)vch_ctl_fail(ctl, "the pairing is %.*s%s%.*s", VCH_STR_ARG(vch_val_str_at(*pairing, "state")), message.len ? ": " : "",
                       VCH_STR_ARG(message));
    return VCH_CTL_REFUSED;
}

static enum vch_ctl_exit approve(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed) {
    const struct vch_val *out = NULL;
    struct vch_val *inputs = NULL;
    enum vch_ctl_exit end = VCH_CTL_DONE, exit = find(ctl, parsed, &out);
    if (exit == VCH_CTL_DONE) exit = check_key(ctl, parsed, out);
    if (exit == VCH_CTL_DONE) exit = gather(ctl, parsed, out, &inputs);
    if (exit == VCH_CTL_DONE) exit = vch_ctl_call(ctl, VCH_OP_APPROVE_PAIRING, inputs, &out);
    if (exit == VCH_CTL_DONE && vch_ctl_switch(parsed, "--wait")) end = follow(ctl, &out);
    if (exit == VCH_CTL_DONE && end != VCH_CTL_UNREACHABLE) exit = vch_ctl_print(ctl, out, NULL, NULL);
    return end == VCH_CTL_DONE ? exit : end;
}

#define DEVICE                                                                                                         \
    { "DEVICE", NULL, NULL, VCH_CTL_REQUIRED, "the code that the device shows, or the id of the pairing" }

const struct vch_ctl_command vch_ctl_pair_commands[] = {
    {.group = "pair",
     .verb = "list",
     .summary = "List devices that wait to be vouched for, or were; newest first.",
     .args = (const struct vch_ctl_arg[]){{.name = NULL}},
     .op = VCH_OP_LIST_PAIRINGS,
     .list = "pairings",
     .columns = "pairingId state userCode serialNumber model sourceIp creationDate:time thingName"},
    {.group = "pair",
     .verb = "show",
     .summary = "Show a device that waits, its key and how far it is.",
     .args = VCH_CTL_ARGS(DEVICE),
     .op = VCH_OP_GET_PAIRING,
     .run = show},
    {.group = "pair",
     .verb = "approve",
     .summary = "Vouch for a device: it gets a claim for its own key.",
     .args = VCH_CTL_ARGS(DEVICE, {"--template", "NAME", "templateName", VCH_CTL_REQUIRED, "template that it is provisioned by"},
                          {"--thing-name", "NAME", "thingName", 0, "only for the thing of this name"},
                          {"--parameter", "NAME=VALUE", NULL, VCH_CTL_REPEAT, "fix a parameter of the template"},
                          {"--key", "HEX", NULL, 0, "only when the fingerprint of its key begins so (8 digits or more)"},
                          {"--wait", NULL, NULL, 0, "tell each step until the device is there"}),
     .op = VCH_OP_APPROVE_PAIRING,
     .run = approve},
    {.group = "pair",
     .verb = "deny",
     .summary = "Turn a device away.",
     .args = VCH_CTL_ARGS(DEVICE),
     .op = VCH_OP_DENY_PAIRING,
     .run = deny},
    {.group = NULL},
};
