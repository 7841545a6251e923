/* MQTT over WebSocket: GET /mqtt becomes an MQTT connection. Who may is decided
 * by a signature (Signature Version 4, in the URL or in headers) or, without
 * one, by the client certificate; what it may, by MQTT's own door. */
#include "api/http_job_priv.h"
#include "base/clock.h"
#include "base/log.h"
#include "core/reason.h"
#include "http/websocket.h"
#include "service/authz.h"
#include "service/refusals.h"

enum { FRAME_MAX = 1 << 20 }; /* what one frame may announce; nothing of it is kept */

static const char protocol[] = "mqtt";

bool vch_ws_wanted(const struct vch_http_job *job) {
    return job->door->options.mqtt && vch_str_eq_c(job->request->path, "/mqtt");
}

/* The WebSocket's own handshake; remembered as TLS's are. */
static void tell_refused(const struct vch_http_job *job) {
    const struct vch_refusal refusal = {.what = VCH_REFUSED_HANDSHAKE,
                                        .reason = job->diag.reason,
                                        .certificate_id = vch_str_from(job->request->peer_id),
                                        .source_ip = vch_str_from(job->request->peer_ip),
                                        .resource = vch_str_from("/mqtt"),
                                        .statement = -1,
                                        .message = vch_str_from(job->diag.message),
                                        .time_ms = vch_now_ms()};
    if (refusal.reason) vch_refusals_tell(job->door->options.service->refusals, &refusal);
}

/* ---- before the worker ---- */

bool vch_ws_refuse_form(struct vch_http_job *job) {
    const char *why = "";
    int status = vch_ws_check(job->request, protocol, job->ws_accept, &why);
    if (status == 0) return false;
    (void)VCH_REFUSE(&job->diag, VCH_ERR_MALFORMED, WEBSOCKET_PROTOCOL, "", "%s", why);
    tell_refused(job);
    vch_http_answer_error(job, VCH_ERR_MALFORMED, NULL);
    job->status = status;
    job->extra_count = vch_ws_refusal_headers(status, job->extra);
    return true;
}

/* ---- on a worker ---- */

static enum vch_err admit_signer(struct vch_http_job *job, int64_t now_ms) {
    VCH_TRY(vch_http_authenticate(job, now_ms));
    return vch_iam_principal_new(&job->caller, job->request->secure, job->credentials_end_ms, &job->principal);
}

/* It was looked at in the handshake, but that may be long ago, or (on the API's port) have asked for nothing. */
static enum vch_err admit_certificate(struct vch_http_job *job) {
    struct vch_identity identity;
    return vch_identity_check_from(job->door->options.service, vch_str_from(job->request->peer_id), vch_str_from(job->request->sni), &identity,
                                   &job->diag);
}

enum vch_err vch_ws_admit(struct vch_http_job *job) {
    bool is_signed = vch_http_is_signed(job->request);
    enum vch_err err = !is_signed && job->request->peer_id[0] ? admit_certificate(job) : admit_signer(job, vch_now_ms());
    if (err != VCH_OK) tell_refused(job);
    return err;
}

/* ---- back on the loop ---- */

static void log_accepted(const struct vch_http_job *job) {
    VCH_LOG(INFO, "websocket", VCH_LOG_C("principal", job->principal ? vch_iam_principal_id(job->principal) : job->request->peer_id),
            VCH_LOG_S("arn", job->caller.arn), VCH_LOG_S("key", job->caller.access_key_id), VCH_LOG_C("peer", job->request->peer_ip),
            VCH_LOG_C("request", job->request_id), VCH_LOG_I("us", vch_mono_us() - job->begun_us));
}

void vch_ws_become(struct vch_http_job *job) {
    struct vch_mqtt_door *mqtt = job->door->options.mqtt;
    log_accepted(job);
    struct vch_conn *conn = vch_ws_accept(job->exchange, job->ws_accept, protocol, FRAME_MAX);
    if (!conn) return;
    enum vch_err err = job->principal ? vch_mqtt_door_attach_as(mqtt, conn, job->principal) : vch_mqtt_door_attach(mqtt, conn);
    if (err == VCH_OK) return;
    vch_conn_close(conn, NULL);
}
