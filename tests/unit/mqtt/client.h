/* A test client that speaks in bytes. It knows nothing of the codec. */
#ifndef VCH_TEST_MQTT_CLIENT_H
#define VCH_TEST_MQTT_CLIENT_H

#include "support/cmocka_all.h"

#include "rig.h"

/* A packet under construction, or raw bytes. */
struct bytes {
    size_t len;
    uint8_t at[70000];
};

/* Packets by hand: `first` is the fixed header's first byte. They use one
 * static buffer each and thread: the view is valid until the next call of the same. */
struct vch_str pkt_connect(const char *client_id, bool clean, uint16_t keep_alive_s);
struct vch_str pkt_connect_will(const char *client_id, const char *topic, const char *payload, uint8_t qos,
                                bool retain);
struct vch_str pkt_publish(const char *topic, const char *payload, uint8_t qos, uint16_t packet_id);
struct vch_str pkt_subscribe(uint16_t packet_id, const char *filter, uint8_t qos);
struct vch_str pkt_unsubscribe(uint16_t packet_id, const char *filter);

/* MQTT 5; `props` is the block without its length. */
struct vch_str pkt5_connect(const char *client_id, bool clean, struct vch_str props);
struct vch_str pkt5_connect_will(const char *client_id, struct vch_str props, const char *topic, const char *payload,
                                 struct vch_str will_props);
struct vch_str pkt5_publish(const char *topic, const char *payload, uint8_t qos, uint16_t packet_id,
                            struct vch_str props);
struct vch_str pkt5_subscribe(uint16_t packet_id, const char *filter, uint8_t options, struct vch_str props);
struct vch_str pkt5_unsubscribe(uint16_t packet_id, const char *filter);

int client_dial(const struct rig *rig, size_t loop);
void client_send(int fd, struct vch_str bytes);
/* Exactly these bytes come next. */
void client_expect(int fd, struct vch_str bytes);
/* The next whole packet; the view is valid until the next call. Empty: closed. */
struct vch_str client_packet(int fd);
void client_expect_closed(int fd); /* nothing more, then the end */
void client_expect_silence(int fd, int timeout_ms);
/* Round trip: everything sent before has been worked off, nothing else came. */
void client_ping(int fd);

/* Connected and accepted; clean session, keep alive 60. */
int client_open(const struct rig *rig, size_t loop, const char *client_id);
void client_subscribe(int fd, const char *filter, uint8_t qos);

/* MQTT 5, accepted; *ret_present, if any, is the flag of the CONNACK. */
int client5_open(const struct rig *rig, size_t loop, const char *client_id, bool clean, struct vch_str props,
                 bool *ret_present);
void client5_subscribe(int fd, const char *filter, uint8_t options);

#define NONE VCH_STR("")
#define CONNACK_OK VCH_STR("\x20\x02\x00\x00")
#define PINGREQ VCH_STR("\xC0\x00")
#define PINGRESP VCH_STR("\xD0\x00")
#define DISCONNECT VCH_STR("\xE0\x00")

#endif
