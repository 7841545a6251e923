#include "devlib/answer.h"

#include <string.h>

#include "devlib/client_priv.h"

static struct vch_str text_of(const struct vch_answer *a) {
    return vch_str_of(a->document, a->len);
}

enum vch_err vch_answer_scan(const struct vch_answer *a, struct vch_devjson_field *fields, size_t count) {
    return a->cbor ? vch_devcbor_scan(text_of(a), fields, count) : vch_devjson_scan(text_of(a), fields, count);
}

enum vch_err vch_answer_text(const struct vch_answer *a, const struct vch_devjson_field *field, char **ret_text) {
    return a->cbor ? vch_devcbor_text(a->document, field, ret_text)
                   : vch_devjson_unescape(a->document, field, ret_text);
}

static void keep(const struct vch_answer *a, const struct vch_devjson_field *field, char *out, size_t size) {
    char *text;
    if (vch_answer_text(a, field, &text) == VCH_OK) vch_device_keep_text(out, size, vch_str_from(text));
}

void vch_answer_rejection(const struct vch_answer *a, struct vch_device_failure *failure) {
    struct vch_devjson_field fields[] = {{.name = "statusCode"}, {.name = "errorCode"}, {.name = "errorMessage"}};
    failure->code = 0;
    if (vch_answer_scan(a, fields, 3) != VCH_OK) return;
    enum vch_err err = a->cbor ? vch_devcbor_int(text_of(a), &fields[0], &failure->code)
                               : vch_devjson_int(text_of(a), &fields[0], &failure->code);
    if (err != VCH_OK) failure->code = 0;
    keep(a, &fields[1], failure->error_code, sizeof failure->error_code);
    keep(a, &fields[2], failure->error_message, sizeof failure->error_message);
}

static bool id_is_plain(const char *id) {
    return strlen(id) <= VCH_DEVICE_ID_MAX && strspn(id, "0123456789abcdefABCDEF") == strlen(id);
}

bool vch_answer_identity(const struct vch_answer *a, bool with_key, struct vch_device_identity *ret) {
    struct vch_devjson_field fields[] = {{.name = "certificateId"},
                                         {.name = "certificatePem"},
                                         {.name = "certificateOwnershipToken"},
                                         {.name = "privateKey"}};
    char *texts[4] = {NULL};
    size_t count = with_key ? 4 : 3;
    if (vch_answer_scan(a, fields, 4) != VCH_OK) return false;
    for (size_t i = 0; i < count; i++)
        if (vch_answer_text(a, &fields[i], &texts[i]) != VCH_OK || !*texts[i]) return false;
    *ret = (struct vch_device_identity){texts[0], texts[1], texts[3], texts[2]};
    return id_is_plain(ret->certificate_id) && strlen(ret->token) <= VCH_DEVICE_TOKEN_MAX;
}
