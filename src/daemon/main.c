#include <stdio.h>

#include "base/log.h"
#include "daemon/config.h"
#include "daemon/loglevel.h"
#include "daemon/move.h"
#include "daemon/process.h"
#include "daemon/serve.h"
#include "net/tls_memory.h"

static int say(const char *text) {
    return fputs(text, stdout) < 0 || fflush(stdout) != 0 ? 1 : 0;
}

static int help(void) {
    struct vch_buf buf;
    struct vch_str text;
    vch_buf_init(&buf, 16384);
    vch_config_help(&buf);
    int rc = vch_buf_finish(&buf, &text) == VCH_OK ? say(text.ptr) : 1;
    vch_buf_deinit(&buf);
    return rc;
}

static int complain(enum vch_err err, const struct vch_diag *diag) {
    (void)fprintf(stderr, "vouchd: %s\n", diag->reason ? diag->message : vch_err_word(err));
    return 1;
}

static int move(const struct vch_config *config) {
    struct vch_diag diag = {.reason = NULL};
    enum vch_err err = vch_move_run(config, &diag);
    return err ? complain(err, &diag) : 0;
}

static int serve(const struct vch_config *config, int argc, char **argv) {
    struct vch_diag diag = {.reason = NULL};
    vch_log_set_name("vouchd");
    vch_apply_log_level(config);
    enum vch_err err = vch_serve(config, argc, argv, &diag);
    return err ? complain(err, &diag) : 0;
}

static int act(const struct vch_config *config, int argc, char **argv) {
    switch (config->action) {
    case VCH_CONFIG_HELP: return help();
    case VCH_CONFIG_VERSION: return say("vouchd " VOUCH_VERSION "\n");
    case VCH_CONFIG_CHECK: return say("the configuration is sound\n");
    case VCH_CONFIG_ROLE: return vch_role_run(config);
    case VCH_CONFIG_EXPORT:
    case VCH_CONFIG_IMPORT: return move(config);
    case VCH_CONFIG_SERVE: break;
    }
    return serve(config, argc, argv);
}

int main(int argc, char **argv) {
    struct vch_config config;
    struct vch_diag diag = {.reason = NULL};
    vch_tls_memory_install();
    enum vch_err err = vch_config_parse(argc, argv, &config, &diag);
    if (err) return complain(err, &diag);
    int rc = act(&config, argc, argv);
    vch_config_deinit(&config);
    return rc;
}
