/* A program that knows the public header and the archive, and nothing else of
 * the project: what a device maker compiles. */
#include <vouch/device.h>

static enum vch_device_status say_nothing(void *arg, const void *bytes, size_t len, int64_t deadline_ms) {
    (void)arg, (void)bytes, (void)len, (void)deadline_ms;
    return VCH_DEVICE_OK;
}

static enum vch_device_status hear_nothing(void *arg, void *buf, size_t size, size_t *ret_len, int64_t deadline_ms) {
    (void)arg, (void)buf, (void)size, (void)ret_len, (void)deadline_ms;
    return VCH_DEVICE_CLOSED;
}

static int64_t no_time(void *arg) {
    (void)arg;
    return 0;
}

int main(void) {
    uint8_t in[512], out[512];
    struct vch_device device;
    const struct vch_device_options options = {.transport = {say_nothing, hear_nothing, no_time, 0},
                                               .in = in,
                                               .in_size = sizeof in,
                                               .out = out,
                                               .out_size = sizeof out};
    const struct vch_device_connect connect = {.client_id = "alone"};
    if (vch_device_init(&device, &options) != VCH_DEVICE_OK) return 1;
    return vch_device_connect(&device, &connect) == VCH_DEVICE_CLOSED ? 0 : 2;
}
