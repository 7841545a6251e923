#include <stdio.h>

#include "core/names.h"
#include "core/reason.h"
#include "service/hook.h"

#define REFUSED(name, text) [VCH_HOOK_##name] = {VCH_REASON_HOOK_##name, text}

static void deny(struct vch_hook_decision *d, enum vch_reason reason, const char *message) {
    d->allowed = false;
    d->reason = vch_reason_code(reason);
    (void)snprintf(d->message, sizeof d->message, "%s", message);
}

void vch_hook_read_end(enum vch_hook_end end, int64_t code, struct vch_hook_decision *ret) {
    static const struct {
        enum vch_reason reason;
        const char *message;
    } ends[VCH_HOOK_END_COUNT] = {
        REFUSED(TIMEOUT, "The pre-provisioning hook did not answer in time."),
        REFUSED(BUSY, "Too many registrations wait for the pre-provisioning hook."),
        REFUSED(UNREACHABLE, "The pre-provisioning hook could not be reached."),
        REFUSED(TLS_FAILED, "The pre-provisioning hook did not prove who it is."),
        REFUSED(STATUS, "The pre-provisioning hook failed with status"),
        REFUSED(CRASHED, "The pre-provisioning hook was ended by signal"),
        REFUSED(PROGRAM_REFUSED, "The pre-provisioning hook is a program that may not be started."),
        [VCH_HOOK_TOO_LARGE] = {VCH_REASON_HOOK_ANSWER_TOO_LARGE, "The pre-provisioning hook answered too much."},
        REFUSED(FAILED, "The pre-provisioning hook could not be asked."),
    };
    if (end == VCH_HOOK_ANSWERED) return;
    if (end >= VCH_HOOK_END_COUNT) end = VCH_HOOK_FAILED;
    deny(ret, ends[end].reason, ends[end].message);
    if (end == VCH_HOOK_STATUS || end == VCH_HOOK_CRASHED)
        (void)snprintf(ret->message, sizeof ret->message, "%s %lld.", ends[end].message, (long long)code);
}

/* Whether it is one character, and is seen. */
static bool is_seen(struct vch_str c) {
    if (!vch_utf8_valid(c) || (uint8_t)c.ptr[0] < ' ' || c.ptr[0] == 0x7f) return false;
    if (c.len == 2 && (uint8_t)c.ptr[0] == 0xc2) return (uint8_t)c.ptr[1] >= 0xa0; /* U+0080 to U+009F: controls */
    if (c.len != 3) return true;
    uint32_t code = (uint32_t)((uint8_t)c.ptr[0] & 15) << 12 | (uint32_t)((uint8_t)c.ptr[1] & 63) << 6 | ((uint8_t)c.ptr[2] & 63);
    bool turns = (code >= 0x200b && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) || (code >= 0x2060 && code <= 0x206f);
    return !turns && code != 0xfeff;
}

static size_t length_of(uint8_t first) {
    return first < 0xc0 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

void vch_hook_clean(struct vch_str said, char ret[VCH_HOOK_SAID_MAX + 1]) {
    size_t len = 0;
    said = vch_str_sub(said, 0, VCH_HOOK_SAID_MAX);
    for (size_t i = 0; i < said.len;) {
        struct vch_str c = vch_str_sub(said, i, length_of((uint8_t)said.ptr[i]));
        bool seen = is_seen(c), blank = !seen || c.ptr[0] == ' ';
        i += seen ? c.len : 1;
        if (blank && (len == 0 || ret[len - 1] == ' ')) continue;
        if (blank) ret[len++] = ' ';
        for (size_t k = 0; !blank && k < c.len; k++) ret[len++] = c.ptr[k];
    }
    while (len > 0 && ret[len - 1] == ' ') len--;
    ret[len] = '\0';
}

static bool override_valid(const struct vch_member *m) {
    return m->value.type == VCH_VAL_STR && m->name.len > 0 && m->name.len <= VCH_PARAMETER_NAME_MAX &&
           m->value.str.len <= VCH_PARAMETER_VALUE_MAX && !vch_str_starts(m->name, VCH_STR("AWS::IoT::"));
}

bool vch_hook_overrides_valid(const struct vch_val *overrides) {
    if (!overrides || overrides->type == VCH_VAL_NULL) return true;
    if (overrides->type != VCH_VAL_MAP || overrides->count > VCH_HOOK_OVERRIDES_MAX) return false;
    for (size_t i = 0; i < overrides->count; i++)
        if (!override_valid(&overrides->members[i])) return false;
    return true;
}

/* AWS's page writes True, true and "true"; what is none of them allows nothing. */
static void read_permission(const struct vch_val *val, struct vch_hook_decision *ret) {
    bool word = vch_val_is(val, VCH_VAL_STR), flag = vch_val_is(val, VCH_VAL_BOOL);
    ret->allowed = (flag && val->boolean) || (word && vch_str_ieq(val->str, VCH_STR("true")));
    if (ret->allowed) return;
    if (flag || (word && vch_str_ieq(val->str, VCH_STR("false"))))
        deny(ret, VCH_REASON_HOOK_DENIED, "The pre-provisioning hook does not allow this registration.");
    else
        deny(ret, VCH_REASON_HOOK_ANSWER_INVALID, "The pre-provisioning hook's answer has no allowProvisioning that is true or false.");
}

enum vch_err vch_hook_read_answer(struct vch_str answer, struct vch_arena *arena, struct vch_hook_decision *ret) {
    const struct vch_val_limits limits = {.depth = 8, .values = 2000};
    struct vch_val *root = NULL;
    struct vch_diag why = {0};
    enum vch_err err = vch_json_decode(answer, &limits, arena, &root, &why);
    if (err == VCH_ERR_NOMEM) return err;
    if (err != VCH_OK || root->type != VCH_VAL_MAP) {
        deny(ret, VCH_REASON_HOOK_ANSWER_INVALID, "The pre-provisioning hook's answer is not a JSON object.");
        return VCH_OK;
    }
    const struct vch_val *overrides = vch_val_get(root, "parameterOverrides");
    read_permission(vch_val_get(root, "allowProvisioning"), ret);
    if (!ret->allowed) return VCH_OK;
    if (!vch_hook_overrides_valid(overrides))
        deny(ret, VCH_REASON_HOOK_ANSWER_INVALID, "The pre-provisioning hook's parameterOverrides are no parameters.");
    else if (vch_val_is(overrides, VCH_VAL_MAP))
        ret->overrides = overrides;
    return VCH_OK;
}

enum vch_err vch_hook_write_request(const struct vch_site *site, const struct vch_hook_ask *ask, struct vch_str certificate_pem,
                                    struct vch_arena *arena, struct vch_str *ret) {
    struct vch_val *map = vch_val_new_map(arena);
    struct vch_str arn = vch_arn(site, "provisioningtemplate", ask->template_name, arena), text;
    if (!map || !arn.ptr) return VCH_ERR_NOMEM;
    VCH_TRY(vch_val_put_str(arena, map, "claimCertificateId", ask->claim_id));
    VCH_TRY(vch_val_put_str(arena, map, "certificateId", ask->certificate_id));
    VCH_TRY(vch_val_put_str(arena, map, "certificatePem", certificate_pem));
    VCH_TRY(vch_val_put_str(arena, map, "templateArn", arn));
    VCH_TRY(vch_val_put_str(arena, map, "clientId", ask->client_id));
    struct vch_val *parameters = vch_val_put_map(arena, map, "parameters");
    if (!parameters) return VCH_ERR_NOMEM;
    if (ask->parameters) *parameters = *ask->parameters;
    struct vch_buf buf;
    vch_buf_init(&buf, VCH_HOOK_BODY_MAX);
    vch_json_encode(map, &buf);
    enum vch_err err = vch_buf_finish(&buf, &text);
    if (err == VCH_OK) *ret = vch_arena_str(arena, text);
    vch_buf_deinit(&buf);
    return err == VCH_OK && !ret->ptr ? VCH_ERR_NOMEM : err;
}
