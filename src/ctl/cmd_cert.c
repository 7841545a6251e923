/* Certificates of devices. */
#include "ctl/target.h"

static enum vch_ctl_exit policies(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed) {
    return vch_ctl_call_target(ctl, parsed, VCH_OP_LIST_ATTACHED_POLICIES, "target");
}

static enum vch_ctl_exit get(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed) {
    struct vch_val *inputs = NULL;
    const struct vch_val *out = NULL;
    enum vch_ctl_exit exit = vch_ctl_gather(ctl, parsed, VCH_OP_DESCRIBE_CERTIFICATE, &inputs);
    if (exit == VCH_CTL_DONE) exit = vch_ctl_call(ctl, VCH_OP_DESCRIBE_CERTIFICATE, inputs, &out);
    if (exit != VCH_CTL_DONE) return exit;
    if (!vch_ctl_switch(parsed, "--pem")) return vch_ctl_print(ctl, out, NULL, NULL);
    return vch_ctl_print_text(ctl, vch_val_str_at(vch_val_get(out, "certificateDescription"), "certificatePem"));
}

static enum vch_ctl_exit create(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed) {
    enum vch_op op = vch_ctl_arg(parsed, "--csr") ? VCH_OP_CREATE_CERTIFICATE_FROM_CSR : VCH_OP_CREATE_KEYS_AND_CERTIFICATE;
    struct vch_val *inputs = NULL;
    const struct vch_val *out = NULL;
    enum vch_ctl_exit exit = vch_ctl_gather(ctl, parsed, op, &inputs);
    if (exit == VCH_CTL_DONE) exit = vch_ctl_call(ctl, op, inputs, &out);
    return exit == VCH_CTL_DONE ? vch_ctl_print(ctl, out, NULL, NULL) : exit;
}

static enum vch_ctl_exit take_in(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed) {
    bool alone = vch_ctl_switch(parsed, "--without-ca");
    enum vch_op op = alone ? VCH_OP_REGISTER_CERTIFICATE_WITHOUT_CA : VCH_OP_REGISTER_CERTIFICATE;
    struct vch_str status = vch_ctl_switch(parsed, "--active") ? VCH_STR("ACTIVE") : VCH_STR("INACTIVE");
    struct vch_val *inputs = NULL;
    const struct vch_val *out = NULL;
    if (alone && vch_ctl_arg(parsed, "--ca")) return vch_ctl_fail(ctl, "--ca and --without-ca do not go together");
    enum vch_ctl_exit exit = vch_ctl_gather(ctl, parsed, op, &inputs);
    if (exit != VCH_CTL_DONE) return exit;
    if (!vch_ctl_put(ctl, op, inputs, "status", status)) return vch_ctl_fail(ctl, "out of memory");
    exit = vch_ctl_call(ctl, op, inputs, &out);
    return exit == VCH_CTL_DONE ? vch_ctl_print(ctl, out, NULL, NULL) : exit;
}

#define ID                                                                                                             \
    { "ID", NULL, "certificateId", VCH_CTL_REQUIRED, "id of the certificate: 64 hexadecimal digits" }
#define TARGET                                                                                                         \
    { "TARGET", NULL, NULL, VCH_CTL_REQUIRED, "a certificate's ARN or id" }

const struct vch_ctl_command vch_ctl_cert_commands[] = {
    {.group = "cert",
     .verb = "list",
     .summary = "List certificates, newest first.",
     .args = (const struct vch_ctl_arg[]){{.name = NULL}},
     .op = VCH_OP_LIST_CERTIFICATES,
     .list = "certificates",
     .columns = "certificateId status creationDate:time"},
    {.group = "cert",
     .verb = "get",
     .summary = "Show a certificate.",
     .args = VCH_CTL_ARGS(ID, {"--pem", NULL, NULL, 0, "print the certificate alone"}),
     .run = get},
    {.group = "cert",
     .verb = "create",
     .summary = "Make a key pair and its certificate, or a certificate for a request.",
     .args = VCH_CTL_ARGS({"--csr", "FILE", "certificateSigningRequest", VCH_CTL_FILE, "the request; without it the server makes the key"},
                          {"--active", NULL, "setAsActive", 0, "in force at once"}),
     .run = create},
    {.group = "cert",
     .verb = "register",
     .summary = "Take in a certificate that another authority signed.",
     .args = VCH_CTL_ARGS({"FILE", NULL, "certificatePem", VCH_CTL_REQUIRED | VCH_CTL_FILE, "the certificate in PEM"},
                          {"--ca", "FILE", "caCertificatePem", VCH_CTL_FILE, "its authority, when several could have signed it"},
                          {"--without-ca", NULL, NULL, 0, "whoever signed it"}, {"--active", NULL, NULL, 0, "in force at once"}),
     .run = take_in},
    {.group = "cert",
     .verb = "policies",
     .summary = "List the policies of a certificate.",
     .args = VCH_CTL_ARGS(TARGET),
     .run = policies,
     .list = "policies",
     .columns = "policyName policyArn"},
    {.group = "cert",
     .verb = "activate",
     .summary = "Let a certificate connect.",
     .args = VCH_CTL_ARGS(ID),
     .op = VCH_OP_UPDATE_CERTIFICATE,
     .preset = "newStatus=ACTIVE"},
    {.group = "cert",
     .verb = "deactivate",
     .summary = "Close a certificate's connections and let it open none.",
     .args = VCH_CTL_ARGS(ID),
     .op = VCH_OP_UPDATE_CERTIFICATE,
     .preset = "newStatus=INACTIVE"},
    {.group = "cert",
     .verb = "revoke",
     .summary = "The same, for good.",
     .args = VCH_CTL_ARGS(ID),
     .op = VCH_OP_UPDATE_CERTIFICATE,
     .preset = "newStatus=REVOKED"},
    {.group = "cert",
     .verb = "delete",
     .summary = "Delete a certificate that is not active.",
     .args = VCH_CTL_ARGS(ID, {"--force", NULL, "forceDelete", 0, "detach its policies first"}),
     .op = VCH_OP_DELETE_CERTIFICATE},
    {.group = NULL},
};
