/* The configuration of vouchd: the rows of config.def, from the command line
 * and a file of `key = value` lines ('#' begins a comment line). The command
 * line wins. Read once, before there are threads. */
#ifndef VCH_DAEMON_CONFIG_H
#define VCH_DAEMON_CONFIG_H

#include "base/arena.h"
#include "base/buf.h"

enum { VCH_CONFIG_LIST_MAX = 32 };

struct vch_config_list {
    const char *items[VCH_CONFIG_LIST_MAX];
    size_t count;
};

#define VCH_TYPE_TEXT const char *
#define VCH_TYPE_WORD const char *
#define VCH_TYPE_ADDRESS const char * /* NULL: off */
#define VCH_TYPE_NUMBER int64_t
#define VCH_TYPE_FLAG bool
#define VCH_TYPE_LIST struct vch_config_list

enum vch_config_action {
    VCH_CONFIG_SERVE,
    VCH_CONFIG_CHECK,   /* -n */
    VCH_CONFIG_VERSION, /* --version */
    VCH_CONFIG_HELP,    /* --help */
    VCH_CONFIG_EXPORT,  /* --export-store FILE */
    VCH_CONFIG_IMPORT,  /* --import-store FILE */
    VCH_CONFIG_ROLE     /* --role: vouchd started itself */
};

struct vch_config {
#define VCH_X(field, key, type, preset, min, max, reload, metavar, help) VCH_TYPE_##type field;
#include "daemon/config.def"
#undef VCH_X
    enum vch_config_action action;
    const char *file; /* --config, or NULL */
    const char *move_file; /* of the export or import */
    const char *role; /* "signer" | "hooks" */
    int64_t role_fd;
    struct vch_arena *arena;
};

/* INVALID with the key in `field`, MALFORMED (the file's syntax), or what
 * reading the file gives. The arguments must outlive it. */
enum vch_err vch_config_parse(int argc, char *const *argv, struct vch_config *ret, struct vch_diag *diag) VCH_MUST;
void vch_config_deinit(struct vch_config *config); /* zeroed memory is fine */
/* One row by its key, as the file and the flags give it; a list gets one more item. */
enum vch_err vch_config_set(struct vch_config *config, struct vch_str key, struct vch_str value, struct vch_diag *diag) VCH_MUST;
/* The keys that differ and need a restart, in `ret`, with spaces between. */
void vch_config_diff(const struct vch_config *old, const struct vch_config *fresh, struct vch_buf *ret);
void vch_config_help(struct vch_buf *buf);

/* "ADDR:PORT", numeric, ADDR in brackets when IPv6. */
bool vch_address_valid(struct vch_str address);
bool vch_address_is_loopback(struct vch_str address);

#endif
