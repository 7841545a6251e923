/* CreateKeysAndCertificate or CreateCertificateFromCsr, then RegisterThing.
 * Source: AWS IoT "Device provisioning MQTT API". */
#include <string.h>

#include "devlib/client_priv.h"
#include "devlib/json.h"

#define CREATE_KEYS "$aws/certificates/create/json"
#define CREATE_CSR "$aws/certificates/create-from-csr/json"

struct run {
    struct vch_device *device;
    const struct vch_device_provision *provision;
    struct vch_device_provisioned *ret;
    char register_topic[96];
    char token[VCH_DEVICE_TOKEN_MAX + 1]; /* secret */
};

static void enter(struct run *run, enum vch_device_stage stage) {
    run->device->failure.stage = stage;
    if (run->provision->progress) run->provision->progress(run->provision->arg, stage);
}

static struct vch_devjson_out payload_writer(const struct vch_device *device) {
    return (struct vch_devjson_out){
        .ptr = (char *)device->options.out + VCH_DEVICE_HEADROOM,
        .size = device->options.out_size - VCH_DEVICE_HEADROOM,
    };
}

static struct vch_str answer_text(const struct vch_device *device) {
    return vch_str_of(device->answer.payload, device->answer.payload_len);
}

/* ---- answers ------------------------------------------------------------ */

/* For people: cut to its room at a whole character, without control characters. */
static void keep_text(struct vch_device *device, const struct vch_devjson_field *field, char *out, size_t size) {
    char *text;
    if (vch_devjson_unescape(device->answer.payload, field, &text) != VCH_OK) return;
    size_t len = strlen(text);
    if (len >= size) len = size - 1;
    while (len > 0 && !vch_utf8_valid(vch_str_of(text, len))) len--;
    for (size_t i = 0; i < len; i++) out[i] = (unsigned char)text[i] < 0x20 || text[i] == 0x7F ? ' ' : text[i];
    out[len] = '\0';
}

static enum vch_device_status take_rejection(struct vch_device *device) {
    struct vch_devjson_field fields[] = {{.name = "statusCode"}, {.name = "errorCode"}, {.name = "errorMessage"}};
    struct vch_device_failure *failure = &device->failure;
    if (vch_devjson_scan(answer_text(device), fields, 3) != VCH_OK) return VCH_DEVICE_REJECTED;
    if (vch_devjson_int(answer_text(device), &fields[0], &failure->code) != VCH_OK) failure->code = 0;
    keep_text(device, &fields[1], failure->error_code, sizeof failure->error_code);
    keep_text(device, &fields[2], failure->error_message, sizeof failure->error_message);
    return VCH_DEVICE_REJECTED;
}

static enum vch_device_status ask(struct run *run, const char *topic, const struct vch_devjson_out *payload) {
    struct vch_device *device = run->device;
    if (payload->overflow) return VCH_DEVICE_SPACE;
    enum vch_device_status status = vch_device_request(device, topic, payload->len);
    vch_wipe(device->options.out, device->options.out_size);
    if (status != VCH_DEVICE_OK) return status;
    return device->answer.accepted ? VCH_DEVICE_OK : take_rejection(device);
}

/* ---- create ------------------------------------------------------------- */

static bool take_text(struct vch_device *device, const struct vch_devjson_field *field, char **ret) {
    return vch_devjson_unescape(device->answer.payload, field, ret) == VCH_OK && **ret;
}

/* The id becomes part of file names: nothing but hexadecimal digits passes. */
static bool id_is_plain(const char *id) {
    return strlen(id) <= 64 && strspn(id, "0123456789abcdefABCDEF") == strlen(id);
}

static enum vch_device_status save_identity(struct run *run) {
    struct vch_device *device = run->device;
    struct vch_devjson_field fields[] = {{.name = "certificateId"},
                                         {.name = "certificatePem"},
                                         {.name = "certificateOwnershipToken"},
                                         {.name = "privateKey"}};
    char *id, *pem, *token, *key = NULL;
    if (vch_devjson_scan(answer_text(device), fields, 4) != VCH_OK) return VCH_DEVICE_PROTOCOL;
    if (!take_text(device, &fields[0], &id) || !take_text(device, &fields[1], &pem) ||
        !take_text(device, &fields[2], &token))
        return VCH_DEVICE_PROTOCOL;
    if (!run->provision->csr_pem && !take_text(device, &fields[3], &key)) return VCH_DEVICE_PROTOCOL;
    if (!id_is_plain(id) || !vch_str_copy(run->token, sizeof run->token, vch_str_from(token)))
        return VCH_DEVICE_PROTOCOL;
    const struct vch_device_identity identity = {id, pem, key, token};
    enter(run, VCH_DEVICE_STAGE_SAVE);
    return run->provision->save(run->provision->arg, &identity) == 0 ? VCH_DEVICE_OK : VCH_DEVICE_STORAGE;
}

static enum vch_device_status create(struct run *run) {
    struct vch_device *device = run->device;
    const char *csr = run->provision->csr_pem;
    const char *topic = csr ? CREATE_CSR : CREATE_KEYS;
    enter(run, VCH_DEVICE_STAGE_CREATE_SUBSCRIBE);
    enum vch_device_status status = vch_device_subscribe_answers(device, topic);
    if (status != VCH_DEVICE_OK) return status;
    enter(run, VCH_DEVICE_STAGE_CREATE);
    struct vch_devjson_out payload = payload_writer(device);
    vch_devjson_raw(&payload, VCH_STR("{"));
    if (csr) {
        vch_devjson_raw(&payload, VCH_STR("\"certificateSigningRequest\":"));
        vch_devjson_string(&payload, csr);
    }
    vch_devjson_raw(&payload, VCH_STR("}"));
    status = ask(run, topic, &payload);
    if (status == VCH_DEVICE_OK) status = save_identity(run);
    vch_device_release(device);
    return status;
}

/* ---- register ----------------------------------------------------------- */

static void write_parameters(const struct vch_device_provision *p, struct vch_devjson_out *out) {
    if (p->parameters_json) {
        vch_devjson_raw(out, vch_str_from(p->parameters_json));
        return;
    }
    vch_devjson_raw(out, VCH_STR("{"));
    for (size_t i = 0; i < p->parameter_count; i++) {
        if (i) vch_devjson_raw(out, VCH_STR(","));
        vch_devjson_string(out, p->parameters[i].name);
        vch_devjson_raw(out, VCH_STR(":"));
        vch_devjson_string(out, p->parameters[i].value);
    }
    vch_devjson_raw(out, VCH_STR("}"));
}

static enum vch_device_status take_thing(struct run *run) {
    struct vch_device *device = run->device;
    struct vch_devjson_field fields[] = {{.name = "thingName"}, {.name = "deviceConfiguration"}};
    struct vch_device_provisioned *ret = run->ret;
    if (vch_devjson_scan(answer_text(device), fields, 2) != VCH_OK) return VCH_DEVICE_PROTOCOL;
    if (fields[0].type != VCH_DEVJSON_ABSENT && fields[0].type != VCH_DEVJSON_NULL &&
        vch_devjson_copy(answer_text(device), &fields[0], ret->thing_name, sizeof ret->thing_name) != VCH_OK)
        return VCH_DEVICE_PROTOCOL;
    ret->configuration_json = "{}";
    ret->configuration_len = 2;
    if (fields[1].type != VCH_DEVJSON_OBJECT) return VCH_DEVICE_OK;
    char *text = device->answer.payload + fields[1].start;
    text[fields[1].len] = '\0'; /* at least the outer brace follows */
    ret->configuration_json = text;
    ret->configuration_len = fields[1].len;
    return VCH_DEVICE_OK;
}

static enum vch_device_status register_thing(struct run *run) {
    enter(run, VCH_DEVICE_STAGE_REGISTER_SUBSCRIBE);
    enum vch_device_status status = vch_device_subscribe_answers(run->device, run->register_topic);
    if (status != VCH_DEVICE_OK) return status;
    enter(run, VCH_DEVICE_STAGE_REGISTER);
    struct vch_devjson_out payload = payload_writer(run->device);
    vch_devjson_raw(&payload, VCH_STR("{\"certificateOwnershipToken\":"));
    vch_devjson_string(&payload, run->token);
    vch_devjson_raw(&payload, VCH_STR(",\"parameters\":"));
    write_parameters(run->provision, &payload);
    vch_devjson_raw(&payload, VCH_STR("}"));
    status = ask(run, run->register_topic, &payload);
    if (status == VCH_DEVICE_OK) status = take_thing(run);
    if (status != VCH_DEVICE_OK) vch_device_release(run->device);
    return status;
}

/* ---- the whole ---------------------------------------------------------- */

static bool template_is_plain(const char *name) {
    static const char allowed[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-";
    size_t len = name ? strlen(name) : 0;
    return len > 0 && len <= VCH_DEVICE_TEMPLATE_MAX && strspn(name, allowed) == len;
}

static bool pairs_are_text(const struct vch_device_provision *p) {
    for (size_t i = 0; i < p->parameter_count; i++) {
        const struct vch_device_pair *pair = &p->parameters[i];
        if (!pair->name || !pair->value) return false;
        if (!vch_utf8_valid(vch_str_from(pair->name)) || !vch_utf8_valid(vch_str_from(pair->value))) return false;
    }
    return true;
}

static bool arguments_hold(const struct vch_device_provision *p) {
    if (!template_is_plain(p->template_name) || (!p->save && !p->token)) return false;
    if (p->token && (!*p->token || strlen(p->token) > VCH_DEVICE_TOKEN_MAX)) return false;
    if (p->parameters_json && vch_devjson_check_map(vch_str_from(p->parameters_json)) != VCH_OK) return false;
    if (p->csr_pem && !vch_utf8_valid(vch_str_from(p->csr_pem))) return false;
    return p->parameters_json || pairs_are_text(p);
}

static void name_topic(struct run *run) {
    struct vch_devjson_out out = {.ptr = run->register_topic, .size = sizeof run->register_topic - 1};
    vch_devjson_raw(&out, VCH_STR("$aws/provisioning-templates/"));
    vch_devjson_raw(&out, vch_str_from(run->provision->template_name));
    vch_devjson_raw(&out, VCH_STR("/provision/json"));
    vch_assert(!out.overflow);
}

enum vch_device_status vch_device_provision(struct vch_device *device, const struct vch_device_provision *provision,
                                            struct vch_device_provisioned *ret) {
    struct run run = {.device = device, .provision = provision, .ret = ret};
    memset(ret, 0, sizeof *ret);
    memset(&device->failure, 0, sizeof device->failure);
    if (!arguments_hold(provision)) return VCH_DEVICE_ARGUMENT;
    name_topic(&run);
    enum vch_device_status status = VCH_DEVICE_OK;
    vch_device_release(device);
    if (provision->token)
        (void)vch_str_copy(run.token, sizeof run.token, vch_str_from(provision->token));
    else
        status = create(&run);
    if (status == VCH_DEVICE_OK) status = register_thing(&run);
    vch_wipe(run.token, sizeof run.token);
    if (status == VCH_DEVICE_OK) enter(&run, VCH_DEVICE_STAGE_DONE);
    return status;
}
