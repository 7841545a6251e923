#include <stdlib.h>
#include <unistd.h>

#include "agent/agent.h"
#include "base/file.h"

enum { CONFIG_MAX = 65536 };

static enum vch_err read_json(struct vch_options *options, const char *path, struct vch_val **ret,
                              struct vch_diag *diag) {
    struct vch_buf text;
    vch_buf_init_secret(&text, CONFIG_MAX);
    enum vch_err err = vch_file_read(path, &text, diag);
    if (err == VCH_OK) err = vch_json_decode(vch_str_of(text.ptr, text.len), NULL, options->arena, ret, diag);
    vch_buf_deinit(&text);
    return err;
}

static enum vch_exit load_file(struct vch_options *options, const char *path, struct vch_outcome *outcome) {
    struct vch_val *document = NULL;
    struct vch_diag diag = {0};
    if (read_json(options, path, &document, &diag) == VCH_OK) {
        options->document = document;
        return vch_options_load(options, document, outcome);
    }
    return vch_outcome_set(outcome, VCH_EXIT_CONFIG, "Correct the file, or name another with --config-file.",
                           "The configuration file %s is not usable: %s", path, diag.message);
}

/* The file, named or at its usual place; a broken one matters only when it was
 * named. Without a proxy there, the environment's. */
static enum vch_exit load_proxy(struct vch_options *options, struct vch_outcome *outcome) {
    struct vch_val *document = NULL;
    struct vch_diag diag = {0};
    bool named = vch_options_has(options, VCH_OPT_HTTP_PROXY);
    struct vch_str usual = vch_path_expand(VCH_STR("~/.aws-iot-device-client/http-proxy.conf"), options->arena);
    const char *path = named ? vch_options_text(options, VCH_OPT_HTTP_PROXY) : usual.ptr;
    enum vch_err err = path ? read_json(options, path, &document, &diag) : VCH_ERR_NOT_FOUND;
    if (err == VCH_OK) VCH_STEP(vch_proxy_read(document, &options->proxy, outcome));
    if (options->proxy.host.len) return VCH_EXIT_OK;
    if (err == VCH_OK || !named) return vch_proxy_from_environment(options->arena, &options->proxy, outcome);
    return vch_outcome_set(outcome, VCH_EXIT_CONFIG, "Correct the file.", "The HTTP proxy file %s is not usable: %s",
                           path, diag.message);
}

static const char *usual_file(const struct vch_options *options) {
    struct vch_str own =
        vch_arena_printf(options->arena, "%s/aws-iot-device-client.conf", vch_options_text(options, VCH_OPT_STATE_DIR));
    if (own.ptr && access(own.ptr, F_OK) == 0) return own.ptr;
    struct vch_str theirs =
        vch_path_expand(VCH_STR("~/.aws-iot-device-client/aws-iot-device-client.conf"), options->arena);
    return theirs.ptr && access(theirs.ptr, F_OK) == 0 ? theirs.ptr : NULL;
}

static enum vch_exit export_settings(const struct vch_options *options, struct vch_outcome *outcome) {
    struct vch_buf buf;
    struct vch_diag diag = {0};
    vch_buf_init(&buf, CONFIG_MAX);
    enum vch_err err = vch_options_export(options->arena, &buf);
    if (err == VCH_OK)
        err = vch_file_write(vch_options_text(options, VCH_OPT_EXPORT_SETTINGS), vch_str_of(buf.ptr, buf.len), 0640,
                             &diag);
    vch_buf_deinit(&buf);
    return err == VCH_OK ? VCH_EXIT_OK
                         : vch_outcome_diag(outcome, VCH_EXIT_LOCAL, "Name a file that can be written.", &diag);
}

enum vch_exit vch_agent_configure(struct vch_options *options, int argc, char **argv, struct vch_outcome *outcome) {
    VCH_STEP(vch_options_parse(options, argc, argv, outcome));
    if (vch_options_has(options, VCH_OPT_EXPORT_SETTINGS)) VCH_STEP(export_settings(options, outcome));
    const char *path = vch_options_has(options, VCH_OPT_CONFIG_FILE) ? vch_options_text(options, VCH_OPT_CONFIG_FILE)
                                                                     : usual_file(options);
    if (path) VCH_STEP(load_file(options, path, outcome));
    return load_proxy(options, outcome);
}
