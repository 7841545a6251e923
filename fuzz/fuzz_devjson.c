/* The device library's JSON scanner: whatever the bytes, found fields lie inside
 * the text, and undoing escapes in place gives what copying gives. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "devlib/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_string(struct vch_str text, char *document, const struct vch_devjson_field *field) {
    char *copy = malloc(field->len + 1), *in_place;
    if (!copy) return;
    enum vch_err a = vch_devjson_copy(text, field, copy, field->len + 1);
    enum vch_err b = vch_devjson_unescape(document, field, &in_place);
    if (a != b || (a == VCH_OK && strcmp(copy, in_place) != 0)) abort();
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct vch_devjson_field fields[] = {
        {.name = "certificateId"}, {.name = "statusCode"}, {.name = "deviceConfiguration"}};
    struct vch_str text = vch_str_of(data, size);
    int number;
    if (vch_devjson_scan(text, fields, 3) == VCH_OK) {
        char *document = malloc(size);
        if (!document) return 0;
        memcpy(document, data, size);
        for (size_t i = 0; i < 3; i++) {
            if (fields[i].type == VCH_DEVJSON_ABSENT) continue;
            if (fields[i].start > size || fields[i].len > size - fields[i].start) abort();
            if (fields[i].type == VCH_DEVJSON_STRING) check_string(text, document, &fields[i]);
            if (vch_devjson_int(text, &fields[i], &number) == VCH_OK && fields[i].type != VCH_DEVJSON_NUMBER) abort();
        }
        free(document);
    }
    (void)!vch_devjson_check_map(text);
    return 0;
}
