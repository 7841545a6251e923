/* CreateKeysAndCertificate or CreateCertificateFromCsr, then RegisterThing; for
 * a first identity or for a successor. Source: AWS IoT "Device provisioning MQTT
 * API". */
#include <string.h>

#include "devlib/answer.h"
#include "devlib/client_priv.h"
#include "devlib/journal.h"

struct run {
    struct vch_device *device;
    const struct vch_device_provision *provision;
    struct vch_device_provisioned *ret;
    bool cbor, rotation;
    char topic[VCH_DEVICE_ANSWER_MAX - 8]; /* of the request; "/accepted" fits behind it */
    size_t payload_len;                    /* of what is composed in `out` */
};

_Static_assert(sizeof "$aws/provisioning-templates//provision/json" + VCH_DEVICE_TEMPLATE_MAX <=
                   VCH_DEVICE_ANSWER_MAX - 8,
               "the longest topic fits");

static void enter(struct run *run, enum vch_device_stage stage) {
    run->device->failure.stage = stage;
    if (run->provision->progress) run->provision->progress(run->provision->arg, stage);
}

static struct vch_devjson_out payload_writer(const struct vch_device *device) {
    size_t taken = VCH_DEVICE_HEADROOM + device->out_reserved;
    return (struct vch_devjson_out){
        .ptr = (char *)device->options.out + VCH_DEVICE_HEADROOM,
        .size = device->options.out_size > taken ? device->options.out_size - taken : 0,
    };
}

static struct vch_answer answer_of(const struct run *run) {
    return (struct vch_answer){run->device->answer.payload, run->device->answer.payload_len, run->cbor};
}

static void name_topic(struct run *run, struct vch_str start, const char *middle, struct vch_str end) {
    struct vch_devjson_out out = {.ptr = run->topic, .size = sizeof run->topic - 1};
    vch_devjson_raw(&out, start);
    vch_devjson_raw(&out, vch_str_from(middle));
    vch_devjson_raw(&out, end);
    vch_devjson_raw(&out, run->cbor ? VCH_STR("cbor") : VCH_STR("json"));
    run->topic[out.len] = '\0';
}

/* ---- requests ----------------------------------------------------------- */

/* A member before whose name `first` says what goes. */
static void put_name(const struct run *run, struct vch_devjson_out *out, bool first, struct vch_str name) {
    if (run->cbor) {
        vch_devcbor_put_text(out, name);
        return;
    }
    vch_devjson_char(out, first ? '{' : ',');
    vch_devjson_string(out, name);
    vch_devjson_char(out, ':');
}

static void put_text(const struct run *run, struct vch_devjson_out *out, struct vch_str text) {
    if (run->cbor)
        vch_devcbor_put_text(out, text);
    else
        vch_devjson_string(out, text);
}

static void put_end(const struct run *run, struct vch_devjson_out *out) {
    if (!run->cbor) vch_devjson_char(out, '}');
}

static void put_pairs(const struct run *run, struct vch_devjson_out *out) {
    const struct vch_device_provision *p = run->provision;
    if (run->cbor)
        vch_devcbor_put_map(out, p->parameter_count);
    else if (p->parameter_count == 0)
        vch_devjson_char(out, '{');
    for (size_t i = 0; i < p->parameter_count; i++) {
        put_name(run, out, i == 0, vch_str_from(p->parameters[i].name));
        put_text(run, out, vch_str_from(p->parameters[i].value));
    }
    put_end(run, out);
}

static void put_parameters(const struct run *run, struct vch_devjson_out *out) {
    struct vch_str json = vch_str_from(run->provision->parameters_json);
    if (!json.ptr)
        put_pairs(run, out);
    else if (!run->cbor)
        vch_devjson_raw(out, json);
    else if (vch_devcbor_put_json(out, json) != VCH_OK)
        out->overflow = true;
}

static enum vch_device_status compose_create(struct run *run) {
    struct vch_devjson_out out = payload_writer(run->device);
    const char *csr = run->provision->csr_pem;
    if (run->cbor)
        vch_devcbor_put_map(&out, csr ? 1 : 0);
    else if (!csr)
        vch_devjson_char(&out, '{');
    if (csr) {
        put_name(run, &out, true, VCH_STR("certificateSigningRequest"));
        put_text(run, &out, vch_str_from(csr));
    }
    put_end(run, &out);
    run->payload_len = out.len;
    return out.overflow ? VCH_DEVICE_SPACE : VCH_DEVICE_OK;
}

static enum vch_device_status compose_register(struct run *run, struct vch_str token) {
    struct vch_devjson_out out = payload_writer(run->device);
    if (run->cbor) vch_devcbor_put_map(&out, 2);
    put_name(run, &out, true, VCH_STR("certificateOwnershipToken"));
    put_text(run, &out, token);
    put_name(run, &out, false, VCH_STR("parameters"));
    put_parameters(run, &out);
    put_end(run, &out);
    run->payload_len = out.len;
    return out.overflow ? VCH_DEVICE_SPACE : VCH_DEVICE_OK;
}

/* Sends what is composed; it holds secrets and is wiped whatever happens. */
static enum vch_device_status ask(struct run *run, enum vch_device_stage subscribe, enum vch_device_stage request) {
    struct vch_device *device = run->device;
    enter(run, subscribe);
    enum vch_device_status status = vch_device_subscribe_answers(device, run->topic);
    if (status == VCH_DEVICE_OK) {
        enter(run, request);
        status = vch_device_request(device, run->topic, run->payload_len);
    }
    vch_wipe(device->options.out, device->options.out_size - device->out_reserved);
    if (status != VCH_DEVICE_OK || device->answer.accepted) return status;
    const struct vch_answer answer = answer_of(run);
    vch_answer_rejection(&answer, &device->failure);
    return VCH_DEVICE_REJECTED;
}

/* ---- create ------------------------------------------------------------- */

static enum vch_device_status save_identity(struct run *run, struct vch_device_identity *ret) {
    const struct vch_device_provision *p = run->provision;
    const struct vch_answer answer = answer_of(run);
    if (!vch_answer_identity(&answer, p->csr_pem == NULL, ret)) return VCH_DEVICE_PROTOCOL;
    (void)vch_str_copy(run->ret->certificate_id, sizeof run->ret->certificate_id, vch_str_from(ret->certificate_id));
    enter(run, VCH_DEVICE_STAGE_SAVE);
    if (p->save(p->arg, ret) != 0) return VCH_DEVICE_STORAGE;
    if (!p->storage) return VCH_DEVICE_OK;
    const struct vch_journal_record record = {true, run->rotation, vch_str_from(p->template_name),
                                              vch_str_from(ret->certificate_id), vch_str_from(ret->token)};
    return vch_journal_keep(run->device, p->storage, &record);
}

/* A record that is not gone on with goes first: it must never stand beside an
 * identity that was saved for another. */
static enum vch_device_status begin_anew(struct run *run) {
    const struct vch_device_storage *storage = run->provision->storage;
    vch_journal_forget(run->device);
    return storage && storage->erase(storage->arg) != 0 ? VCH_DEVICE_STORAGE : VCH_DEVICE_OK;
}

/* Leaves RegisterThing's request composed. */
VCH_DEVICE_APART static enum vch_device_status create(struct run *run) {
    struct vch_device_identity identity;
    enum vch_device_status status = begin_anew(run);
    if (status == VCH_DEVICE_OK) status = compose_create(run);
    if (status != VCH_DEVICE_OK) return status;
    name_topic(run, VCH_STR("$aws/certificates/create"), run->provision->csr_pem ? "-from-csr" : "", VCH_STR("/"));
    status = ask(run, VCH_DEVICE_STAGE_CREATE_SUBSCRIBE, VCH_DEVICE_STAGE_CREATE);
    if (status == VCH_DEVICE_OK) status = save_identity(run, &identity);
    if (status == VCH_DEVICE_OK) {
        status = compose_register(run, vch_str_from(identity.token));
        if (status != VCH_DEVICE_OK) run->device->failure.stage = VCH_DEVICE_STAGE_REGISTER;
    }
    vch_device_release(run->device);
    return status;
}

/* ---- register ----------------------------------------------------------- */

static enum vch_device_status take_name(struct run *run, const struct vch_devjson_field *field) {
    const struct vch_answer answer = answer_of(run);
    const char *wanted = run->rotation ? run->provision->thing_name : NULL;
    char *text = NULL;
    bool named = field->type != VCH_DEVJSON_ABSENT && field->type != VCH_DEVJSON_NULL;
    if (named && vch_answer_text(&answer, field, &text) != VCH_OK) return VCH_DEVICE_PROTOCOL;
    if (named && !vch_str_copy(run->ret->thing_name, sizeof run->ret->thing_name, vch_str_from(text)))
        return VCH_DEVICE_PROTOCOL;
    return wanted && strcmp(wanted, run->ret->thing_name) != 0 ? VCH_DEVICE_PROTOCOL : VCH_DEVICE_OK;
}

/* JSON stays where it came; CBOR is written anew, in `out`. */
static enum vch_device_status take_configuration(struct run *run, const struct vch_devjson_field *field) {
    const struct vch_answer answer = answer_of(run);
    struct vch_devjson_out out = payload_writer(run->device);
    run->ret->configuration_json = "{}";
    run->ret->configuration_len = 2;
    if (field->type != VCH_DEVJSON_OBJECT) return VCH_DEVICE_OK;
    if (run->cbor) {
        if (out.size == 0) return VCH_DEVICE_SPACE;
        out.size--; /* for the end */
        if (vch_devcbor_json(vch_str_of(answer.document + field->start, field->len), &out) != VCH_OK)
            return VCH_DEVICE_SPACE;
    } else {
        out = (struct vch_devjson_out){.ptr = answer.document + field->start, .len = field->len};
    }
    out.ptr[out.len] = '\0'; /* in JSON at least the outer brace follows */
    run->ret->configuration_json = out.ptr;
    run->ret->configuration_len = out.len;
    return VCH_DEVICE_OK;
}

/* The name first: the end of the configuration may be written over what follows. */
static enum vch_device_status take_thing(struct run *run) {
    struct vch_devjson_field fields[] = {{.name = "thingName"}, {.name = "deviceConfiguration"}};
    const struct vch_answer answer = answer_of(run);
    if (vch_answer_scan(&answer, fields, 2) != VCH_OK) return VCH_DEVICE_PROTOCOL;
    enum vch_device_status status = take_name(run, &fields[0]);
    return status == VCH_DEVICE_OK ? take_configuration(run, &fields[1]) : status;
}

static enum vch_device_status conclude(struct run *run) {
    const struct vch_device_provision *p = run->provision;
    if (p->registered && p->registered(p->arg, run->ret) != 0) return VCH_DEVICE_STORAGE;
    return p->storage && p->storage->erase(p->storage->arg) != 0 ? VCH_DEVICE_STORAGE : VCH_DEVICE_OK;
}

/* What is composed, under the template's topic. */
static enum vch_device_status register_thing(struct run *run) {
    name_topic(run, VCH_STR("$aws/provisioning-templates/"), run->provision->template_name, VCH_STR("/provision/"));
    enum vch_device_status status = ask(run, VCH_DEVICE_STAGE_REGISTER_SUBSCRIBE, VCH_DEVICE_STAGE_REGISTER);
    if (status == VCH_DEVICE_OK) status = take_thing(run);
    if (status == VCH_DEVICE_OK) status = conclude(run);
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

static bool storage_is_whole(const struct vch_device_provision *p) {
    const struct vch_device_storage *s = p->storage;
    return !s || (s->load && s->save && s->erase && !p->token);
}

static bool arguments_hold(const struct vch_device_provision *p) {
    if (!template_is_plain(p->template_name) || (!p->save && !p->token) || !storage_is_whole(p)) return false;
    if (p->format != VCH_DEVICE_JSON && p->format != VCH_DEVICE_CBOR) return false;
    if (p->token && (!*p->token || strlen(p->token) > VCH_DEVICE_TOKEN_MAX)) return false;
    if (p->token && !vch_utf8_valid(vch_str_from(p->token))) return false;
    if (p->parameters_json && vch_devjson_check_map(vch_str_from(p->parameters_json)) != VCH_OK) return false;
    if (p->csr_pem && !vch_utf8_valid(vch_str_from(p->csr_pem))) return false;
    return p->parameters_json || pairs_are_text(p);
}

static bool fits(const struct run *run, const struct vch_journal_record *record) {
    return record->any && record->rotation == run->rotation &&
           vch_str_eq_c(record->template_name, run->provision->template_name);
}

static enum vch_device_status resume(struct run *run, struct vch_str token) {
    enum vch_device_status status = compose_register(run, token);
    vch_journal_forget(run->device);
    if (status != VCH_DEVICE_OK) run->device->failure.stage = VCH_DEVICE_STAGE_REGISTER;
    return status == VCH_DEVICE_OK ? register_thing(run) : status;
}

static bool token_is_forgotten(const struct run *run, enum vch_device_status status) {
    return status == VCH_DEVICE_REJECTED &&
           strcmp(run->device->failure.error_code, "InvalidCertificateOwnershipToken") == 0;
}

static enum vch_device_status start(struct run *run) {
    enum vch_device_status status = create(run);
    return status == VCH_DEVICE_OK ? register_thing(run) : status;
}

static enum vch_device_status go_on(struct run *run) {
    struct vch_journal_record record;
    enum vch_device_status status = vch_journal_recall(run->device, run->provision->storage, &record);
    if (status != VCH_DEVICE_OK) return status;
    if (!fits(run, &record)) return start(run);
    (void)vch_str_copy(run->ret->certificate_id, sizeof run->ret->certificate_id, record.certificate_id);
    status = resume(run, record.token);
    if (!token_is_forgotten(run, status)) return status;
    memset(&run->device->failure, 0, sizeof run->device->failure);
    return start(run);
}

static enum vch_device_status exchange(struct run *run) {
    struct vch_device *device = run->device;
    memset(run->ret, 0, sizeof *run->ret);
    memset(&device->failure, 0, sizeof device->failure);
    if (!arguments_hold(run->provision)) return VCH_DEVICE_ARGUMENT;
    vch_device_release(device);
    enum vch_device_status status;
    if (run->provision->token)
        status = resume(run, vch_str_from(run->provision->token));
    else
        status = run->provision->storage ? go_on(run) : start(run);
    if (status == VCH_DEVICE_OK) {
        enter(run, VCH_DEVICE_STAGE_DONE);
        return status;
    }
    device->out_reserved = 0;
    vch_wipe(device->options.out, device->options.out_size);
    return status;
}

enum vch_device_status vch_device_provision(struct vch_device *device, const struct vch_device_provision *provision,
                                            struct vch_device_provisioned *ret) {
    struct run run = {
        .device = device, .provision = provision, .ret = ret, .cbor = provision->format == VCH_DEVICE_CBOR};
    return exchange(&run);
}

enum vch_device_status vch_device_rotate(struct vch_device *device, const struct vch_device_provision *rotation,
                                         struct vch_device_provisioned *ret) {
    struct run run = {.device = device, .provision = rotation, .ret = ret, .rotation = true};
    run.cbor = rotation->format == VCH_DEVICE_CBOR;
    return exchange(&run);
}
