#include "mqtt/mqtt_priv.h"

static const struct vch_mqtt_manners manners[] = {
    [VCH_MQTT_AWS] = {.qos_max = 1, .levels_apart = true, .denial_closes = true, .expiry_min_s = 1, .expiry_max_s = 604800},
    [VCH_MQTT_SPEC] = {.qos_max = 2,
                       .parent_too = true,
                       .wildcards_retained = true,
                       .subscription_ids = true,
                       .marks_duplicates = true,
                       .delays_wills = true,
                       .zero_is_no_keep_alive = true,
                       .tells_unsubscribed = true,
                       .expiry_max_s = UINT32_MAX},
};

static const struct vch_mqtt_options defaults[] = {
    [VCH_MQTT_AWS] = {.connect_timeout_ms = 5000,
                      .payload_max = 131072,
                      .keep_alive_min_s = 30,
                      .keep_alive_max_s = 1200,
                      .filters_per_subscribe = 8,
                      .subscriptions_per_session = 50,
                      .inflight_max = 100,
                      .queue_bytes_max = 1024 * 1024,
                      .topic_bytes_max = 256,
                      .topic_slashes_max = 7,
                      .topic_alias_max = 8,
                      .session_expiry_max_s = 3600,
                      .kept_messages_max = 1000,
                      .kept_bytes_max = 10 * 1024 * 1024},
    [VCH_MQTT_SPEC] = {.connect_timeout_ms = 5000,
                       .payload_max = 1024 * 1024,
                       .keep_alive_min_s = 1,
                       .keep_alive_max_s = UINT16_MAX,
                       .filters_per_subscribe = VCH_MQTT_FILTERS_MAX,
                       .subscriptions_per_session = 1000,
                       .inflight_max = 100,
                       .queue_bytes_max = 4 * 1024 * 1024,
                       .topic_bytes_max = UINT16_MAX,
                       .topic_slashes_max = VCH_MQTT_LEVELS_MAX - 1,
                       .topic_alias_max = 16,
                       .session_expiry_max_s = UINT32_MAX,
                       .kept_messages_max = 1000,
                       .kept_bytes_max = 10 * 1024 * 1024},
};

const struct vch_mqtt_manners *vch_mqtt_manners_find(enum vch_mqtt_profile profile) {
    return &manners[profile];
}

#define DEFAULT(field)                                                                                                 \
    do {                                                                                                               \
        if (options->field == 0) options->field = of->field;                                                           \
    } while (0)

void vch_mqtt_options_fill(struct vch_mqtt_options *options) {
    const struct vch_mqtt_options *of = &defaults[options->profile];
    DEFAULT(connect_timeout_ms);
    DEFAULT(payload_max);
    DEFAULT(keep_alive_min_s);
    DEFAULT(keep_alive_max_s);
    DEFAULT(filters_per_subscribe);
    DEFAULT(subscriptions_per_session);
    DEFAULT(inflight_max);
    DEFAULT(queue_bytes_max);
    DEFAULT(topic_bytes_max);
    DEFAULT(topic_slashes_max);
    DEFAULT(topic_alias_max);
    DEFAULT(session_expiry_max_s);
    DEFAULT(kept_messages_max);
    DEFAULT(kept_bytes_max);
}

bool vch_mqtt_options_ok(const struct vch_mqtt_options *options) {
    return options->keep_alive_min_s <= options->keep_alive_max_s &&
           options->filters_per_subscribe <= VCH_MQTT_FILTERS_MAX && options->inflight_max < UINT16_MAX &&
           options->subscriptions_per_session <= UINT16_MAX && options->topic_bytes_max <= UINT16_MAX &&
           options->topic_slashes_max < VCH_MQTT_LEVELS_MAX && options->payload_max <= VCH_MQTT_REMAINING_MAX / 2;
}
