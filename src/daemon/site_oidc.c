#include "daemon/site_oidc.h"

#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "core/reason.h"
#include "service/oidc.h"

enum { SECRET_MAX = 1024 };

static enum vch_err refuse(struct vch_diag *diag, const char *key, const char *why) {
    return VCH_REFUSE(diag, VCH_ERR_INVALID, FIELD_INVALID, key, "%s: %s.", key, why);
}

/* Discovery 1.0 3: an https URL without query and fragment. */
static bool is_issuer(struct vch_str url) {
    if (!vch_str_starts(url, VCH_STR("https://")) || url.len < 9 || url.len > 512) return false;
    for (size_t i = 0; i < url.len; i++)
        if (url.ptr[i] <= ' ' || url.ptr[i] > '~' || strchr("?#@\"\\<>", url.ptr[i])) return false;
    return true;
}

enum vch_err vch_site_oidc_check(const struct vch_config *config, struct vch_diag *diag) {
    if (!*config->oidc_issuer) return VCH_OK;
    if (!is_issuer(vch_str_from(config->oidc_issuer))) return refuse(diag, "oidc-issuer", "an https URL without query is needed");
    if (!*config->oidc_client_id) return refuse(diag, "oidc-client-id", "a provider needs to know this server by a name");
    return *config->oidc_user_claim ? VCH_OK : refuse(diag, "oidc-user-claim", "the name of a claim is needed");
}

static enum vch_err read_file(const char *path, struct vch_buf *buf, struct vch_str *ret, struct vch_diag *diag) {
    VCH_TRY(vch_file_read(path, buf, diag));
    VCH_TRY(vch_buf_finish(buf, ret));
    *ret = vch_str_trim(*ret);
    return VCH_OK;
}

static enum vch_err read_secret(const char *path, struct vch_site_files *site, struct vch_str *ret, struct vch_diag *diag) {
    struct stat st;
    if (!*path) return VCH_OK;
    if (stat(path, &st) == 0 && (st.st_mode & 077))
        return refuse(diag, "oidc-client-secret-file", "others may read the file; only its owner may (chmod 600)");
    VCH_TRY(read_file(path, &site->oidc_secret, ret, diag));
    return ret->len ? VCH_OK : refuse(diag, "oidc-client-secret-file", "the file is empty");
}

enum vch_err vch_site_oidc_open(const struct vch_config *config, struct vch_site_files *site, struct vch_diag *diag) {
    struct vch_oidc_settings settings = {.issuer = vch_str_from(config->oidc_issuer),
                                         .client_id = vch_str_from(config->oidc_client_id),
                                         .user_claim = vch_str_from(config->oidc_user_claim),
                                         .label = vch_str_from(config->oidc_label)};
    if (!settings.issuer.len) return VCH_OK;
    vch_buf_init_secret(&site->oidc_secret, SECRET_MAX);
    vch_buf_init(&site->oidc_roots, VCH_HOOK_PEM_MAX);
    VCH_TRY(read_secret(config->oidc_client_secret_file, site, &settings.client_secret, diag));
    if (*config->oidc_ca_file) VCH_TRY(read_file(config->oidc_ca_file, &site->oidc_roots, &settings.ca_pem, diag));
    return vch_oidc_new(&settings, &site->service.oidc);
}

void vch_site_oidc_close(struct vch_site_files *site) {
    vch_oidc_free(site->service.oidc);
    site->service.oidc = NULL;
    vch_buf_deinit(&site->oidc_secret);
    vch_buf_deinit(&site->oidc_roots);
}
