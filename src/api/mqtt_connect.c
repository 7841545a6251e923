/* CONNECT: the loop copies what it needs, a worker reads the registry and asks
 * the policies, the loop answers. The same hop brings fresh policies to a
 * session whose certificate, thing or policies changed. */
#include <stdlib.h>
#include <string.h>

#include "api/mqtt_peer_priv.h"
#include "api/mqtt_told_priv.h"
#include "base/clock.h"
#include "base/log.h"
#include "core/claim.h"
#include "core/names.h"
#include "core/reason.h"
#include "service/claim_watch.h"

enum { CONNECTS_PER_SECOND = 500, CODE_IDENTIFIER = 2, CODE_UNAVAILABLE = 3, CODE_NOT_AUTHORIZED = 5 };

struct job {
    struct vch_mqtt_door *door;
    struct vch_mqtt_ref ref;
    bool refresh, login;
    struct vch_iam_principal *principal; /* who signed, or said its key; NULL: a certificate */
    char key_id[129], secret[129];       /* what CONNECT said, with `login` */
    char peer_id[65];
    char shown_id[65]; /* that of the connection, when the job was made */
    const char *kind;  /* for the log */
    char sni[256];
    char source_ip[64];
    char client_id[VCH_CLIENT_ID_MAX + 1];
    bool persistent, has_will, will_retain;
    char will_topic[VCH_TOPIC_MAX + 1];
    int64_t started_us;
    uint64_t changes; /* before the registry was read */
    /* the worker's answer */
    enum vch_err err;
    uint8_t code;
    struct vch_diag diag;
    struct vch_policy_decision denied;
    struct vch_identity identity;
    struct vch_claim_entry entry; /* of a claim: who else wants to know */
    struct vch_authz *authz;
    struct vch_iam_view *view;
};

/* ---- on a worker -------------------------------------------------------- */

static enum vch_err ask(struct job *job, const char *action, const char *type, const char *name) {
    if (job->view) return vch_iam_view_check(job->view, action, type, vch_str_from(name), &job->diag);
    struct vch_authz_ask ask = {
        .authz = job->authz,
        .site = &job->door->service->site,
        .action = action,
        .resource_type = type,
        .name = vch_str_from(name),
        .client_id = vch_str_from(job->client_id),
        .certificate_id = vch_str_from(job->peer_id),
        .source_ip = vch_str_from(job->source_ip),
        .connecting = true,
        .persistent = job->persistent,
        .will_topic = vch_str_from(job->has_will ? job->will_topic : ""),
        .ret_denied = &job->denied,
    };
    return vch_authz_check(&ask, &job->diag);
}

static enum vch_err check_rights(struct job *job) {
    if (job->refresh) return VCH_OK;
    VCH_TRY(ask(job, "iot:Connect", "client", job->client_id));
    if (!job->has_will) return VCH_OK;
    if (job->will_topic[0] == '$')
        return VCH_REFUSE(&job->diag, VCH_ERR_DENIED, TOPIC_RESERVED, "will", "A will cannot be for a reserved topic.");
    VCH_TRY(ask(job, "iot:Publish", "topic", job->will_topic));
    return job->will_retain ? ask(job, "iot:RetainPublish", "topic", job->will_topic) : VCH_OK;
}

static enum vch_err admit_device(struct job *job) {
    struct vch_str id = vch_str_from(job->peer_id);
    VCH_TRY(vch_authz_load(job->door->service, id, vch_str_from(job->client_id), &job->authz, &job->diag));
    return check_rights(job);
}

static enum vch_err log_in(struct job *job) {
    VCH_TRY(vch_iam_principal_login(job->door->service, vch_str_from(job->key_id), vch_str_from(job->secret),
                                    vch_str_from(job->source_ip), false, &job->principal, &job->diag));
    (void)vch_str_copy(job->peer_id, sizeof job->peer_id, vch_str_from(vch_iam_principal_id(job->principal)));
    return VCH_OK;
}

static enum vch_err admit_user(struct job *job) {
    if (!job->door->iam) return VCH_REFUSE(&job->diag, VCH_ERR_DENIED, ACCESS_DENIED, "", "Users are not served here.");
    if (job->login) VCH_TRY(log_in(job));
    VCH_TRY(vch_iam_view_load(job->door->iam, job->principal, &job->view, &job->diag));
    return check_rights(job);
}

/* A claim may choose any client id, so it must not push out a device, or a user,
 * that is connected under that name. */
static enum vch_err check_not_a_device(struct job *job) {
    char other[65];
    if (!vch_mqtt_client_online(job->door->broker, vch_str_from(job->client_id), other)) return VCH_OK;
    struct vch_identity identity;
    if (strcmp(other, job->peer_id) == 0) return VCH_OK;
    if (strlen(other) != sizeof other - 1)
        return VCH_REFUSE(&job->diag, VCH_ERR_DENIED, CLIENT_ID_IN_USE, "clientId", "A user is connected with this client id.");
    if (vch_identity_check(job->door->service, vch_str_from(other), &identity, NULL) != VCH_OK) return VCH_OK;
    if (identity.kind != VCH_IDENTITY_DEVICE) return VCH_OK;
    return VCH_REFUSE(&job->diag, VCH_ERR_DENIED, CLIENT_ID_IN_USE, "clientId",
                      "A provisioned device is connected with this client id.");
}

static enum vch_err admit_claim(struct job *job) {
    if (job->has_will)
        return VCH_REFUSE(&job->diag, VCH_ERR_DENIED, ACCESS_DENIED, "will", "A provisioning claim cannot leave a will.");
    if (!vch_claim_allows(vch_str_from(job->identity.template_name), VCH_CLAIM_CONNECT, vch_str_from(job->client_id)))
        return VCH_REFUSE(&job->diag, VCH_ERR_DENIED, CLIENT_ID_INVALID, "clientId",
                          "A provisioning claim cannot connect with this client id.");
    VCH_TRY(vch_claim_may_connect(job->door->service, vch_str_from(job->peer_id), vch_str_from(job->client_id),
                                  vch_str_from(job->source_ip), &job->entry, &job->diag));
    return check_not_a_device(job);
}

static enum vch_err admit(struct job *job) {
    if (job->login || job->principal) return admit_user(job);
    struct vch_service *service = job->door->service;
    struct vch_str id = vch_str_from(job->peer_id), sni = vch_str_from(job->sni);
    VCH_TRY(job->refresh ? vch_identity_check(service, id, &job->identity, &job->diag)
                         : vch_identity_check_from(service, id, sni, &job->identity, &job->diag));
    return job->identity.kind == VCH_IDENTITY_CLAIM ? admit_claim(job) : admit_device(job);
}

static void finish_connect(void *arg);
static void finish_refresh(void *arg);

static void drop(struct job *job) {
    vch_authz_unref(job->authz);
    vch_iam_view_unref(job->view);
    vch_iam_principal_unref(job->principal);
    vch_wipe(job->secret, sizeof job->secret);
    free(job);
}

static void work(void *arg) {
    struct job *job = arg;
    job->err = admit(job);
    if (!vch_loop_post(job->ref.loop, job->refresh ? finish_refresh : finish_connect, job)) drop(job);
}

/* ---- back on the loop --------------------------------------------------- */

static void expired(void *arg) {
    struct vch_mqtt_session *session = arg;
    struct vch_diag diag = {0};
    struct vch_peer *peer = vch_peer_of(session);
    if (vch_now_ms() < peer->not_after_ms) { /* the wall clock went back */
        vch_timer_set(&peer->expiry, peer->not_after_ms - vch_now_ms());
        return;
    }
    if (peer->principal) vch_iam_explain_end(peer, &diag);
    else if (peer->claim) (void)VCH_REFUSE(&diag, VCH_ERR_EXPIRED, CLAIM_EXPIRED, "", "The provisioning claim has expired.");
    else (void)VCH_REFUSE(&diag, VCH_ERR_EXPIRED, CERTIFICATE_EXPIRED, "", "The certificate has expired.");
    vch_mqtt_close(session, &diag);
}

/* Only for ends within a week: the rest would hold a timer for decades. AWS
 * ends connections after one or two weeks anyway. */
static enum vch_err watch_expiry(struct vch_mqtt_session *session, struct vch_peer *peer) {
    int64_t left_ms = peer->not_after_ms - vch_now_ms();
    if (left_ms > INT64_C(7) * 86400 * 1000) return VCH_OK;
    VCH_TRY(vch_timer_init(vch_conn_loop(vch_mqtt_session_conn(session)), &peer->expiry, expired, session));
    vch_timer_set(&peer->expiry, left_ms > 0 ? left_ms : 1);
    return VCH_OK;
}

/* A certificate that many share may have so many connections. Users count for themselves. */
static enum vch_err count_certificate(struct job *job, struct vch_peer *peer) {
    if (job->principal) return VCH_OK;
    peer->counted = vch_gate_enter(job->door->certificates, vch_str_from(job->peer_id)) == VCH_GATE_OPEN;
    if (peer->counted) return VCH_OK;
    return VCH_REFUSE(&job->diag, VCH_ERR_LIMIT, CONNECTIONS_FULL, "", "The certificate has as many connections as it may have (connections-per-certificate).");
}

static enum vch_err make_peer(struct job *job, struct vch_mqtt_session *session) {
    struct vch_peer *peer = calloc(1, sizeof *peer);
    if (!peer) return VCH_ERR_NOMEM;
    peer->door = job->door;
    peer->started_us = job->started_us;
    peer->claim = job->identity.kind == VCH_IDENTITY_CLAIM;
    peer->not_after_ms = job->principal ? vch_iam_not_after(job->principal, !job->login, vch_now_ms()) : job->identity.not_after_ms;
    (void)vch_str_copy(peer->template_name, sizeof peer->template_name, vch_str_from(job->identity.template_name));
    enum vch_err err = count_certificate(job, peer);
    if (err == VCH_OK) err = watch_expiry(session, peer);
    if (err != VCH_OK) {
        if (peer->counted) vch_gate_leave(job->door->certificates, vch_str_from(job->peer_id));
        free(peer);
        return err;
    }
    peer->authz = job->authz;
    peer->view = job->view;
    peer->principal = job->principal;
    job->authz = NULL;
    job->view = NULL;
    job->principal = NULL;
    vch_mqtt_session_set_user(session, peer);
    return VCH_OK;
}

static uint8_t refusal_code(enum vch_err err, const struct vch_diag *diag) {
    if (diag->reason && strcmp(diag->reason, vch_reason_code(VCH_REASON_CLIENT_ID_INVALID)) == 0) return CODE_IDENTIFIER;
    bool ours = err == VCH_ERR_LIMIT || err == VCH_ERR_THROTTLED || err == VCH_ERR_NOMEM || err == VCH_ERR_IO || err == VCH_ERR_UNAVAILABLE || err == VCH_ERR_INTERNAL;
    return ours ? CODE_UNAVAILABLE : CODE_NOT_AUTHORIZED;
}

static const char *kind_of(const struct job *job) {
    if (job->login || job->principal || job->view) return "user";
    return job->identity.kind == VCH_IDENTITY_CLAIM ? "claim" : "device";
}

static void log_connect(const struct job *job) {
    VCH_LOG(INFO, job->err == VCH_OK ? "mqtt-connect" : "mqtt-refused", VCH_LOG_C("client", job->client_id),
            VCH_LOG_C("kind", job->kind),
            VCH_LOG_C(strcmp(job->kind, "user") == 0 ? "user" : "certificate", job->peer_id), VCH_LOG_C("ip", job->source_ip),
            VCH_LOG_C("reason", job->err == VCH_OK ? "ok" : job->diag.reason ? job->diag.reason : vch_err_word(job->err)),
            VCH_LOG_C("detail", job->diag.message), VCH_LOG_I("us", vch_mono_us() - job->started_us));
}

/* What changed while the worker read found no peer to tell: the right to
 * connect is asked again, policies before the first packet. */
static enum vch_err become_peer(struct job *job, struct vch_mqtt_session *session) {
    bool changed = job->changes != vch_door_changes(job->door, job->shown_id);
    if (job->principal && !vch_conn_take_principal(vch_mqtt_session_conn(session), job->principal)) return VCH_ERR_NOMEM;
    if (changed && !job->principal) VCH_TRY(vch_identity_check(job->door->service, vch_str_from(job->peer_id), &job->identity, &job->diag));
    VCH_TRY(make_peer(job, session));
    struct vch_peer *peer = vch_peer_of(session);
    peer->stale = changed && !peer->claim;
    return VCH_OK;
}

/* A key may have gone while it was used to come in: that cannot wait for a packet. */
static void refresh_if_stale(const struct job *job) {
    struct vch_mqtt_session *session = job->err == VCH_OK ? vch_mqtt_find(job->door->broker, job->ref) : NULL;
    const struct vch_peer *peer = session ? vch_peer_of(session) : NULL;
    if (peer && peer->principal && peer->stale) vch_door_refresh(session);
}

/* Where reads are local, a device's CONNECT is judged at once: a hop to a worker and back costs more than its reads. */
static enum vch_err start(struct job *job) {
    if (job->principal || job->login || !vch_service_reads_locally(job->door->service)) return vch_pool_submit(job->door->pool, work, job);
    job->err = admit(job);
    finish_connect(job);
    return VCH_OK;
}

static void see_to_the_rest(const struct job *job) {
    bool claim = job->identity.kind == VCH_IDENTITY_CLAIM;
    bool pairs = job->err == VCH_OK && (claim ? job->entry.pairs : job->identity.succeeds);
    if (job->entry.alarms == 0 && !pairs) return;
    vch_door_aftermath(job->door, &(const struct vch_aftermath){job->peer_id, job->source_ip, job->client_id, job->entry.alarms, claim, pairs});
}

static void finish_connect(void *arg) {
    struct job *job = arg;
    struct vch_mqtt_session *session = vch_mqtt_find(job->door->broker, job->ref);
    job->kind = kind_of(job);
    if (session) {
        if (job->err == VCH_OK) job->err = become_peer(job, session);
        if (job->err == VCH_OK) vch_door_seen(session); /* before an older session of the thing is closed */
        log_connect(job);
        if (job->err == VCH_ERR_NOT_FOUND) vch_door_stranger(job->door, session, &job->diag);
        if (job->err != VCH_OK) vch_door_tell_connect(job->door, session, job->peer_id, job->err, &job->diag, &job->denied);
        const struct vch_mqtt_admission admission = {.code = job->err == VCH_OK ? 0 : refusal_code(job->err, &job->diag),
                                                     .transient = job->identity.kind == VCH_IDENTITY_CLAIM};
        vch_mqtt_connect_done(session, &admission, job->err == VCH_OK ? NULL : &job->diag);
        refresh_if_stale(job);
    }
    see_to_the_rest(job);
    drop(job);
}

static void finish_refresh(void *arg) {
    struct job *job = arg;
    struct vch_mqtt_session *session = vch_mqtt_find(job->door->broker, job->ref);
    struct vch_peer *peer = session ? vch_peer_of(session) : NULL;
    if (peer) {
        peer->loading = false;
        if (job->err != VCH_OK) {
            vch_mqtt_close(session, &job->diag);
        } else {
            struct vch_authz *old = peer->authz;
            struct vch_iam_view *old_view = peer->view;
            peer->authz = job->authz;
            peer->view = job->view;
            job->authz = old;
            job->view = old_view;
            vch_door_seen(session);
            vch_mqtt_subscriptions_recheck(session); /* a policy that is gone takes its subscriptions with it */
            vch_mqtt_recheck(session);
        }
    }
    drop(job);
}

/* ---- leaving the loop --------------------------------------------------- */

static struct job *new_job(struct vch_mqtt_door *door, struct vch_mqtt_session *session, struct vch_str client_id) {
    struct job *job = calloc(1, sizeof *job);
    if (!job) return NULL;
    job->door = door;
    job->ref = vch_mqtt_session_ref(session);
    job->started_us = vch_mono_us();
    (void)vch_str_copy(job->peer_id, sizeof job->peer_id, vch_str_from(vch_mqtt_session_peer_id(session)));
    (void)vch_str_copy(job->shown_id, sizeof job->shown_id, vch_str_from(job->peer_id));
    job->changes = vch_door_changes(door, job->shown_id);
    const struct vch_peer *peer = vch_peer_of(session);
    struct vch_conn *conn = vch_mqtt_session_conn(session);
    job->principal = vch_iam_principal_ref(peer ? peer->principal : conn ? vch_conn_principal(conn) : NULL);
    (void)vch_str_copy(job->source_ip, sizeof job->source_ip, vch_str_from(vch_mqtt_session_peer_ip(session)));
    (void)vch_str_copy(job->client_id, sizeof job->client_id, client_id);
    if (conn) (void)vch_str_copy(job->sni, sizeof job->sni, vch_conn_sni(conn));
    return job;
}

/* Without TLS nobody has shown a certificate: the access key and its secret must
 * stand where MQTT has a user name and a password. */
static void take_login(struct job *job, struct vch_conn *conn, const struct vch_mqtt_connect *packet) {
    job->login = !job->principal && vch_conn_tls_version(conn)[0] == '\0';
    if (!job->login || !packet->has_username || !packet->has_password) return;
    bool whole = vch_str_copy(job->key_id, sizeof job->key_id, packet->username) &&
                 vch_str_copy(job->secret, sizeof job->secret, packet->password);
    if (!whole) job->key_id[0] = '\0'; /* nobody's */
}

static void refuse_now(struct vch_mqtt_door *door, struct vch_mqtt_session *session, uint8_t code, enum vch_err err,
                       const struct vch_diag *diag) {
    vch_door_tell_connect(door, session, vch_mqtt_session_peer_id(session), err, diag, NULL);
    VCH_LOG(INFO, "mqtt-refused", VCH_LOG_S("client", vch_mqtt_session_client_id(session)),
            VCH_LOG_C("certificate", vch_conn_peer_id(vch_mqtt_session_conn(session))), VCH_LOG_C("reason", diag->reason),
            VCH_LOG_C("detail", diag->message));
    vch_mqtt_connect_done(session, &(struct vch_mqtt_admission){.code = code}, diag);
}

static enum vch_err check_form(const struct vch_mqtt_connect *packet, struct vch_diag *diag) {
    if (packet->client_id.len > VCH_CLIENT_ID_MAX)
        return VCH_REFUSE(diag, VCH_ERR_INVALID, CLIENT_ID_INVALID, "clientId", "A client id has at most %d bytes.", VCH_CLIENT_ID_MAX);
    if (packet->client_id.len && packet->client_id.ptr[0] == '$')
        return VCH_REFUSE(diag, VCH_ERR_INVALID, CLIENT_ID_INVALID, "clientId", "Client ids that start with $ are reserved.");
    if (packet->has_will && packet->will_topic.len > VCH_TOPIC_MAX)
        return VCH_REFUSE(diag, VCH_ERR_INVALID, TOPIC_INVALID, "will", "The will's topic is longer than %d bytes.", VCH_TOPIC_MAX);
    return VCH_OK;
}

/* AWS's quotas: one CONNECT a second of a client id, 500 of an account. A device that comes back with the certificate
 * that its claim got comes at once, and may. */
static enum vch_err check_rate(struct vch_mqtt_door *door, struct vch_mqtt_session *session, struct vch_diag *diag) {
    bool claim;
    if (!door->service->limits_aws) return VCH_OK;
    int64_t last_ms = vch_presence_last(door->presence, vch_mqtt_session_client_id(session), &claim);
    int64_t since_ms = vch_now_ms() - last_ms;
    if (last_ms && !claim && since_ms >= 0 && since_ms < 1000)
        return VCH_REFUSE(diag, VCH_ERR_THROTTLED, RATE_EXCEEDED, "clientId", "A client id may connect once a second.");
    if (vch_quota_bucket_take(&door->connects, CONNECTS_PER_SECOND, vch_mono_us())) return VCH_OK;
    return VCH_REFUSE(diag, VCH_ERR_THROTTLED, RATE_EXCEEDED, "", "%d clients may connect each second.", CONNECTS_PER_SECOND);
}

void vch_door_connect(void *arg, struct vch_mqtt_session *session, const struct vch_mqtt_connect *packet) {
    struct vch_mqtt_door *door = arg;
    struct vch_diag diag = {0};
    enum vch_err form = check_form(packet, &diag);
    if (form == VCH_OK) form = check_rate(door, session, &diag);
    if (form != VCH_OK) {
        refuse_now(door, session, refusal_code(form, &diag), form, &diag);
        return;
    }
    /* The broker gave an empty id a name of its own. */
    struct job *job = new_job(door, session, vch_mqtt_session_client_id(session));
    enum vch_err err = job ? VCH_OK : VCH_ERR_NOMEM;
    if (job) {
        take_login(job, vch_mqtt_session_conn(session), packet);
        job->persistent = !packet->clean_session;
        job->has_will = packet->has_will;
        job->will_retain = packet->will_retain;
        (void)vch_str_copy(job->will_topic, sizeof job->will_topic, packet->has_will ? packet->will_topic : VCH_STR(""));
        err = start(job);
    }
    if (err == VCH_OK) return;
    if (job) drop(job);
    (void)VCH_REFUSE(&diag, err, RATE_EXCEEDED, "", "The server is busy; try again.");
    refuse_now(door, session, CODE_UNAVAILABLE, err, &diag);
}

void vch_door_refresh(struct vch_mqtt_session *session) {
    struct vch_peer *peer = vch_peer_of(session);
    if (peer->loading) return;
    struct job *job = new_job(peer->door, session, vch_mqtt_session_client_id(session));
    enum vch_err err = job ? VCH_OK : VCH_ERR_NOMEM;
    /* Cleared before the read: a change that comes during it marks again. */
    peer->stale = false;
    peer->loading = true;
    if (job) {
        job->refresh = true;
        err = vch_pool_submit(peer->door->pool, work, job);
    }
    if (err == VCH_OK) return;
    if (job) drop(job);
    struct vch_diag diag = {0};
    (void)VCH_REFUSE(&diag, err, RATE_EXCEEDED, "", "The server is busy.");
    vch_mqtt_close(session, &diag);
}
