/* The device library's CBOR reader: whatever the bytes, found fields lie inside
 * the text, joined texts are terminated within their own bytes, and what becomes
 * JSON is JSON that the library's own scanner takes, but for its depth. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "devlib/cbor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_field(struct vch_str text, char *document, const struct vch_devjson_field *field) {
    char *found;
    int number;
    if (field->start > text.len || field->len > text.len - field->start || field->len == 0) abort();
    if (vch_devcbor_text(document, field, &found) == VCH_OK) {
        if (found != document + field->start || strlen(found) >= field->len) abort();
        if (!vch_utf8_valid(vch_str_from(found))) abort();
    }
    if (vch_devcbor_int(text, field, &number) == VCH_OK && field->type != VCH_DEVJSON_NUMBER) abort();
}

static void check_json(struct vch_str text) {
    size_t room = text.len * 24 + 16;
    struct vch_devjson_out out = {.ptr = malloc(room), .size = room};
    struct vch_devjson_field none = {.name = "none"};
    if (!out.ptr) return;
    if (vch_devcbor_json(text, &out) != VCH_OK) abort();
    if (vch_devjson_scan(vch_str_of(out.ptr, out.len), &none, 0) != VCH_OK) abort();
    free(out.ptr);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct vch_devjson_field fields[] = {
        {.name = "certificateId"}, {.name = "statusCode"}, {.name = "deviceConfiguration"}};
    struct vch_str text = vch_str_of(data, size);
    if (vch_devcbor_scan(text, fields, 3) != VCH_OK) return 0;
    char *document = malloc(size);
    if (!document) return 0;
    memcpy(document, data, size);
    for (size_t i = 0; i < 3; i++)
        if (fields[i].type != VCH_DEVJSON_ABSENT) check_field(text, document, &fields[i]);
    free(document);
    check_json(text);
    return 0;
}
