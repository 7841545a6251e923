#include "devlib/journal.h"

#include <string.h>

enum { VERSION = 1, HEAD = 4, CHECK = 4, ROTATES = 'r', PROVISIONS = 'p' };

_Static_assert(HEAD + 3 * 2 + VCH_DEVICE_TEMPLATE_MAX + VCH_DEVICE_ID_MAX + VCH_DEVICE_TOKEN_MAX + CHECK <=
                   VCH_DEVICE_RECORD_MAX,
               "the longest record fits");

/* Bit by bit: small, and a record is. ISO/IEC 3309 */
static uint32_t crc32(const uint8_t *bytes, size_t len) {
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < len; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
    }
    return ~crc;
}

static bool take_part(struct vch_str *rest, size_t max, struct vch_str *ret) {
    if (rest->len < 2) return false;
    size_t len = (size_t)(uint8_t)rest->ptr[0] << 8 | (uint8_t)rest->ptr[1];
    if (len == 0 || len > max || len > rest->len - 2) return false;
    *ret = vch_str_sub(*rest, 2, len);
    *rest = vch_str_sub(*rest, 2 + len, SIZE_MAX);
    return true;
}

static bool checks(struct vch_str bytes) {
    const uint8_t *p = (const uint8_t *)bytes.ptr;
    if (bytes.len < HEAD + CHECK || p[0] != 'v' || p[1] != 'd' || p[2] != VERSION) return false;
    if (p[3] != ROTATES && p[3] != PROVISIONS) return false;
    const uint8_t *end = p + bytes.len - CHECK;
    uint32_t crc = (uint32_t)end[0] << 24 | (uint32_t)end[1] << 16 | (uint32_t)end[2] << 8 | end[3];
    return crc == crc32(p, bytes.len - CHECK);
}

bool vch_journal_parse(struct vch_str bytes, struct vch_journal_record *ret) {
    memset(ret, 0, sizeof *ret);
    if (!checks(bytes)) return false;
    struct vch_str rest = vch_str_sub(bytes, HEAD, bytes.len - HEAD - CHECK);
    struct vch_journal_record record = {.any = true, .rotation = bytes.ptr[3] == ROTATES};
    bool whole = take_part(&rest, VCH_DEVICE_TEMPLATE_MAX, &record.template_name) &&
                 take_part(&rest, VCH_DEVICE_ID_MAX, &record.certificate_id) &&
                 take_part(&rest, VCH_DEVICE_TOKEN_MAX, &record.token) && rest.len == 0;
    if (whole) *ret = record;
    return whole;
}

enum vch_device_status vch_journal_recall(struct vch_device *device, const struct vch_device_storage *storage,
                                          struct vch_journal_record *ret) {
    uint8_t *end = device->options.out + device->options.out_size;
    size_t size = device->options.out_size < VCH_DEVICE_RECORD_MAX ? device->options.out_size : VCH_DEVICE_RECORD_MAX;
    size_t len = 0;
    memset(ret, 0, sizeof *ret);
    int failed = storage->load(storage->arg, end - size, size, &len);
    if (failed || len > size) {
        vch_wipe(end - size, size);
        return VCH_DEVICE_STORAGE;
    }
    memmove(end - len, end - size, len);
    vch_wipe(end - size, size - len);
    device->out_reserved = len;
    if (!vch_journal_parse(vch_str_of(end - len, len), ret)) vch_journal_forget(device);
    return VCH_DEVICE_OK;
}

void vch_journal_forget(struct vch_device *device) {
    size_t len = device->out_reserved;
    device->out_reserved = 0;
    vch_wipe(device->options.out + device->options.out_size - len, len);
}

static uint8_t *put_part(uint8_t *at, struct vch_str part) {
    *at++ = (uint8_t)(part.len >> 8);
    *at++ = (uint8_t)part.len;
    memcpy(at, part.ptr, part.len);
    return at + part.len;
}

enum vch_device_status vch_journal_keep(struct vch_device *device, const struct vch_device_storage *storage,
                                        const struct vch_journal_record *record) {
    uint8_t *out = device->options.out, *at = out + HEAD;
    size_t len = HEAD + 3 * 2 + record->template_name.len + record->certificate_id.len + record->token.len;
    if (len + CHECK > device->options.out_size) return VCH_DEVICE_SPACE;
    memcpy(out, (const uint8_t[]){'v', 'd', VERSION, record->rotation ? ROTATES : PROVISIONS}, HEAD);
    at = put_part(at, record->template_name);
    at = put_part(at, record->certificate_id);
    at = put_part(at, record->token);
    uint32_t crc = crc32(out, len);
    for (int shift = 24; shift >= 0; shift -= 8) *at++ = (uint8_t)(crc >> shift);
    int failed = storage->save(storage->arg, out, len + CHECK);
    vch_wipe(out, len + CHECK);
    return failed ? VCH_DEVICE_STORAGE : VCH_DEVICE_OK;
}

enum vch_device_status vch_device_pending(struct vch_device *device, const struct vch_device_storage *storage,
                                          struct vch_device_pending *ret) {
    struct vch_journal_record record;
    memset(ret, 0, sizeof *ret);
    if (!storage->load) return VCH_DEVICE_ARGUMENT;
    enum vch_device_status status = vch_journal_recall(device, storage, &record);
    ret->any = record.any;
    ret->rotation = record.rotation;
    (void)vch_str_copy(ret->certificate_id, sizeof ret->certificate_id, record.certificate_id);
    vch_journal_forget(device);
    return status;
}
