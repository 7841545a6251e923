/* The order that makes a kill harmless: the whole of ca/ is made in ca.new/ and
 * renamed; ca.pem is a copy of ca/root.pem and can be made again; the server's
 * key is written before its certificate and kept when that is renewed. */
#include "pki/init.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/digest.h"
#include "base/file.h"
#include "core/reason.h"
#include "pki/authority_priv.h"

enum { PATH_SIZE = 4096, PEM_CAP = 65536, NAMES_MAX = 64 };

struct site {
    const char *dir;
    const char *names[NAMES_MAX];
    size_t count;
    struct vch_diag *diag;
};

static enum vch_err failed(struct site *site, enum vch_err err, const char *field, const char *why) {
    return VCH_REFUSE(site->diag, err, INTERNAL, field, "%s", why);
}

static enum vch_err path_of(struct site *site, const char *name, char path[PATH_SIZE]) {
    int len = snprintf(path, PATH_SIZE, "%s/%s", site->dir, name);
    if (len > 0 && len < PATH_SIZE) return VCH_OK;
    return failed(site, VCH_ERR_INVALID, "data", "The data folder's path is too long.");
}

static bool exists(struct site *site, const char *name) {
    char path[PATH_SIZE];
    struct stat st;
    return path_of(site, name, path) == VCH_OK && lstat(path, &st) == 0;
}

static enum vch_err read_text(struct site *site, const char *name, struct vch_buf *buf, struct vch_str *ret) {
    char path[PATH_SIZE];
    VCH_TRY(path_of(site, name, path));
    VCH_TRY(vch_file_read(path, buf, site->diag));
    return vch_buf_finish(buf, ret);
}

static enum vch_err write_text(struct site *site, const char *name, struct vch_buf *buf, unsigned mode) {
    char path[PATH_SIZE];
    struct vch_str bytes;
    VCH_TRY(path_of(site, name, path));
    if (vch_buf_finish(buf, &bytes) != VCH_OK) return failed(site, VCH_ERR_INTERNAL, name, "A PEM text could not be made.");
    return vch_file_write(path, bytes, mode, site->diag);
}

static enum vch_err write_key(struct site *site, const char *name, EVP_PKEY *key) {
    struct vch_buf buf;
    vch_buf_init_secret(&buf, PEM_CAP);
    vch_authority_put_key(key, &buf);
    enum vch_err err = write_text(site, name, &buf, 0600);
    vch_buf_deinit(&buf);
    return err;
}

static enum vch_err write_certificate(struct site *site, const char *name, X509 *certificate) {
    struct vch_buf buf;
    vch_buf_init(&buf, PEM_CAP);
    vch_authority_put_certificate(certificate, &buf);
    enum vch_err err = write_text(site, name, &buf, 0644);
    vch_buf_deinit(&buf);
    return err;
}

static enum vch_err read_key(struct site *site, const char *name, EVP_PKEY **ret) {
    struct vch_buf buf;
    struct vch_str pem;
    vch_buf_init_secret(&buf, PEM_CAP);
    enum vch_err err = read_text(site, name, &buf, &pem);
    if (!err) *ret = vch_authority_parse_key(pem);
    vch_buf_deinit(&buf);
    return err || *ret ? err : failed(site, VCH_ERR_MALFORMED, name, "This file of the data folder holds no private key.");
}

static enum vch_err read_certificate(struct site *site, const char *name, X509 **ret) {
    struct vch_buf buf;
    struct vch_str pem;
    vch_buf_init(&buf, PEM_CAP);
    enum vch_err err = read_text(site, name, &buf, &pem);
    if (!err) *ret = vch_authority_parse_certificate(pem);
    vch_buf_deinit(&buf);
    return err || *ret ? err : failed(site, VCH_ERR_MALFORMED, name, "This file of the data folder holds no certificate.");
}

/* ---- ca/ ------------------------------------------------------------------ */

/* What a killed start left: flat, ours alone. */
static enum vch_err remove_folder(struct site *site, const char *name) {
    char path[PATH_SIZE];
    VCH_TRY(path_of(site, name, path));
    DIR *dir = opendir(path);
    if (!dir) return errno == ENOENT ? VCH_OK : failed(site, VCH_ERR_IO, name, "A left-over folder cannot be read.");
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            (void)unlinkat(dirfd(dir), entry->d_name, 0);
    }
    (void)closedir(dir);
    if (rmdir(path) == 0) return VCH_OK;
    return failed(site, VCH_ERR_IO, name, "A left-over folder cannot be removed.");
}

static enum vch_err save_authority(struct site *site, const char *name, const struct vch_authority *authority) {
    char key[64], certificate[64];
    (void)snprintf(key, sizeof key, "ca.new/%s.key", name);
    (void)snprintf(certificate, sizeof certificate, "ca.new/%s.pem", name);
    VCH_TRY(write_key(site, key, authority->key));
    return write_certificate(site, certificate, authority->certificate);
}

/* `id` tells installations apart where certificates of several are kept. */
static enum vch_err make_authority(struct site *site, const char *name, const char *title, const char *id,
                                   const struct vch_authority *parent, struct vch_authority *ret) {
    char common_name[64];
    (void)snprintf(common_name, sizeof common_name, "Vouch %s CA %s", title, id);
    if (!vch_authority_make(common_name, parent, ret))
        return failed(site, VCH_ERR_INTERNAL, name, "A certificate authority could not be made.");
    return save_authority(site, name, ret);
}

static enum vch_err make_authorities(struct site *site) {
    struct vch_authority root = {NULL, NULL}, device = {NULL, NULL}, claim = {NULL, NULL};
    uint8_t random[4];
    char id[9];
    vch_random(random, sizeof random);
    vch_hex(random, sizeof random, id);
    enum vch_err err = make_authority(site, "root", "Root", id, NULL, &root);
    if (!err) err = make_authority(site, "device", "Device", id, &root, &device);
    if (!err) err = make_authority(site, "claim", "Claim", id, &root, &claim);
    vch_authority_deinit(&claim);
    vch_authority_deinit(&device);
    vch_authority_deinit(&root);
    return err;
}

static enum vch_err make_folder(struct site *site, const char *name) {
    char path[PATH_SIZE];
    VCH_TRY(path_of(site, name, path));
    return vch_dir_make(path, 0700, site->diag);
}

static enum vch_err sync_folder(struct site *site) {
    int fd = open(site->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0) (void)close(fd);
    return ok ? VCH_OK : failed(site, VCH_ERR_IO, "data", "The data folder cannot be synchronised.");
}

static enum vch_err prepare_ca(struct site *site) {
    char from[PATH_SIZE], to[PATH_SIZE];
    VCH_TRY(remove_folder(site, "ca.new"));
    if (exists(site, "ca")) return VCH_OK;
    VCH_TRY(make_folder(site, "ca.new"));
    VCH_TRY(make_authorities(site));
    VCH_TRY(path_of(site, "ca.new", from));
    VCH_TRY(path_of(site, "ca", to));
    if (rename(from, to) != 0) return failed(site, VCH_ERR_IO, "ca", "The new folder ca cannot be put in place.");
    return sync_folder(site);
}

/* Installations of before had none; without it no checkpoint was ever signed. */
static enum vch_err prepare_ledger_key(struct site *site) {
    EVP_PKEY *key = NULL;
    struct vch_buf buf;
    enum vch_err err = VCH_OK;
    if (exists(site, "ca/ledger.key")) {
        if (exists(site, "ledger.pub.pem")) return VCH_OK;
        err = read_key(site, "ca/ledger.key", &key);
    } else {
        key = vch_authority_keygen();
        err = key ? write_key(site, "ca/ledger.key", key) : failed(site, VCH_ERR_INTERNAL, "ca/ledger.key", "The ledger's key could not be made.");
    }
    vch_buf_init(&buf, PEM_CAP);
    if (!err) vch_authority_put_public(key, &buf);
    if (!err) err = write_text(site, "ledger.pub.pem", &buf, 0644);
    vch_buf_deinit(&buf);
    EVP_PKEY_free(key);
    return err;
}

/* Never made again one by one: a lost issuer is for a person to decide about. */
static enum vch_err check_ca(struct site *site) {
    static const char *const needed[] = {"ca/root.pem", "ca/device.key", "ca/device.pem", "ca/claim.key", "ca/claim.pem"};
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
        if (!exists(site, needed[i]))
            return failed(site, VCH_ERR_MALFORMED, needed[i], "The data folder lacks this file; restore it from a copy.");
    }
    return VCH_OK;
}

static enum vch_err prepare_root(struct site *site) {
    X509 *root = NULL, *published = NULL;
    enum vch_err err = read_certificate(site, "ca/root.pem", &root);
    if (!err && exists(site, "ca.pem")) err = read_certificate(site, "ca.pem", &published);
    if (!err && published && X509_cmp(root, published) != 0)
        err = failed(site, VCH_ERR_MALFORMED, "ca.pem", "ca.pem is not the root of ca/root.pem.");
    if (!err && !published) err = write_certificate(site, "ca.pem", root);
    X509_free(published);
    X509_free(root);
    return err;
}

/* ---- tls/ ----------------------------------------------------------------- */

static int64_t time_ms(const ASN1_TIME *time) {
    struct tm tm = {0};
    if (ASN1_TIME_to_tm(time, &tm) != 1) return 0;
    return vch_time_from_utc(tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* Past two thirds of its life, before it, or short of a name. */
static bool is_stale(struct site *site, X509 *certificate) {
    int64_t start = time_ms(X509_get0_notBefore(certificate)), end = time_ms(X509_get0_notAfter(certificate));
    int64_t now = vch_now_ms();
    return now < start || now - start > (end - start) / 3 * 2 || !vch_authority_covers(certificate, site->names, site->count);
}

static enum vch_err issue_server(struct site *site, EVP_PKEY *key) {
    struct vch_authority root = {NULL, NULL};
    X509 *certificate = NULL;
    enum vch_err err = VCH_OK;
    if (!exists(site, "ca/root.key"))
        err = failed(site, VCH_ERR_MALFORMED, "ca/root.key", "The server certificate must be renewed, and the root's key is not there.");
    if (!err) err = read_certificate(site, "ca/root.pem", &root.certificate);
    if (!err) err = read_key(site, "ca/root.key", &root.key);
    if (!err && X509_check_private_key(root.certificate, root.key) != 1)
        err = failed(site, VCH_ERR_MALFORMED, "ca/root.key", "The root's key and certificate do not belong together.");
    if (!err) {
        certificate = vch_authority_server(&root, key, site->names, site->count, vch_now_ms());
        if (!certificate) err = failed(site, VCH_ERR_INTERNAL, "tls/server.pem", "The server certificate could not be made.");
    }
    if (!err) err = write_certificate(site, "tls/server.pem", certificate);
    X509_free(certificate);
    vch_authority_deinit(&root);
    return err;
}

static enum vch_err server_key(struct site *site, EVP_PKEY **ret) {
    if (exists(site, "tls/server.key")) return read_key(site, "tls/server.key", ret);
    *ret = vch_authority_keygen();
    if (!*ret) return failed(site, VCH_ERR_INTERNAL, "tls/server.key", "The server's key could not be made.");
    return write_key(site, "tls/server.key", *ret);
}

/* A certificate of another issuer is the operator's own, and so are its names and dates. */
static enum vch_err check_server(struct site *site, EVP_PKEY *key, bool *ret_renew) {
    X509 *server = NULL, *root = NULL;
    *ret_renew = !exists(site, "tls/server.pem");
    if (*ret_renew) return VCH_OK;
    enum vch_err err = read_certificate(site, "tls/server.pem", &server);
    if (!err) err = read_certificate(site, "ca/root.pem", &root);
    bool ours = !err && X509_check_issued(root, server) == X509_V_OK;
    bool matches = !err && X509_check_private_key(server, key) == 1;
    if (!err && !ours && !matches)
        err = failed(site, VCH_ERR_MALFORMED, "tls/server.pem", "The server's key and certificate do not belong together.");
    if (!err) *ret_renew = ours && (!matches || is_stale(site, server));
    X509_free(root);
    X509_free(server);
    return err;
}

static enum vch_err prepare_server(struct site *site) {
    EVP_PKEY *key = NULL;
    bool renew = false;
    VCH_TRY(make_folder(site, "tls"));
    enum vch_err err = server_key(site, &key);
    if (!err) err = check_server(site, key, &renew);
    if (!err && renew) err = issue_server(site, key);
    EVP_PKEY_free(key);
    return err;
}

/* ---- names ---------------------------------------------------------------- */

/* A DNS name or an IP literal. */
static bool name_sound(const char *name) {
    size_t len = strlen(name);
    unsigned char ip[16];
    if (inet_pton(AF_INET, name, ip) == 1 || inet_pton(AF_INET6, name, ip) == 1) return true;
    return len > 0 && len <= 253 && name[0] != '.' && name[0] != '-' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._") == len;
}

static enum vch_err add_name(struct site *site, const char *name) {
    for (size_t i = 0; i < site->count; i++) {
        if (vch_str_ieq(vch_str_from(site->names[i]), vch_str_from(name))) return VCH_OK;
    }
    if (!name_sound(name)) return VCH_REFUSE(site->diag, VCH_ERR_INVALID, FIELD_INVALID, "hostname", "\"%s\" is no host name.", name);
    if (site->count == NAMES_MAX) return failed(site, VCH_ERR_INVALID, "hostname", "There are too many host names.");
    site->names[site->count++] = name;
    return VCH_OK;
}

enum vch_err vch_pki_prepare(const char *data_dir, const char *const *hostnames, size_t count, struct vch_diag *diag) {
    static const char *const always[] = {"localhost", "127.0.0.1", "::1"};
    struct site site = {.dir = data_dir, .diag = diag};
    for (size_t i = 0; i < count; i++) VCH_TRY(add_name(&site, hostnames[i]));
    for (size_t i = 0; i < 3; i++) VCH_TRY(add_name(&site, always[i]));
    VCH_TRY(vch_dir_make(data_dir, 0700, diag));
    VCH_TRY(prepare_ca(&site));
    VCH_TRY(check_ca(&site));
    VCH_TRY(prepare_ledger_key(&site));
    VCH_TRY(prepare_root(&site));
    return prepare_server(&site);
}
