#include <string.h>

#include "wire/mqtt_props_priv.h"

static uint32_t number_of(const struct vch_mqtt_props *props, const struct vch_mqtt_prop_row *row) {
    const char *member = (const char *)props + row->offset;
    uint16_t middle;
    uint32_t wide;
    switch (row->kind) {
    case VCH_MQTT_KIND_BOOL: return (uint8_t)*member;
    case VCH_MQTT_KIND_U16:
    case VCH_MQTT_KIND_SOME16: memcpy(&middle, member, sizeof middle); return middle;
    default: memcpy(&wide, member, sizeof wide); return wide;
    }
}

static struct vch_str text_of(const struct vch_mqtt_props *props, const struct vch_mqtt_prop_row *row) {
    struct vch_str text;
    memcpy(&text, (const char *)props + row->offset, sizeof text);
    return text;
}

static size_t users_size(struct vch_str raw) {
    size_t size = 0;
    struct vch_str name, value;
    while (vch_mqtt_user_next(&raw, &name, &value)) size += 5 + name.len + value.len;
    return size;
}

/* With its id, which is one byte for every property. */
static size_t size_of(const struct vch_mqtt_props *props, const struct vch_mqtt_prop_row *row) {
    switch (row->kind) {
    case VCH_MQTT_KIND_BOOL: return 2;
    case VCH_MQTT_KIND_U16:
    case VCH_MQTT_KIND_SOME16: return 3;
    case VCH_MQTT_KIND_U32:
    case VCH_MQTT_KIND_SOME32: return 5;
    case VCH_MQTT_KIND_VAR: return 1 + vch_mqtt_var_size(number_of(props, row));
    case VCH_MQTT_KIND_PAIR: return users_size(props->raw);
    default: return 3 + text_of(props, row).len;
    }
}

static void write_users(struct vch_mqtt_writer *w, struct vch_str raw) {
    struct vch_str name, value;
    while (vch_mqtt_user_next(&raw, &name, &value)) {
        vch_mqtt_write_u8(w, VCH_MQTT_PROP_USER);
        vch_mqtt_write_binary(w, name);
        vch_mqtt_write_binary(w, value);
    }
}

static void write_number(struct vch_mqtt_writer *w, enum vch_mqtt_kind kind, uint32_t value) {
    bool zero_refused = kind == VCH_MQTT_KIND_SOME16 || kind == VCH_MQTT_KIND_SOME32 || kind == VCH_MQTT_KIND_VAR;
    if (zero_refused && value == 0) vch_mqtt_write_refuse(w, VCH_ERR_INVALID);
    switch (kind) {
    case VCH_MQTT_KIND_BOOL:
        if (value > 1) vch_mqtt_write_refuse(w, VCH_ERR_INVALID);
        vch_mqtt_write_u8(w, (uint8_t)value);
        break;
    case VCH_MQTT_KIND_U16:
    case VCH_MQTT_KIND_SOME16: vch_mqtt_write_u16(w, (uint16_t)value); break;
    case VCH_MQTT_KIND_VAR: vch_mqtt_write_var(w, value); break;
    default:
        vch_mqtt_write_u16(w, (uint16_t)(value >> 16));
        vch_mqtt_write_u16(w, (uint16_t)value);
        break;
    }
}

static void write_one(struct vch_mqtt_writer *w, const struct vch_mqtt_props *props, size_t id) {
    const struct vch_mqtt_prop_row *row = vch_mqtt_prop_row(id);
    if (!row) {
        vch_mqtt_write_refuse(w, VCH_ERR_INVALID);
        return;
    }
    if (row->kind == VCH_MQTT_KIND_PAIR) {
        write_users(w, props->raw);
        return;
    }
    vch_mqtt_write_u8(w, (uint8_t)id);
    if (row->kind == VCH_MQTT_KIND_TEXT || row->kind == VCH_MQTT_KIND_TOPIC || row->kind == VCH_MQTT_KIND_BINARY)
        vch_mqtt_write_binary(w, text_of(props, row));
    else
        write_number(w, row->kind, number_of(props, row));
}

static void write_block(struct vch_mqtt_writer *w, const struct vch_mqtt_props *props) {
    uint64_t left = props->present;
    for (size_t id = 0; left; id++, left >>= 1)
        if (left & 1) write_one(w, props, id);
    vch_mqtt_write_bytes(w, props->extra);
}

size_t vch_mqtt_props_size(const struct vch_mqtt_props *props) {
    size_t size = props->extra.len;
    uint64_t left = props->present;
    for (size_t id = 0; left; id++, left >>= 1) {
        const struct vch_mqtt_prop_row *row = left & 1 ? vch_mqtt_prop_row(id) : NULL;
        if (row) size += size_of(props, row);
    }
    return size;
}

size_t vch_mqtt_props_room(const struct vch_mqtt_props *props) {
    size_t size = vch_mqtt_props_size(props);
    return vch_mqtt_var_size(size) + size;
}

bool vch_mqtt_props_fit(const struct vch_mqtt_props *props, unsigned where) {
    uint64_t left = props->present;
    for (size_t id = 0; left; id++, left >>= 1) {
        const struct vch_mqtt_prop_row *row = left & 1 ? vch_mqtt_prop_row(id) : NULL;
        if ((left & 1) && (!row || !(row->where & where))) return false;
    }
    return true;
}

void vch_mqtt_write_props(struct vch_mqtt_writer *w, const struct vch_mqtt_props *props) {
    vch_mqtt_write_var(w, vch_mqtt_props_size(props));
    write_block(w, props);
}

static struct vch_mqtt_writer into(uint8_t *out, size_t size) {
    return (struct vch_mqtt_writer){out, out, out + size, VCH_OK};
}

enum vch_err vch_mqtt_props_encode(const struct vch_mqtt_props *props, uint8_t *out, size_t size, size_t *ret_len) {
    struct vch_mqtt_writer w = into(out, size);
    write_block(&w, props);
    return vch_mqtt_write_end(&w, ret_len);
}

enum vch_err vch_mqtt_user_encode(struct vch_str name, struct vch_str value, uint8_t *out, size_t size,
                                  size_t *ret_len) {
    struct vch_mqtt_writer w = into(out, size);
    vch_mqtt_write_u8(&w, VCH_MQTT_PROP_USER);
    vch_mqtt_write_binary(&w, name);
    vch_mqtt_write_binary(&w, value);
    return vch_mqtt_write_end(&w, ret_len);
}

enum vch_err vch_mqtt_subscription_id_encode(uint32_t id, uint8_t *out, size_t size, size_t *ret_len) {
    struct vch_mqtt_writer w = into(out, size);
    vch_mqtt_write_u8(&w, VCH_MQTT_PROP_SUBSCRIPTION_ID);
    write_number(&w, VCH_MQTT_KIND_VAR, id);
    return vch_mqtt_write_end(&w, ret_len);
}
