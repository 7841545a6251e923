#include "mqtt/topic.h"

#include "base/map.h"

#include <string.h>

static bool size_ok(struct vch_str s, const struct vch_mqtt_rules *rules) {
    if (s.len == 0 || s.len > rules->bytes_max) return false;
    size_t slashes = 0;
    for (size_t at = vch_str_find(s, '/', 0); at != SIZE_MAX; at = vch_str_find(s, '/', at + 1)) slashes++;
    return slashes <= rules->slashes_max;
}

bool vch_mqtt_topic_ok(struct vch_str topic, const struct vch_mqtt_rules *rules) {
    return size_ok(topic, rules) && !memchr(topic.ptr, '+', topic.len) && !memchr(topic.ptr, '#', topic.len);
}

bool vch_mqtt_filter_ok(struct vch_str filter, const struct vch_mqtt_rules *rules) {
    if (!size_ok(filter, rules)) return false;
    for (size_t i = 0; i < filter.len; i++) {
        if (filter.ptr[i] != '+' && filter.ptr[i] != '#') continue;
        bool first = i == 0 || filter.ptr[i - 1] == '/';
        bool last = i + 1 == filter.len;
        if (!first || (!last && (filter.ptr[i] == '#' || filter.ptr[i + 1] != '/'))) return false;
    }
    return true;
}

void vch_mqtt_levels_of(struct vch_str text, struct vch_mqtt_levels *ret) {
    ret->count = 0;
    for (size_t from = 0; ret->count < VCH_MQTT_LEVELS_MAX;) {
        size_t at = vch_str_find(text, '/', from);
        size_t end = at == SIZE_MAX ? text.len : at;
        ret->at[ret->count++] = vch_str_of(text.ptr + from, end - from);
        if (at == SIZE_MAX) return;
        from = at + 1;
    }
}

uint64_t vch_mqtt_path_hash(uint64_t path, struct vch_str level) {
    uint64_t mixed = (path ^ vch_hash(level)) * 0x9E3779B97F4A7C15u;
    return mixed ^ mixed >> 29;
}
