/* Copies of the registry and of what MQTT keeps beside the server's run files,
 * for who asked to take from there. A name of its own for each: two that ask at
 * once do not meet. */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/codec.h"
#include "base/digest.h"
#include "core/reason.h"
#include "service/change.h"
#include "store/messages.h"
#include "store/transfer.h"

enum { NAME_BYTES = 8, PATH_LEN = 4400 };

struct copy {
    char name[64], path[PATH_LEN];
    int64_t size;
    bool made;
};

static enum vch_err name_copy(struct vch_call *call, const char *kind, struct copy *copy) {
    char hex[2 * NAME_BYTES + 1];
    uint8_t random[NAME_BYTES];
    vch_random(random, sizeof random);
    vch_hex(random, sizeof random, hex);
    (void)snprintf(copy->name, sizeof copy->name, "backup-%s%s.db", kind, hex);
    int len = snprintf(copy->path, sizeof copy->path, "%.*s/%s", VCH_STR_ARG(call->service->run_dir), copy->name);
    if (call->service->run_dir.len && len > 0 && (size_t)len < sizeof copy->path) return VCH_OK;
    return VCH_REFUSE(call->diag, VCH_ERR_INTERNAL, INTERNAL, "", "There is no folder for a copy.");
}

static enum vch_err measure(struct vch_call *call, struct copy *copy) {
    struct stat st = {0};
    if (stat(copy->path, &st) != 0) return VCH_REFUSE(call->diag, VCH_ERR_IO, INTERNAL, "", "The copy is gone.");
    copy->size = (int64_t)st.st_size;
    return VCH_OK;
}

static enum vch_err copy_messages(struct vch_call *call, struct copy *copy) {
    if (!call->service->messages) return VCH_OK;
    VCH_TRY(name_copy(call, "messages-", copy));
    copy->made = true;
    VCH_TRY(vch_messages_copy(call->service->messages, copy->path, call->diag));
    return measure(call, copy);
}

static enum vch_err copy_registry(struct vch_call *call, struct copy *copy) {
    VCH_TRY(name_copy(call, "", copy));
    copy->made = true;
    VCH_TRY(vch_store_backup(call->service->store, copy->path, call->diag));
    return measure(call, copy);
}

static enum vch_err put_copy(struct vch_call *call, const struct copy *copy, const char *name, const char *size) {
    if (!copy->made) return VCH_OK;
    struct vch_str text = vch_arena_str(call->arena, vch_str_from(copy->name));
    if (!text.ptr) return VCH_ERR_NOMEM;
    VCH_TRY(vch_val_put_str(call->arena, call->out, name, text));
    return vch_val_put_int(call->arena, call->out, size, copy->size);
}

static enum vch_err tell(struct vch_call *call, const struct copy *registry, const struct copy *messages) {
    static const char *const both[] = {"fileName", "messagesFileName", NULL};
    const struct vch_str names[] = {vch_str_from(registry->name), vch_str_from(messages->name)};
    size_t first = registry->made ? 0 : 1;
    const char *const one[] = {both[first], NULL};
    struct vch_change change;
    VCH_TRY(vch_change_begin(call, registry->made ? "registry-copied" : "messages-copied", &change));
    VCH_TRY(vch_change_detail(call, &change, registry->made && messages->made ? both : one, names + first));
    VCH_TRY(vch_change_apply(call, &change));
    VCH_TRY(put_copy(call, registry, "fileName", "size"));
    return put_copy(call, messages, "messagesFileName", "messagesSize");
}

/* Messages first: a session in them then has its certificate in the registry. */
enum vch_err vch_uc_backup_registry(struct vch_call *call) {
    struct copy registry = {.made = false}, messages = {.made = false};
    bool messages_only = vch_val_bool_at(call->in, "messagesOnly", false);
    enum vch_err err = copy_messages(call, &messages);
    if (!err && !messages_only) err = copy_registry(call, &registry);
    if (!err) err = tell(call, &registry, &messages);
    if (err && registry.made) (void)unlink(registry.path);
    if (err && messages.made) (void)unlink(messages.path);
    return err;
}
