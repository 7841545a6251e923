/* CONNECT: the loop copies what it needs, a worker reads the registry and asks
 * the policies, the loop answers. The same hop brings fresh policies to a
 * session whose certificate, thing or policies changed. */
#include <stdlib.h>
#include <string.h>

#include "api/mqtt_peer_priv.h"
#include "base/clock.h"
#include "base/log.h"
#include "core/claim.h"
#include "core/names.h"
#include "core/reason.h"

enum { CODE_IDENTIFIER = 2, CODE_UNAVAILABLE = 3, CODE_NOT_AUTHORIZED = 5 };

struct job {
    struct vch_mqtt_door *door;
    struct vch_mqtt_ref ref;
    bool refresh;
    char peer_id[65];
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
    struct vch_identity identity;
    struct vch_authz *authz;
};

/* ---- on a worker -------------------------------------------------------- */

static enum vch_err ask(struct job *job, const char *action, const char *type, const char *name) {
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
    };
    return vch_authz_check(&ask, &job->diag);
}

static enum vch_err admit_device(struct job *job) {
    struct vch_str id = vch_str_from(job->peer_id);
    VCH_TRY(vch_authz_load(job->door->service, id, vch_str_from(job->client_id), &job->authz, &job->diag));
    if (job->refresh) return VCH_OK;
    VCH_TRY(ask(job, "iot:Connect", "client", job->client_id));
    if (!job->has_will) return VCH_OK;
    if (job->will_topic[0] == '$')
        return VCH_REFUSE(&job->diag, VCH_ERR_DENIED, TOPIC_RESERVED, "will", "A will cannot be for a reserved topic.");
    VCH_TRY(ask(job, "iot:Publish", "topic", job->will_topic));
    return job->will_retain ? ask(job, "iot:RetainPublish", "topic", job->will_topic) : VCH_OK;
}

/* A claim may choose any client id, so it must not push out a device that is
 * connected under that name. */
static enum vch_err check_not_a_device(struct job *job) {
    char other[65];
    if (!vch_mqtt_client_online(job->door->broker, vch_str_from(job->client_id), other)) return VCH_OK;
    struct vch_identity identity;
    if (strcmp(other, job->peer_id) == 0) return VCH_OK;
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
    return check_not_a_device(job);
}

static enum vch_err admit(struct job *job) {
    VCH_TRY(vch_identity_check(job->door->service, vch_str_from(job->peer_id), &job->identity, &job->diag));
    return job->identity.kind == VCH_IDENTITY_CLAIM ? admit_claim(job) : admit_device(job);
}

static void finish_connect(void *arg);
static void finish_refresh(void *arg);

static void drop(struct job *job) {
    vch_authz_unref(job->authz);
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
    if (peer->claim) (void)VCH_REFUSE(&diag, VCH_ERR_EXPIRED, CLAIM_EXPIRED, "", "The provisioning claim has expired.");
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

static enum vch_err make_peer(struct job *job, struct vch_mqtt_session *session) {
    struct vch_peer *peer = calloc(1, sizeof *peer);
    if (!peer) return VCH_ERR_NOMEM;
    peer->door = job->door;
    peer->claim = job->identity.kind == VCH_IDENTITY_CLAIM;
    peer->not_after_ms = job->identity.not_after_ms;
    (void)vch_str_copy(peer->template_name, sizeof peer->template_name, vch_str_from(job->identity.template_name));
    enum vch_err err = watch_expiry(session, peer);
    if (err != VCH_OK) {
        free(peer);
        return err;
    }
    peer->authz = job->authz;
    job->authz = NULL;
    vch_mqtt_session_set_user(session, peer);
    return VCH_OK;
}

static uint8_t refusal_code(enum vch_err err, const struct vch_diag *diag) {
    if (diag->reason && strcmp(diag->reason, vch_reason_code(VCH_REASON_CLIENT_ID_INVALID)) == 0) return CODE_IDENTIFIER;
    bool ours = err == VCH_ERR_NOMEM || err == VCH_ERR_IO || err == VCH_ERR_UNAVAILABLE || err == VCH_ERR_INTERNAL;
    return ours ? CODE_UNAVAILABLE : CODE_NOT_AUTHORIZED;
}

static void log_connect(const struct job *job) {
    VCH_LOG(INFO, job->err == VCH_OK ? "mqtt-connect" : "mqtt-refused", VCH_LOG_C("client", job->client_id),
            VCH_LOG_C("kind", job->identity.kind == VCH_IDENTITY_CLAIM ? "claim" : "device"),
            VCH_LOG_C("certificate", job->peer_id), VCH_LOG_C("ip", job->source_ip),
            VCH_LOG_C("reason", job->err == VCH_OK ? "ok" : job->diag.reason ? job->diag.reason : vch_err_word(job->err)),
            VCH_LOG_C("detail", job->diag.message), VCH_LOG_I("us", vch_mono_us() - job->started_us));
}

/* What changed while the worker read found no peer to tell: the right to
 * connect is asked again, policies before the first packet. */
static enum vch_err become_peer(struct job *job, struct vch_mqtt_session *session) {
    bool changed = job->changes != vch_door_changes(job->door, job->peer_id);
    if (changed) VCH_TRY(vch_identity_check(job->door->service, vch_str_from(job->peer_id), &job->identity, &job->diag));
    VCH_TRY(make_peer(job, session));
    struct vch_peer *peer = vch_peer_of(session);
    peer->stale = changed && !peer->claim;
    return VCH_OK;
}

/* Where reads are local, CONNECT is judged at once: a hop to a worker and back costs more than its reads. */
static enum vch_err start(struct job *job) {
    if (!vch_service_reads_locally(job->door->service)) return vch_pool_submit(job->door->pool, work, job);
    job->err = admit(job);
    finish_connect(job);
    return VCH_OK;
}

static void finish_connect(void *arg) {
    struct job *job = arg;
    struct vch_mqtt_session *session = vch_mqtt_find(job->door->broker, job->ref);
    if (session) {
        if (job->err == VCH_OK) job->err = become_peer(job, session);
        if (job->err == VCH_OK) vch_door_seen(session); /* before an older session of the thing is closed */
        log_connect(job);
        uint8_t code = job->err == VCH_OK ? 0 : refusal_code(job->err, &job->diag);
        vch_mqtt_connect_done(session, code, job->err == VCH_OK ? NULL : &job->diag);
    }
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
            peer->authz = job->authz;
            job->authz = old;
            vch_door_seen(session);
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
    job->changes = vch_door_changes(door, job->peer_id);
    (void)vch_str_copy(job->source_ip, sizeof job->source_ip, vch_str_from(vch_mqtt_session_peer_ip(session)));
    (void)vch_str_copy(job->client_id, sizeof job->client_id, client_id);
    return job;
}

static void refuse_now(struct vch_mqtt_session *session, uint8_t code, const struct vch_diag *diag) {
    VCH_LOG(INFO, "mqtt-refused", VCH_LOG_S("client", vch_mqtt_session_client_id(session)),
            VCH_LOG_C("certificate", vch_conn_peer_id(vch_mqtt_session_conn(session))), VCH_LOG_C("reason", diag->reason),
            VCH_LOG_C("detail", diag->message));
    vch_mqtt_connect_done(session, code, diag);
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

void vch_door_connect(void *arg, struct vch_mqtt_session *session, const struct vch_mqtt_connect *packet) {
    struct vch_mqtt_door *door = arg;
    struct vch_diag diag = {0};
    if (check_form(packet, &diag) != VCH_OK) {
        refuse_now(session, diag.reason == vch_reason_code(VCH_REASON_CLIENT_ID_INVALID) ? CODE_IDENTIFIER : CODE_NOT_AUTHORIZED, &diag);
        return;
    }
    /* The broker gave an empty id a name of its own. */
    struct job *job = new_job(door, session, vch_mqtt_session_client_id(session));
    enum vch_err err = job ? VCH_OK : VCH_ERR_NOMEM;
    if (job) {
        job->persistent = !packet->clean_session;
        job->has_will = packet->has_will;
        job->will_retain = packet->will_retain;
        (void)vch_str_copy(job->will_topic, sizeof job->will_topic, packet->has_will ? packet->will_topic : VCH_STR(""));
        err = start(job);
    }
    if (err == VCH_OK) return;
    free(job);
    (void)VCH_REFUSE(&diag, err, RATE_EXCEEDED, "", "The server is busy; try again.");
    refuse_now(session, CODE_UNAVAILABLE, &diag);
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
    free(job);
    struct vch_diag diag = {0};
    (void)VCH_REFUSE(&diag, err, RATE_EXCEEDED, "", "The server is busy.");
    vch_mqtt_close(session, &diag);
}
