/* vouchd --export-store FILE and --import-store FILE: the registry of this
 * configuration into a file, and a file into it. What `vouch store` starts. */
#ifndef VCH_DAEMON_MOVE_H
#define VCH_DAEMON_MOVE_H

#include "daemon/config.h"

/* Exporting reads one state of a registry that may be in use; the file (0600)
 * appears whole or not at all. Importing needs a registry that is empty, and a
 * data folder whose server does not run. One line on standard output says what was moved. */
enum vch_err vch_move_run(const struct vch_config *config, struct vch_diag *diag) VCH_MUST;

#endif
