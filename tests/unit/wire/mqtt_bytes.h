/* Packets of the tests are written out byte by byte, so that a mistake that the
 * encoder and the decoder share does not hide. */
#ifndef VCH_TEST_MQTT_BYTES_H
#define VCH_TEST_MQTT_BYTES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "wire/mqtt.h"

#define BYTES(literal) VCH_STR(literal)

/* The one whole frame that `bytes` must be. */
static inline struct vch_mqtt_frame whole(struct vch_str bytes) {
    struct vch_mqtt_frame frame;
    size_t size;
    assert_int_equal(vch_mqtt_frame_decode(bytes, &frame, &size), VCH_OK);
    assert_true(frame.whole);
    assert_int_equal(size, bytes.len);
    return frame;
}

static inline void assert_str(struct vch_str got, const char *want) {
    assert_int_equal(got.len, strlen(want));
    if (got.len) assert_memory_equal(got.ptr, want, got.len);
}

#endif
