/* The settings of options.def and where each got its value. Later sources win:
 * default, configuration file, command line, environment, runtime file.
 * Source: aws-iot-device-client's order of precedence. */
#ifndef VCH_AGENT_OPTIONS_H
#define VCH_AGENT_OPTIONS_H

#include <stdio.h>

#include "agent/proxy.h"

enum vch_opt {
#define VCH_X(name, flag, kind, json, preset, feature, help) VCH_OPT_##name,
#include "agent/options.def"
#undef VCH_X
    VCH_OPT_COUNT
};

enum vch_source { VCH_SOURCE_DEFAULT, VCH_SOURCE_FILE, VCH_SOURCE_CLAIM, VCH_SOURCE_CLI, VCH_SOURCE_RUNTIME };

struct vch_setting {
    struct vch_str text; /* terminated; in the arena or static */
    enum vch_source source;
};

struct vch_options {
    struct vch_arena *arena; /* borrowed */
    struct vch_setting settings[VCH_OPT_COUNT];
    bool sensors; /* sensor-publish has an enabled sensor */
    struct vch_proxy proxy;
    const struct vch_val *document; /* the configuration file's, or NULL */
};

void vch_options_init(struct vch_options *options, struct vch_arena *arena);
/* Strict: an unknown or repeated flag and a missing value are refused. */
enum vch_exit vch_options_parse(struct vch_options *options, int argc, char **argv,
                                struct vch_outcome *outcome) VCH_MUST;
/* A configuration document; never replaces what the command line set. */
enum vch_exit vch_options_load(struct vch_options *options, const struct vch_val *document,
                               struct vch_outcome *outcome) VCH_MUST;
/* Unless a stronger source has set it. `text` is copied. */
void vch_options_set(struct vch_options *options, enum vch_opt opt, struct vch_str text, enum vch_source source);

const char *vch_options_text(const struct vch_options *options, enum vch_opt opt); /* never NULL */
bool vch_options_has(const struct vch_options *options, enum vch_opt opt);         /* not empty */
bool vch_options_on(const struct vch_options *options, enum vch_opt opt);          /* exactly "true" */
int vch_options_int(const struct vch_options *options, enum vch_opt opt);          /* checked at parsing */

/* Features that were asked for by flag or file and are not here, "a, b, c" into
 * `out`; false when there is none. Mere defaults are not named. */
bool vch_options_missing(const struct vch_options *options, char *out, size_t size);

void vch_options_help(FILE *out);
/* A configuration file with every key and its default. */
enum vch_err vch_options_export(struct vch_arena *arena, struct vch_buf *buf) VCH_MUST;

/* '~' at the start, $NAME and ${NAME}; unset variables are empty. */
struct vch_str vch_path_expand(struct vch_str path, struct vch_arena *arena);

#endif
