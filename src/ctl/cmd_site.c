/* The server as a whole: how to reach it, and what to trust. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/run.h"

/* In single quotes, for eval in a POSIX shell. */
static void put_export(const char *name, struct vch_str value, struct vch_buf *buf) {
    vch_buf_printf(buf, "export %s='", name);
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] == '\'')
            vch_buf_c(buf, "'\\''");
        else
            vch_buf_bytes(buf, &value.ptr[i], 1);
    }
    vch_buf_c(buf, "'\n");
}

static void put_environment(const struct vch_ctl_site *site, struct vch_str ca_file, struct vch_buf *buf) {
    put_export("AWS_ACCESS_KEY_ID", site->access_key_id, buf);
    put_export("AWS_SECRET_ACCESS_KEY", site->secret_access_key, buf);
    if (site->session_token.len) put_export("AWS_SESSION_TOKEN", site->session_token, buf);
    put_export("AWS_REGION", site->region, buf);
    put_export("AWS_DEFAULT_REGION", site->region, buf); /* version 1 of the AWS CLI knows only this one */
    put_export("AWS_ENDPOINT_URL_IOT", site->endpoint, buf);
    put_export("AWS_ENDPOINT_URL_IOT_DATA_PLANE", site->endpoint, buf);
    put_export("AWS_ENDPOINT_URL_STS", site->endpoint, buf);
    if (ca_file.len) put_export("AWS_CA_BUNDLE", ca_file, buf);
}

enum vch_ctl_exit vch_ctl_print_environment(struct vch_ctl *ctl, const struct vch_ctl_site *site) {
    char absolute[PATH_MAX];
    struct vch_buf buf;
    struct vch_str text;
    struct vch_str ca_file = site->ca_file;
    if (ca_file.len && realpath(ca_file.ptr, absolute)) ca_file = vch_str_from(absolute);
    vch_buf_init_secret(&buf, 65536);
    put_environment(site, ca_file, &buf);
    enum vch_ctl_exit exit = VCH_CTL_USAGE;
    if (vch_buf_finish(&buf, &text) == VCH_OK) exit = vch_ctl_print_text(ctl, text);
    vch_buf_deinit(&buf);
    return exit;
}

static enum vch_ctl_exit aws_env(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed) {
    (void)parsed;
    return vch_ctl_print_environment(ctl, &ctl->site);
}

static enum vch_ctl_exit ca(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed) {
    struct vch_str pem;
    (void)parsed;
    enum vch_ctl_exit exit = vch_ctl_page(ctl, "/ca.pem", &pem);
    return exit == VCH_CTL_DONE ? vch_ctl_print_text(ctl, pem) : exit;
}

/* The bare host, for scripts: --endpoint "$(vouch endpoint)". */
static enum vch_ctl_exit endpoint(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed) {
    struct vch_val *inputs = NULL;
    const struct vch_val *out = NULL;
    enum vch_ctl_exit exit = vch_ctl_gather(ctl, parsed, VCH_OP_DESCRIBE_ENDPOINT, &inputs);
    if (exit == VCH_CTL_DONE) exit = vch_ctl_call(ctl, VCH_OP_DESCRIBE_ENDPOINT, inputs, &out);
    if (exit != VCH_CTL_DONE) return exit;
    if (!ctl->table) return vch_ctl_print(ctl, out, NULL, NULL);
    struct vch_str line = vch_arena_printf(ctl->arena, "%.*s\n", VCH_STR_ARG(vch_val_str_at(out, "endpointAddress")));
    return vch_ctl_print_text(ctl, line);
}

static const struct vch_ctl_arg none[] = {{.name = NULL}};

const struct vch_ctl_command vch_ctl_site_commands[] = {
    {.group = "aws-env",
     .verb = "",
     .summary = "Print the variables that point the AWS CLI and SDKs here, for eval.",
     .args = none,
     .run = aws_env},
    {.group = "endpoint",
     .verb = "",
     .summary = "Show the host that devices connect to (the bare name with --output table).",
     .args = VCH_CTL_ARGS({"--type", "TYPE", "endpointType", 0, "endpoint type, such as iot:Data-ATS"}),
     .op = VCH_OP_DESCRIBE_ENDPOINT,
     .run = endpoint},
    {.group = "site", .verb = "", .summary = "Show where devices find this server and what they trust.", .args = none, .op = VCH_OP_GET_SITE},
    {.group = "ca", .verb = "", .summary = "Print the root certificate to trust (PEM).", .args = none, .run = ca},
    {.group = NULL},
};
