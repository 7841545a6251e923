#include "vouch/device.h"
#include "wire/mqtt_reason.h"

const char *vch_device_status_word(enum vch_device_status status) {
    static const char *const words[] = {
        [VCH_DEVICE_OK] = "ok",
        [VCH_DEVICE_ARGUMENT] = "bad argument",
        [VCH_DEVICE_SPACE] = "packet too large",
        [VCH_DEVICE_NETWORK] = "network failed",
        [VCH_DEVICE_CLOSED] = "closed by the server",
        [VCH_DEVICE_TIMEOUT] = "timed out",
        [VCH_DEVICE_REFUSED] = "refused by the server",
        [VCH_DEVICE_REJECTED] = "rejected by the server",
        [VCH_DEVICE_PROTOCOL] = "protocol broken by the server",
        [VCH_DEVICE_STORAGE] = "could not save",
        [VCH_DEVICE_DISMISSED] = "disconnected by the server",
    };
    _Static_assert(sizeof words / sizeof *words == VCH_DEVICE_STATUS_COUNT, "one word a status");
    return (unsigned)status < VCH_DEVICE_STATUS_COUNT ? words[status] : "unknown";
}

const char *vch_device_stage_word(enum vch_device_stage stage) {
    static const char *const words[] = {
        [VCH_DEVICE_STAGE_NONE] = "none",
        [VCH_DEVICE_STAGE_CONNECT] = "connect",
        [VCH_DEVICE_STAGE_CREATE_SUBSCRIBE] = "create-subscribe",
        [VCH_DEVICE_STAGE_CREATE] = "create",
        [VCH_DEVICE_STAGE_SAVE] = "save",
        [VCH_DEVICE_STAGE_REGISTER_SUBSCRIBE] = "register-subscribe",
        [VCH_DEVICE_STAGE_REGISTER] = "register",
        [VCH_DEVICE_STAGE_DONE] = "done",
    };
    _Static_assert(sizeof words / sizeof *words == VCH_DEVICE_STAGE_COUNT, "one word a stage");
    return (unsigned)stage < VCH_DEVICE_STAGE_COUNT ? words[stage] : "unknown";
}

const char *vch_device_reason_word(int code) {
    return code < 0 || code > UINT8_MAX ? "unknown" : vch_mqtt_rc_name((uint8_t)code);
}
