/* Why a device may or may not do something. */
#include "core/names.h"
#include "ctl/target.h"

/* For people: the verdict and the advice, then what was looked at. */
static enum vch_ctl_exit print_tables(struct vch_ctl *ctl, const struct vch_val *out) {
    static const char *const names[] = {"verdict", "action", "resource", "thingName", "connection", "gateway"};
    struct vch_val *head = vch_ctl_inputs(ctl);
    const struct vch_val *suggestion = vch_val_get(out, "suggestion");
    for (size_t i = 0; head && i < sizeof names / sizeof *names; i++)
        if (vch_val_get(out, names[i]) &&
            vch_val_put_str(ctl->arena, head, names[i], vch_val_str_at(out, names[i])) != VCH_OK)
            head = NULL;
    if (!head || vch_val_put_str(ctl->arena, head, "suggestion", vch_val_str_at(suggestion, "sentence")) != VCH_OK)
        return vch_ctl_fail(ctl, "out of memory");
    enum vch_ctl_exit exit = vch_ctl_print(ctl, head, NULL, NULL);
    if (exit == VCH_CTL_DONE) exit = vch_ctl_print_text(ctl, VCH_STR("\n"));
    if (exit == VCH_CTL_DONE)
        exit = vch_ctl_print(ctl, out, "statements", "policyName statement sid effect action resource condition applies");
    if (exit == VCH_CTL_DONE && vch_val_get(out, "variables")->count == 0) return exit;
    if (exit == VCH_CTL_DONE) exit = vch_ctl_print_text(ctl, VCH_STR("\n"));
    return exit == VCH_CTL_DONE ? vch_ctl_print(ctl, out, "variables", "name value") : exit;
}

static enum vch_ctl_exit explain(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed) {
    struct vch_val *inputs = NULL;
    const struct vch_val *out = NULL;
    struct vch_str principal = vch_str_from(vch_ctl_arg(parsed, "PRINCIPAL"));
    enum vch_ctl_exit exit = vch_ctl_gather(ctl, parsed, VCH_OP_EXPLAIN, &inputs);
    if (exit != VCH_CTL_DONE) return exit;
    /* An id may be a claim's, which DescribeCertificate does not know. */
    if (vch_certificate_id_valid(principal)) exit = vch_ctl_certificate_arn(ctl, principal, &principal);
    if (exit != VCH_CTL_DONE) return exit;
    if (!vch_ctl_put(ctl, VCH_OP_EXPLAIN, inputs, "principal", principal))
        return vch_ctl_fail(ctl, "out of memory");
    exit = vch_ctl_call(ctl, VCH_OP_EXPLAIN, inputs, &out);
    if (exit != VCH_CTL_DONE) return exit;
    return ctl->table ? print_tables(ctl, out) : vch_ctl_print(ctl, out, NULL, NULL);
}

const struct vch_ctl_command vch_ctl_explain_commands[] = {
    {.group = "explain",
     .verb = "",
     .summary = "Tell why a certificate may or may not do something, and what would change that.",
     .args = VCH_CTL_ARGS({"PRINCIPAL", NULL, NULL, VCH_CTL_REQUIRED, "ARN or id of a certificate or claim"},
                          {"ACTION", NULL, "action", VCH_CTL_REQUIRED, "such as iot:Publish"},
                          {"RESOURCE", NULL, "resource", 0, "ARN, or its end such as topic/a/b (client/ID for iot:Connect)"},
                          {"--client-id", "ID", "clientId", 0, "client id of the connection"},
                          {"--source-ip", "ADDRESS", "sourceIp", 0, "where it comes from"},
                          {"--persistent", NULL, "persistent", 0, "the session is persistent"},
                          {"--will-topic", "TOPIC", "willTopic", 0, "topic of its will"}),
     .run = explain},
    {.group = NULL},
};
