/* A copy of the registry beside the server's run files, for who asked to take
 * from there. A name of its own for each: two that ask at once do not meet. */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/codec.h"
#include "base/digest.h"
#include "core/reason.h"
#include "service/change.h"
#include "store/transfer.h"

enum { NAME_BYTES = 8, PATH_LEN = 4400 };

static enum vch_err tell(struct vch_call *call, const char *name, int64_t size) {
    struct vch_change change;
    VCH_TRY(vch_change_begin(call, "registry-copied", &change));
    VCH_TRY(vch_change_about(call, &change, "fileName", vch_str_from(name)));
    VCH_TRY(vch_change_apply(call, &change));
    struct vch_str copy = vch_arena_str(call->arena, vch_str_from(name));
    if (!copy.ptr) return VCH_ERR_NOMEM;
    VCH_TRY(vch_val_put_str(call->arena, call->out, "fileName", copy));
    return vch_val_put_int(call->arena, call->out, "size", size);
}

enum vch_err vch_uc_backup_registry(struct vch_call *call) {
    char name[64], hex[2 * NAME_BYTES + 1], path[PATH_LEN];
    uint8_t random[NAME_BYTES];
    struct stat st = {0};
    vch_random(random, sizeof random);
    vch_hex(random, sizeof random, hex);
    (void)snprintf(name, sizeof name, "backup-%s.db", hex);
    int len = snprintf(path, sizeof path, "%.*s/%s", VCH_STR_ARG(call->service->run_dir), name);
    if (call->service->run_dir.len == 0 || len < 0 || (size_t)len >= sizeof path)
        return VCH_REFUSE(call->diag, VCH_ERR_INTERNAL, INTERNAL, "", "There is no folder for a copy.");
    enum vch_err err = vch_store_backup(call->service->store, path, call->diag);
    if (!err && stat(path, &st) != 0) err = VCH_REFUSE(call->diag, VCH_ERR_IO, INTERNAL, "", "The copy is gone.");
    if (!err) err = tell(call, name, (int64_t)st.st_size);
    if (err) (void)unlink(path);
    return err;
}
