#include "daemon/loglevel.h"

#include "base/log.h"

void vch_apply_log_level(const struct vch_config *config) {
    static const char *const words[] = {
        [VCH_LOG_DEBUG] = "debug", [VCH_LOG_INFO] = "info", [VCH_LOG_WARN] = "warn", [VCH_LOG_ERROR] = "error"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (vch_str_eq_c(vch_str_from(words[i]), config->log_level)) vch_log_set_level((enum vch_log_level)i);
    }
}
