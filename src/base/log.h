/* One structured line per event, on standard error:
 *   2026-11-23T15:44:28.123Z info mqtt-connect client=dev-1 reason=...
 *
 * Any thread; a line is one write. Values are escaped, so that no peer forges
 * a line, and cut at 512 bytes. Secrets have no printable form: never pass one.
 */
#ifndef VCH_BASE_LOG_H
#define VCH_BASE_LOG_H

#include "base/str.h"

enum vch_log_level { VCH_LOG_DEBUG, VCH_LOG_INFO, VCH_LOG_WARN, VCH_LOG_ERROR };

void vch_log_set_level(enum vch_log_level level);
bool vch_log_enabled(enum vch_log_level level);
void vch_log_set_name(const char *process); /* static string shown in each line */

struct vch_log_field {
    const char *name;
    struct vch_str value;
    int64_t number;
    bool is_number;
};
#define VCH_LOG_S(name, s) ((struct vch_log_field){(name), (s), 0, false})
#define VCH_LOG_C(name, c) ((struct vch_log_field){(name), vch_str_from(c), 0, false})
#define VCH_LOG_I(name, i) ((struct vch_log_field){(name), {NULL, 0}, (int64_t)(i), true})

void vch_log_write(enum vch_log_level level, const char *event, const struct vch_log_field *fields, size_t count);

/* VCH_LOG(INFO, "mqtt-connect", VCH_LOG_S("client", id), VCH_LOG_I("ms", 3)); */
#define VCH_LOG(level, event, ...)                                                                                     \
    do {                                                                                                               \
        if (vch_log_enabled(VCH_LOG_##level)) {                                                                        \
            const struct vch_log_field vch_log_fields_[] = {__VA_ARGS__};                                              \
            vch_log_write(VCH_LOG_##level, (event), vch_log_fields_, sizeof vch_log_fields_ / sizeof *vch_log_fields_); \
        }                                                                                                              \
    } while (0)

#endif
