/* Provisioning claims: five minutes to become a device. */
#include "ctl/claim_files.h"
#include "ctl/claim_qr.h"
#include "ctl/pairs.h"
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

/* Any of these asks for more than AWS's plain claim. */
static bool is_bound(const struct vch_ctl_parsed *parsed) {
    static const char *const names[] = {"--thing-name", "--parameter", "--uses", "--ttl", "--source", "--public-key", "--csr", "--same-key", "--qr"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (vch_ctl_arg(parsed, names[i])) return true;
    return false;
}

static enum vch_ctl_exit gather_claim(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed, enum vch_op op, struct vch_val **ret) {
    if (op == VCH_OP_CREATE_CLAIM) {
        enum vch_ctl_exit exit = vch_ctl_gather(ctl, parsed, op, ret);
        if (exit != VCH_CTL_DONE || !vch_ctl_arg(parsed, "--parameter")) return exit;
        struct vch_val *parameters = vch_val_put_map(ctl->arena, *ret, "parameters");
        return parameters ? vch_ctl_pairs(ctl, parsed, "--parameter", parameters) : vch_ctl_fail(ctl, "out of memory");
    }
    *ret = vch_ctl_inputs(ctl);
    bool ok = *ret && vch_ctl_put(ctl, op, *ret, "templateName", vch_str_from(vch_ctl_arg(parsed, "--template")));
    return ok ? VCH_CTL_DONE : vch_ctl_fail(ctl, "out of memory");
}

/* What can fail without a claim comes first: a claim is not spent on it. */
static enum vch_ctl_exit create(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed) {
    const char *folder = vch_ctl_arg(parsed, "--out");
    bool qr = vch_ctl_arg(parsed, "--qr") != NULL;
    enum vch_op op = is_bound(parsed) ? VCH_OP_CREATE_CLAIM : VCH_OP_CREATE_PROVISIONING_CLAIM;
    struct vch_ctl_claim claim = {.mqtt_port = ctl->site.mqtt_port,
                                  .edge_port = ctl->site.edge_port,
                                  .own_key = vch_ctl_arg(parsed, "--public-key") || vch_ctl_arg(parsed, "--csr")};
    struct vch_diag diag = {0};
    struct vch_val *inputs = NULL;
    if (qr && claim.own_key) return vch_ctl_fail(ctl, "--qr hands over a key that the server makes: it goes without --public-key and --csr");
    enum vch_ctl_exit exit = gather_claim(ctl, parsed, op, &inputs);
    if (exit == VCH_CTL_DONE && folder) exit = describe_endpoint(ctl, &claim.endpoint);
    if (exit == VCH_CTL_DONE && folder) exit = vch_ctl_page(ctl, "/ca.pem", &claim.root_pem);
    if (exit == VCH_CTL_DONE) exit = vch_ctl_call(ctl, op, inputs, &claim.answer);
    if (exit != VCH_CTL_DONE) return exit;
    claim.template_name = vch_str_from(vch_ctl_arg(parsed, "--template"));
    if (qr) exit = vch_ctl_claim_qr(ctl, claim.answer, claim.template_name);
    if (!folder) return qr ? exit : vch_ctl_print(ctl, claim.answer, NULL, NULL);
    enum vch_err err = vch_ctl_claim_write(folder, &claim, ctl->arena, &diag);
    if (err != VCH_OK) return vch_ctl_fail(ctl, "%s", diag.message[0] ? diag.message : vch_err_word(err));
    return qr ? exit : print_summary(ctl, claim.answer, folder);
}

#define CLAIM                                                                                                          \
    { "CLAIM", NULL, "claimId", VCH_CTL_REQUIRED, "id of the claim" }
#define REQUEST                                                                                                        \
    { "REQUEST", NULL, "requestId", VCH_CTL_REQUIRED, "id of the request" }

const struct vch_ctl_command vch_ctl_claim_commands[] = {
    {.group = "claim",
     .verb = "create",
     .summary = "Make a claim, good for five minutes and one device unless told otherwise.",
     .args = VCH_CTL_ARGS(
         {"--template", "NAME", "templateName", VCH_CTL_REQUIRED, "template that the claim is for"},
         {"--out", "DIR", NULL, 0, "write claim.pem.crt, claim.private.pem.key, root-ca.pem, bundle.json there"},
         {"--qr", NULL, NULL, 0, "draw it as a QR code, for the camera of the device"},
         {"--thing-name", "NAME", "thingName", 0, "only for the thing of this name"},
         {"--parameter", "NAME=VALUE", NULL, VCH_CTL_REPEAT, "fix a parameter of the template"},
         {"--uses", "N", "maxUses", 0, "for so many devices (1)"},
         {"--ttl", "SECONDS", "lifetimeSeconds", 0, "good for so long (300)"},
         {"--source", "NETWORK", "source", 0, "only from there, such as 10.0.0.0/8"},
         {"--public-key", "FILE", "publicKey", VCH_CTL_FILE, "for the device's own key (PEM): no key is made"},
         {"--csr", "FILE", "certificateSigningRequest", VCH_CTL_FILE, "the same, proven by a signing request"},
         {"--same-key", NULL, "sameKey", 0, "its certificate must be for that key too"}),
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
     .verb = "show",
     .summary = "Show a claim; the same as get.",
     .args = VCH_CTL_ARGS(CLAIM),
     .op = VCH_OP_DESCRIBE_CLAIM},
    {.group = "claim",
     .verb = "requests",
     .summary = "List claims that wait for a second person, newest first.",
     .args = (const struct vch_ctl_arg[]){{.name = NULL}},
     .op = VCH_OP_LIST_CLAIM_REQUESTS,
     .list = "requests",
     .columns = "requestId state principal templateName creationDate:time decidedBy"},
    {.group = "claim",
     .verb = "approve",
     .summary = "Agree to a claim that somebody else asked for; good once, for an hour.",
     .args = VCH_CTL_ARGS(REQUEST),
     .op = VCH_OP_APPROVE_CLAIM_REQUEST},
    {.group = "claim",
     .verb = "deny",
     .summary = "Turn such a request down.",
     .args = VCH_CTL_ARGS(REQUEST),
     .op = VCH_OP_DENY_CLAIM_REQUEST},
    {.group = "claim",
     .verb = "cancel",
     .summary = "End a claim before its time.",
     .args = VCH_CTL_ARGS(CLAIM),
     .op = VCH_OP_CANCEL_CLAIM},
    {.group = NULL},
};
