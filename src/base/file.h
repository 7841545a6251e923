/* Whole small files, read bounded and written so that a reader sees the old
 * content or the new, never a part: final mode from the first byte, fsync,
 * rename, fsync of the folder. */
#ifndef VCH_BASE_FILE_H
#define VCH_BASE_FILE_H

#include "base/buf.h"

/* Appends the file to `buf`; TOO_LARGE past the buffer's cap, NOT_FOUND, IO. */
enum vch_err vch_file_read(const char *path, struct vch_buf *buf, struct vch_diag *diag) VCH_MUST;
/* The same of an open descriptor, to its end: a pipe, a socket, a terminal. `name` is for the diagnosis. */
enum vch_err vch_file_read_fd(int fd, const char *name, struct vch_buf *buf, struct vch_diag *diag) VCH_MUST;
/* `mode` is final, whatever the umask. IO with errno's words in the diagnosis;
 * on failure the old file is untouched and no temporary is left. */
enum vch_err vch_file_write(const char *path, struct vch_str bytes, unsigned mode, struct vch_diag *diag) VCH_MUST;
/* Makes the folder and its missing parents; `mode` for those it makes. */
enum vch_err vch_dir_make(const char *path, unsigned mode, struct vch_diag *diag) VCH_MUST;

#endif
