#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/file.h"
#include "core/reason.h"
#include "pki/jail_priv.h"
#include "pki/ledger_key_priv.h"
#include "pki/protocol_priv.h"
#include "pki/signer.h"
#include "pki/spki_priv.h"

struct server {
    int fd;
    bool test_clock;
    struct vch_issuer issuers[2]; /* by enum vch_profile */
    struct vch_ledger_key ledger;
    int64_t issued, refused;
};

static enum vch_err read_file(const char *folder, const char *name, const char *ext, struct vch_buf *buf,
                              struct vch_str *ret, struct vch_diag *diag) {
    char path[4096];
    int len = snprintf(path, sizeof path, "%s/ca/%s.%s", folder, name, ext);
    if (len < 0 || (size_t)len >= sizeof path)
        return VCH_REFUSE(diag, VCH_ERR_INVALID, SIGNER_FAILED, "data", "The data folder's path is too long.");
    VCH_TRY(vch_file_read(path, buf, diag));
    return vch_buf_finish(buf, ret);
}

static enum vch_err load_issuer(const char *folder, const char *name, struct vch_issuer *issuer, struct vch_diag *diag) {
    struct vch_buf key, certificate;
    struct vch_str key_pem, certificate_pem;
    vch_buf_init_secret(&key, 8192);
    vch_buf_init(&certificate, 16384);
    enum vch_err err = read_file(folder, name, "key", &key, &key_pem, diag);
    if (!err) err = read_file(folder, name, "pem", &certificate, &certificate_pem, diag);
    if (!err) err = vch_issuer_init(issuer, key_pem, certificate_pem, diag);
    vch_buf_deinit(&key);
    vch_buf_deinit(&certificate);
    return err;
}

static void fill_stats(const struct server *server, struct vch_signer_stats *stats) {
    struct rusage usage = {0};
    (void)getrusage(RUSAGE_SELF, &usage);
    stats->cpu_us = ((int64_t)usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 + usage.ru_utime.tv_usec +
                    usage.ru_stime.tv_usec;
    stats->issued = server->issued;
    stats->refused = server->refused;
}

static void answer_issue(struct server *server, const struct vch_issue *issue, uint8_t der[VCH_ISSUE_MAX],
                         struct vch_signer_answer *answer) {
    size_t len = 0;
    answer->refusal = vch_issue_check(issue, server->test_clock ? -1 : vch_now_ms());
    if (answer->refusal == VCH_REFUSAL_NONE && !vch_issue_build(&server->issuers[issue->profile], issue, der, &len))
        answer->refusal = VCH_REFUSAL_FAILED;
    answer->der = vch_str_of(der, len);
    if (answer->refusal == VCH_REFUSAL_NONE) server->issued++;
}

/* The signature and the key stand in `ledger` until the next one. */
static void answer_checkpoint(struct server *server, const struct vch_ledger_checkpoint *checkpoint, struct vch_signer_answer *answer) {
    answer->refusal = vch_ledger_key_sign(&server->ledger, checkpoint, server->test_clock ? -1 : vch_now_ms());
    answer->signature = vch_str_of(server->ledger.signature, server->ledger.signature_len);
    answer->public_key = vch_str_of(server->ledger.spki, server->ledger.spki_len);
}

/* Says nothing to what is too short to have a tag. False: the peer is gone. */
static bool serve_datagram(struct server *server, struct vch_str datagram, struct vch_buf *out) {
    uint8_t der[VCH_ISSUE_MAX];
    struct vch_signer_request request;
    struct vch_str bytes;
    enum vch_err err = vch_signer_request_decode(datagram, &request);
    struct vch_signer_answer answer = {.op = request.op, .tag = request.tag};
    if (err) answer.refusal = VCH_REFUSAL_MALFORMED;
    else if (request.op == VCH_SIGNER_ISSUE) answer_issue(server, &request.issue, der, &answer);
    else if (request.op == VCH_SIGNER_CHECKPOINT) answer_checkpoint(server, &request.checkpoint, &answer);
    else fill_stats(server, &answer.stats);
    if (answer.refusal != VCH_REFUSAL_NONE) server->refused++;
    if (datagram.len < VCH_SIGNER_HEAD) return true;
    vch_buf_clear(out);
    vch_signer_answer_encode(&answer, out);
    if (vch_buf_finish(out, &bytes) != VCH_OK) return true;
    ssize_t sent;
    do sent = send(server->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent >= 0;
}

/* An empty datagram reads like an end; only an end hangs up. */
static bool peer_gone(int fd) {
    struct pollfd p = {.fd = fd, .events = POLLIN};
    int rc = poll(&p, 1, 0);
    return rc < 0 || (rc > 0 && (p.revents & (POLLHUP | POLLERR | POLLNVAL)));
}

static void serve(struct server *server) {
    static char datagram[VCH_SIGNER_DATAGRAM_MAX + 1];
    struct vch_buf out;
    vch_buf_init(&out, VCH_SIGNER_DATAGRAM_MAX);
    for (;;) {
        /* One byte longer than allowed, so that too long is seen as too long. */
        ssize_t got = recv(server->fd, datagram, sizeof datagram, 0);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0 || (got == 0 && peer_gone(server->fd))) break;
        if (!serve_datagram(server, vch_str_of(datagram, (size_t)got), &out)) break;
    }
    vch_buf_deinit(&out);
}

static enum vch_err load_ledger_key(const char *folder, struct vch_ledger_key *ledger, struct vch_diag *diag) {
    struct vch_buf key;
    struct vch_str pem;
    vch_buf_init_secret(&key, 8192);
    enum vch_err err = read_file(folder, "ledger", "key", &key, &pem, diag);
    if (!err) err = vch_ledger_key_init(ledger, pem, diag);
    vch_buf_deinit(&key);
    return err;
}

static enum vch_err load(struct server *server, const char *data_dir, struct vch_diag *diag) {
    VCH_TRY(load_issuer(data_dir, "claim", &server->issuers[VCH_PROFILE_CLAIM], diag));
    VCH_TRY(load_issuer(data_dir, "device", &server->issuers[VCH_PROFILE_DEVICE], diag));
    VCH_TRY(load_ledger_key(data_dir, &server->ledger, diag));
    vch_spki_prepare();
    return vch_signer_jail(diag);
}

enum vch_err vch_signer_run(int fd, const char *data_dir, bool test_clock, struct vch_diag *diag) {
    struct server server = {.fd = fd, .test_clock = test_clock};
    const char ready = VCH_SIGNER_READY;
    enum vch_err err = load(&server, data_dir, diag);
    if (!err && send(fd, &ready, 1, MSG_NOSIGNAL) != 1)
        err = VCH_REFUSE(diag, VCH_ERR_IO, SIGNER_FAILED, "", "The front is gone before the signer was ready.");
    if (!err) serve(&server);
    vch_issuer_deinit(&server.issuers[VCH_PROFILE_CLAIM]);
    vch_issuer_deinit(&server.issuers[VCH_PROFILE_DEVICE]);
    vch_ledger_key_deinit(&server.ledger);
    return err;
}
