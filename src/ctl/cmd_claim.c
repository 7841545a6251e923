/* Provisioning claims: five minutes to become a device. */
#include "ctl/claim_files.h"
#include "ctl/run.h"

/* "localhost" of "https://localhost:8443/x"; "::1" of "https://[::1]:8443". */
static struct vch_str host_of(struct vch_str url) {
    size_t start = vch_str_find(url, '/', 0);
    struct vch_str rest = vch_str_sub(url, start == SIZE_MAX ? 0 : start + 2, SIZE_MAX);
    bool literal = rest.len && rest.ptr[0] == '[';
    if (literal) rest = vch_str_sub(rest, 1, SIZE_MAX);
    size_t end = vch_str_find(rest, literal ? ']' : ':', 0);
    if (end == SIZE_MAX) end = vch_str_find(rest, '/', 0);
    return vch_str_sub(rest, 0, end);
}

static enum vch_ctl_exit describe_endpoint(struct vch_ctl *ctl, struct vch_str *ret) {
    const struct vch_val *out = NULL;
    struct vch_val *inputs = vch_ctl_inputs(ctl);
    if (!inputs || !vch_ctl_put(ctl, VCH_OP_DESCRIBE_ENDPOINT, inputs, "endpointType", VCH_STR("iot:Data-ATS")))
        return vch_ctl_fail(ctl, "out of memory");
    struct vch_ctl_error error;
    enum vch_ctl_exit exit = vch_ctl_try(ctl, VCH_OP_DESCRIBE_ENDPOINT, inputs, &out, &error);
    if (exit == VCH_CTL_DONE) *ret = vch_val_str_at(out, "endpointAddress");
    if (exit != VCH_CTL_REFUSED) return vch_ctl_refused(ctl, exit, &error);
    /* A trusted user may be allowed the claim and nothing else. */
    *ret = host_of(ctl->site.endpoint);
    return VCH_CTL_DONE;
}

/* What the files say must not repeat the key on the terminal. */
static enum vch_ctl_exit print_summary(struct vch_ctl *ctl, const struct vch_val *answer, const char *folder) {
    struct vch_val *map = vch_ctl_inputs(ctl);
    const struct vch_val *expiration = vch_val_get(answer, "expiration");
    struct vch_val *slot = NULL;
    bool ok = map &&
              vch_val_put_str(ctl->arena, map, "certificateId", vch_val_str_at(answer, "certificateId")) == VCH_OK &&
              vch_val_put_str(ctl->arena, map, "folder", vch_str_from(folder)) == VCH_OK;
    if (ok && expiration) slot = vch_val_put(ctl->arena, map, "expiration");
    if (!ok || (expiration && !slot)) return vch_ctl_fail(ctl, "out of memory");
    if (slot) *slot = *expiration;
    return vch_ctl_print(ctl, map, NULL, NULL);
}

/* What can fail without a claim comes first: a claim is not spent on it. */
static enum vch_ctl_exit create(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed) {
    const char *folder = vch_ctl_arg(parsed, "--out");
    struct vch_ctl_claim claim = {.mqtt_port = ctl->site.mqtt_port, .edge_port = ctl->site.edge_port};
    struct vch_diag diag = {0};
    struct vch_val *inputs = NULL;
    enum vch_ctl_exit exit = vch_ctl_gather(ctl, parsed, VCH_OP_CREATE_PROVISIONING_CLAIM, &inputs);
    if (exit == VCH_CTL_DONE && folder) exit = describe_endpoint(ctl, &claim.endpoint);
    if (exit == VCH_CTL_DONE && folder) exit = vch_ctl_page(ctl, "/ca.pem", &claim.root_pem);
    if (exit == VCH_CTL_DONE) exit = vch_ctl_call(ctl, VCH_OP_CREATE_PROVISIONING_CLAIM, inputs, &claim.answer);
    if (exit != VCH_CTL_DONE) return exit;
    if (!folder) return vch_ctl_print(ctl, claim.answer, NULL, NULL);
    claim.template_name = vch_str_from(vch_ctl_arg(parsed, "--template"));
    enum vch_err err = vch_ctl_claim_write(folder, &claim, ctl->arena, &diag);
    if (err != VCH_OK) return vch_ctl_fail(ctl, "%s", diag.message[0] ? diag.message : vch_err_word(err));
    return print_summary(ctl, claim.answer, folder);
}

#define CLAIM                                                                                                          \
    { "CLAIM", NULL, "claimId", VCH_CTL_REQUIRED, "id of the claim" }

const struct vch_ctl_command vch_ctl_claim_commands[] = {
    {.group = "claim",
     .verb = "create",
     .summary = "Make a claim, good for five minutes.",
     .args = VCH_CTL_ARGS(
         {"--template", "NAME", "templateName", VCH_CTL_REQUIRED, "template that the claim is for"},
         {"--out", "DIR", NULL, 0, "write claim.pem.crt, claim.private.pem.key, root-ca.pem, bundle.json there"}),
     .run = create},
    {.group = "claim",
     .verb = "list",
     .summary = "List claims, newest first.",
     .args = (const struct vch_ctl_arg[]){{.name = NULL}},
     .op = VCH_OP_LIST_CLAIMS,
     .list = "claims",
     .columns = "claimId templateName state uses maxUses expiration:time createdBy"},
    {.group = "claim",
     .verb = "get",
     .summary = "Show a claim.",
     .args = VCH_CTL_ARGS(CLAIM),
     .op = VCH_OP_DESCRIBE_CLAIM},
    {.group = "claim",
     .verb = "cancel",
     .summary = "End a claim before its time.",
     .args = VCH_CTL_ARGS(CLAIM),
     .op = VCH_OP_CANCEL_CLAIM},
    {.group = NULL},
};
