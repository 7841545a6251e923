#include "wire/mqtt_props_priv.h"

#include <stddef.h>
#include <string.h>

static const struct vch_mqtt_prop_row rows[VCH_MQTT_PROP_END] = {
#define WILL VCH_MQTT_IN_WILL
#define ON(type) VCH_MQTT_IN(VCH_MQTT_##type)
#define VCH_X(name, id, kind, member, where)                                                                           \
    [id] = {VCH_MQTT_KIND_##kind, (uint16_t)(where), (uint16_t)offsetof(struct vch_mqtt_props, member)},
#include "wire/mqtt_props.def"
#undef VCH_X
#undef ON
#undef WILL
};

const struct vch_mqtt_prop_row *vch_mqtt_prop_row(size_t id) {
    return id < VCH_MQTT_PROP_END && rows[id].kind ? &rows[id] : NULL;
}

/* [MQTT-3.3.2-14] */
static bool has_wildcard(struct vch_str topic) {
    return topic.len && (memchr(topic.ptr, '#', topic.len) || memchr(topic.ptr, '+', topic.len));
}

static bool is_in_range(enum vch_mqtt_kind kind, uint32_t value) {
    if (kind == VCH_MQTT_KIND_BOOL) return value <= 1;
    if (kind == VCH_MQTT_KIND_SOME16 || kind == VCH_MQTT_KIND_SOME32) return value != 0;
    if (kind == VCH_MQTT_KIND_VAR) return value != 0 && value <= VCH_MQTT_SUBSCRIPTION_ID_MAX;
    return true;
}

static void read_number(struct vch_mqtt_reader *r, const struct vch_mqtt_prop_row *row, void *ret) {
    uint8_t narrow = 0;
    uint16_t middle = 0;
    uint32_t value = 0;
    if (row->kind == VCH_MQTT_KIND_BOOL)
        value = narrow = vch_mqtt_read_u8(r);
    else if (row->kind == VCH_MQTT_KIND_U16 || row->kind == VCH_MQTT_KIND_SOME16)
        value = middle = vch_mqtt_read_u16(r);
    else
        value = row->kind == VCH_MQTT_KIND_VAR ? vch_mqtt_read_var(r) : vch_mqtt_read_u32(r);
    if (!is_in_range(row->kind, value)) vch_mqtt_read_refuse(r, VCH_ERR_INVALID);
    if (row->kind == VCH_MQTT_KIND_BOOL)
        memcpy(ret, &narrow, sizeof narrow);
    else if (row->kind == VCH_MQTT_KIND_U16 || row->kind == VCH_MQTT_KIND_SOME16)
        memcpy(ret, &middle, sizeof middle);
    else
        memcpy(ret, &value, sizeof value);
}

static void read_value(struct vch_mqtt_reader *r, const struct vch_mqtt_prop_row *row, struct vch_mqtt_props *ret) {
    char *member = (char *)ret + row->offset;
    struct vch_str text;
    switch (row->kind) {
    case VCH_MQTT_KIND_TEXT:
    case VCH_MQTT_KIND_TOPIC:
        text = vch_mqtt_read_text(r);
        if (row->kind == VCH_MQTT_KIND_TOPIC && has_wildcard(text)) vch_mqtt_read_refuse(r, VCH_ERR_INVALID);
        memcpy(member, &text, sizeof text);
        break;
    case VCH_MQTT_KIND_BINARY:
        text = vch_mqtt_read_binary(r);
        memcpy(member, &text, sizeof text);
        break;
    case VCH_MQTT_KIND_PAIR: /* read by the iterator */
        (void)vch_mqtt_read_text(r);
        (void)vch_mqtt_read_text(r);
        break;
    default: read_number(r, row, member); break;
    }
}

/* What may stand more than once: user properties, and subscription ids on the
 * way to a client. The first id is the member's. [MQTT-3.3.4-3] */
static bool may_repeat(size_t id, unsigned where) {
    return id == VCH_MQTT_PROP_USER || (id == VCH_MQTT_PROP_SUBSCRIPTION_ID && where == VCH_MQTT_IN(VCH_MQTT_PUBLISH));
}

static void read_one(struct vch_mqtt_reader *r, unsigned where, struct vch_mqtt_props *ret) {
    uint32_t id = vch_mqtt_read_var(r);
    const struct vch_mqtt_prop_row *row = vch_mqtt_prop_row(id);
    if (!row) {
        vch_mqtt_read_refuse(r, VCH_ERR_MALFORMED);
        return;
    }
    bool again = ret->present & VCH_MQTT_PROP_BIT(id);
    if (!(row->where & where) || (again && !may_repeat(id, where))) vch_mqtt_read_refuse(r, VCH_ERR_INVALID);
    uint32_t first = again && id == VCH_MQTT_PROP_SUBSCRIPTION_ID ? ret->subscription_id : 0;
    read_value(r, row, ret);
    if (first) ret->subscription_id = first;
    ret->present |= VCH_MQTT_PROP_BIT(id);
}

void vch_mqtt_read_props(struct vch_mqtt_reader *r, unsigned where, struct vch_mqtt_props *ret) {
    vch_mqtt_props_none(ret);
    size_t len = vch_mqtt_read_var(r);
    if (len == 0) return;
    struct vch_mqtt_reader block = vch_mqtt_read_part(r, len);
    if (r->err != VCH_OK) return;
    ret->raw = vch_str_of(block.at, len);
    while (vch_mqtt_read_more(&block)) read_one(&block, where, ret);
    vch_mqtt_read_refuse(r, block.err);
}

/* One property of a block that was decoded before. */
static bool skip_to(struct vch_str *rest, uint32_t wanted, struct vch_mqtt_reader *r) {
    const uint8_t *start = (const uint8_t *)rest->ptr;
    *r = (struct vch_mqtt_reader){start, start + rest->len, VCH_OK};
    while (vch_mqtt_read_more(r)) {
        uint32_t id = vch_mqtt_read_var(r);
        const struct vch_mqtt_prop_row *row = vch_mqtt_prop_row(id);
        if (!row) break;
        if (id == wanted) return r->err == VCH_OK;
        struct vch_mqtt_props unused;
        read_value(r, row, &unused);
    }
    *rest = (struct vch_str){NULL, 0};
    return false;
}

static bool step_over(struct vch_str *rest, const struct vch_mqtt_reader *r) {
    bool fine = r->err == VCH_OK;
    *rest = fine ? vch_str_of(r->at, (size_t)(r->end - r->at)) : (struct vch_str){NULL, 0};
    return fine;
}

bool vch_mqtt_user_next(struct vch_str *rest, struct vch_str *ret_name, struct vch_str *ret_value) {
    struct vch_mqtt_reader r;
    if (!rest->len || !skip_to(rest, VCH_MQTT_PROP_USER, &r)) return false;
    *ret_name = vch_mqtt_read_text(&r);
    *ret_value = vch_mqtt_read_text(&r);
    return step_over(rest, &r);
}

bool vch_mqtt_subscription_id_next(struct vch_str *rest, uint32_t *ret_id) {
    struct vch_mqtt_reader r;
    if (!rest->len || !skip_to(rest, VCH_MQTT_PROP_SUBSCRIPTION_ID, &r)) return false;
    *ret_id = vch_mqtt_read_var(&r);
    return step_over(rest, &r);
}
