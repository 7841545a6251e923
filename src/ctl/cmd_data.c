/* The data plane: messages, retained messages, connections. */
#include "base/codec.h"
#include "ctl/target.h"

/* The payload as it is, for pipes; else the answer as always, payload in base64. */
static enum vch_ctl_exit get_retained(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed) {
    struct vch_val *inputs = NULL;
    const struct vch_val *out = NULL;
    struct vch_buf payload;
    struct vch_str bytes;
    enum vch_ctl_exit exit = vch_ctl_gather(ctl, parsed, VCH_OP_GET_RETAINED_MESSAGE, &inputs);
    if (exit == VCH_CTL_DONE) exit = vch_ctl_call(ctl, VCH_OP_GET_RETAINED_MESSAGE, inputs, &out);
    if (exit != VCH_CTL_DONE || !vch_ctl_switch(parsed, "--raw")) return exit == VCH_CTL_DONE ? vch_ctl_print(ctl, out, NULL, NULL) : exit;
    vch_buf_init_secret(&payload, 1 << 20);
    bool good = vch_unbase64(vch_val_str_at(out, "payload"), &payload) == VCH_OK && vch_buf_finish(&payload, &bytes) == VCH_OK;
    if (!good) exit = vch_ctl_fail(ctl, "the payload of the answer is not base64");
    else if (fwrite(bytes.ptr, 1, bytes.len, ctl->out) != bytes.len) exit = vch_ctl_fail(ctl, "cannot write");
    vch_buf_deinit(&payload);
    return exit;
}

#define TOPIC                                                                                                          \
    { "TOPIC", NULL, "topic", VCH_CTL_REQUIRED, "topic of the message" }

const struct vch_ctl_command vch_ctl_data_commands[] = {
    {.group = "publish",
     .verb = "",
     .summary = "Publish a message.",
     .args = VCH_CTL_ARGS(TOPIC, {"FILE", NULL, "payload", VCH_CTL_FILE, "the payload; - reads standard input; without: no payload"},
                          {"--qos", "0|1", "qos", 0, "quality of service"}, {"--retain", NULL, "retain", 0, "keep it for those who subscribe later"},
                          {"--content-type", "TYPE", "contentType", 0, "MQTT 5 content type"},
                          {"--response-topic", "TOPIC", "responseTopic", 0, "MQTT 5 response topic"},
                          {"--expiry", "SECONDS", "messageExpiry", 0, "how long the message counts"}),
     .op = VCH_OP_PUBLISH},
    {.group = "retained",
     .verb = "list",
     .summary = "List the topics that have a retained message.",
     .args = VCH_CTL_ARGS({.name = NULL}),
     .op = VCH_OP_LIST_RETAINED_MESSAGES,
     .list = "retainedTopics",
     .columns = "topic payloadSize qos lastModifiedTime"},
    {.group = "retained",
     .verb = "get",
     .summary = "Show the retained message of a topic.",
     .args = VCH_CTL_ARGS(TOPIC, {"--raw", NULL, NULL, 0, "print the payload alone, as it is"}),
     .run = get_retained},
    {.group = "connection",
     .verb = "delete",
     .summary = "End the connection of a client.",
     .args = VCH_CTL_ARGS({"CLIENT", NULL, "clientId", VCH_CTL_REQUIRED, "client id"},
                          {"--clean-session", NULL, "cleanSession", 0, "forget its session too"},
                          {"--no-will", NULL, "preventWillMessage", 0, "do not publish its will"}),
     .op = VCH_OP_DELETE_CONNECTION},
    {.group = NULL},
};
