#include "ctl/claim_files.h"

#include <stdio.h>

#include "base/file.h"

static enum vch_err write_one(const char *folder, const char *name, struct vch_str text, unsigned mode,
                              struct vch_diag *diag) {
    char path[4096];
    int len = snprintf(path, sizeof path, "%s/%s", folder, name);
    if (len < 0 || (size_t)len >= sizeof path)
        return vch_diag_set(diag, VCH_ERR_TOO_LARGE, "file", "", "The folder's name is too long.");
    return vch_file_write(path, text, mode, diag);
}

static enum vch_err put_port(struct vch_arena *arena, struct vch_val *map, const char *name, int port) {
    return port > 0 ? vch_val_put_int(arena, map, name, port) : VCH_OK;
}

/* Everything in one document: `vouch-agent --claim bundle.json`. */
static enum vch_err bundle(const struct vch_ctl_claim *claim, struct vch_arena *arena, struct vch_buf *buf) {
    const struct vch_val *expiration = vch_val_get(claim->answer, "expiration");
    struct vch_val *map = vch_val_new_map(arena);
    if (!map) return VCH_ERR_NOMEM;
    VCH_TRY(vch_val_put_str(arena, map, "endpoint", claim->endpoint));
    VCH_TRY(put_port(arena, map, "mqttPort", claim->mqtt_port));
    VCH_TRY(put_port(arena, map, "edgePort", claim->edge_port));
    VCH_TRY(vch_val_put_str(arena, map, "templateName", claim->template_name));
    VCH_TRY(vch_val_put_str(arena, map, "certificateId", vch_val_str_at(claim->answer, "certificateId")));
    if (expiration) {
        struct vch_val *slot = vch_val_put(arena, map, "expiration");
        if (!slot) return VCH_ERR_NOMEM;
        *slot = *expiration;
    }
    VCH_TRY(vch_val_put_str(arena, map, "certificatePem", vch_val_str_at(claim->answer, "certificatePem")));
    struct vch_str key = vch_val_str_at(vch_val_get(claim->answer, "keyPair"), "PrivateKey");
    if (key.len) VCH_TRY(vch_val_put_str(arena, map, "privateKey", key));
    VCH_TRY(vch_val_put_str(arena, map, "rootCa", claim->root_pem));
    vch_json_encode(map, buf);
    vch_buf_c(buf, "\n");
    return VCH_OK;
}

static enum vch_err write_bundle(const char *folder, const struct vch_ctl_claim *claim, struct vch_arena *arena,
                                 struct vch_diag *diag) {
    struct vch_buf buf;
    struct vch_str text;
    vch_buf_init_secret(&buf, 1 << 20);
    enum vch_err err = bundle(claim, arena, &buf);
    if (err == VCH_OK) err = vch_buf_finish(&buf, &text);
    if (err == VCH_OK) err = write_one(folder, "bundle.json", text, 0600, diag);
    vch_buf_deinit(&buf);
    return err;
}

enum vch_err vch_ctl_claim_write(const char *folder, const struct vch_ctl_claim *claim, struct vch_arena *arena,
                                 struct vch_diag *diag) {
    struct vch_str certificate = vch_val_str_at(claim->answer, "certificatePem");
    struct vch_str key = vch_val_str_at(vch_val_get(claim->answer, "keyPair"), "PrivateKey");
    if (!certificate.len || (!key.len && !claim->own_key))
        return vch_diag_set(diag, VCH_ERR_INVALID, "answer-invalid", "", "The server's answer holds no claim.");
    VCH_TRY(vch_dir_make(folder, 0700, diag));
    VCH_TRY(write_one(folder, "root-ca.pem", claim->root_pem, 0644, diag));
    if (key.len) VCH_TRY(write_one(folder, "claim.private.pem.key", key, 0600, diag));
    VCH_TRY(write_one(folder, "claim.pem.crt", certificate, 0644, diag));
    return write_bundle(folder, claim, arena, diag);
}
