#include "agent/serve.h"

#include "agent/enroll.h"
#include "agent/stop.h"
#include "base/clock.h"
#include "base/file.h"

enum {
    PING_AFTER_MS = 900 * 1000, /* three quarters of the keep alive */
    BACKOFF_FIRST_MS = 1000,
    BACKOFF_MAX_MS = 60000,
    STEADY_MS = 60000, /* a connection that lasted this long was a good one */
    FILE_MAX = 131072
};

static struct vch_device *device_of(struct vch_serve *s) {
    return &s->link->device;
}

/* ---- the sample --------------------------------------------------------- */

static void on_message(void *arg, const struct vch_device_message *m) {
    struct vch_serve *s = arg;
    struct vch_str payload = vch_str_of(m->payload, m->payload_len);
    struct vch_diag diag = {0};
    vch_report_line(s->report, VCH_REPORT_INFO, "message", "Received %zu bytes on %.*s.", m->payload_len,
                    (int)m->topic_len, m->topic);
    if (vch_str_eq_c(payload, "DC-Publish")) s->publish_asked = true;
    if (!s->sample.subscribe_file) return;
    if (vch_file_write(s->sample.subscribe_file, payload, 0600, &diag) != VCH_OK)
        vch_report_line(s->report, VCH_REPORT_WARN, "message", "%s", diag.message);
}

static enum vch_exit publish(struct vch_serve *s, struct vch_outcome *outcome) {
    struct vch_buf buf;
    struct vch_diag diag = {0};
    vch_buf_init(&buf, FILE_MAX);
    enum vch_err err = s->sample.publish_file ? vch_file_read(s->sample.publish_file, &buf, &diag) : VCH_ERR_NOT_FOUND;
    if (err == VCH_ERR_NOT_FOUND && !s->sample.publish_file) {
        vch_buf_c(&buf, "Hello World!");
        err = VCH_OK;
    }
    enum vch_exit exit = VCH_EXIT_OK;
    if (err != VCH_OK) {
        exit = vch_outcome_diag(outcome, VCH_EXIT_LOCAL, "Check --publish-file.", &diag);
    } else {
        enum vch_device_status status = vch_device_publish(device_of(s), s->sample.publish_topic, buf.ptr, buf.len, 1);
        exit = vch_link_failed(s->link, status, "publishing", outcome);
        /* A publish that the policy does not allow ends in a close, and says no more. */
        if (status == VCH_DEVICE_CLOSED || status == VCH_DEVICE_NETWORK)
            exit = vch_outcome_set(outcome, VCH_EXIT_REJECTED,
                                   "Allow iot:Publish on that topic in the certificate's policy.",
                                   "The server closed the connection on the publish to %s.", s->sample.publish_topic);
    }
    if (exit == VCH_EXIT_OK)
        vch_report_line(s->report, VCH_REPORT_INFO, "published", "Published %zu bytes to %s.", buf.len,
                        s->sample.publish_topic);
    vch_buf_deinit(&buf);
    return exit;
}

/* What costs the connection once will cost it again: not asked for any more. */
static void drop_topic(const struct vch_serve *s, const char **topic, enum vch_exit exit) {
    if (exit == VCH_EXIT_OK || exit == VCH_EXIT_LOCAL || s->once) return;
    vch_report_line(s->report, VCH_REPORT_WARN, "sample", "The server did not allow %s; going on without it.", *topic);
    *topic = NULL;
}

static enum vch_exit subscribe(struct vch_serve *s, struct vch_outcome *outcome) {
    enum vch_device_status status = vch_device_subscribe(device_of(s), s->sample.subscribe_topic, 1);
    VCH_STEP(vch_link_failed(s->link, status, "subscribing", outcome));
    vch_report_line(s->report, VCH_REPORT_INFO, "subscribed", "Subscribed to %s.", s->sample.subscribe_topic);
    return VCH_EXIT_OK;
}

static enum vch_exit start_sample(struct vch_serve *s, struct vch_outcome *outcome) {
    enum vch_exit exit = VCH_EXIT_OK;
    if (s->sample.subscribe_topic && !s->once) {
        exit = subscribe(s, outcome);
        drop_topic(s, &s->sample.subscribe_topic, exit);
    }
    if (exit == VCH_EXIT_OK && s->sample.publish_topic) {
        exit = publish(s, outcome);
        drop_topic(s, &s->sample.publish_topic, exit);
    }
    return exit;
}

/* ---- one connection ----------------------------------------------------- */

static enum vch_exit open_link(struct vch_serve *s, struct vch_outcome *outcome) {
    VCH_STEP(vch_link_open(s->link, s->credentials, s->client_id, vch_mono_ms() + 30000, "certificate", outcome));
    vch_report_line(s->report, VCH_REPORT_INFO, "ready", "MQTT connection established as \"%s\" on port %u.",
                    s->client_id, s->link->routes[s->link->route].port);
    return VCH_EXIT_OK;
}

static enum vch_exit serve_requests(struct vch_serve *s, struct vch_outcome *outcome) {
    VCH_STEP(vch_link_failed(s->link, vch_device_poll(device_of(s), vch_mono_ms()), "waiting", outcome));
    if (!s->publish_asked || !s->sample.publish_topic) return VCH_EXIT_OK;
    s->publish_asked = false;
    return publish(s, outcome);
}

/* Until the connection is lost or the agent is to stop. */
static enum vch_exit stay(struct vch_serve *s, struct vch_outcome *outcome) {
    int64_t ping_at = vch_mono_ms() + PING_AFTER_MS;
    while (!vch_stop_asked()) {
        VCH_STEP(serve_requests(s, outcome));
        if (vch_mono_ms() >= ping_at) {
            VCH_STEP(vch_link_failed(s->link, vch_device_ping(device_of(s)), "pinging", outcome));
            ping_at = vch_mono_ms() + PING_AFTER_MS;
        }
        (void)vch_stop_wait_fd(vch_dial_fd(s->link->dial), ping_at - vch_mono_ms());
    }
    return VCH_EXIT_OK;
}

static enum vch_exit connect_first(struct vch_serve *s, struct vch_outcome *outcome) {
    int64_t deadline = vch_mono_ms() + s->retry_ms;
    for (unsigned tries = 0;; tries++) {
        enum vch_exit exit = open_link(s, outcome);
        if (exit == VCH_EXIT_OK || !outcome->again || vch_stop_asked()) return exit;
        int64_t wait = vch_backoff_ms(tries, BACKOFF_FIRST_MS, BACKOFF_MAX_MS);
        if (s->once && vch_mono_ms() + wait > deadline) return exit;
        vch_report_line(s->report, VCH_REPORT_WARN, "retry", "%s Trying again in %lld ms.", outcome->sentence,
                        (long long)wait);
        if (vch_stop_wait(wait)) return exit;
    }
}

/* Once the identity has worked, losing the connection is never the end. */
static void connect_again(struct vch_serve *s) {
    struct vch_outcome outcome = {0};
    while (!vch_stop_asked()) {
        int64_t wait = vch_backoff_ms(s->losses++, BACKOFF_FIRST_MS, BACKOFF_MAX_MS);
        vch_report_line(s->report, VCH_REPORT_INFO, "reconnect", "Connecting again in %lld ms.", (long long)wait);
        if (vch_stop_wait(wait)) return;
        if (open_link(s, &outcome) == VCH_EXIT_OK) return;
        vch_report_line(s->report, VCH_REPORT_WARN, "reconnect", "%s", outcome.sentence);
    }
}

static void stay_for_ever(struct vch_serve *s) {
    struct vch_outcome outcome = {0};
    while (!vch_stop_asked()) {
        int64_t since = vch_mono_ms();
        enum vch_exit exit = start_sample(s, &outcome);
        if (exit == VCH_EXIT_OK || exit == VCH_EXIT_LOCAL) exit = stay(s, &outcome);
        if (exit == VCH_EXIT_OK) break;
        vch_report_line(s->report, VCH_REPORT_WARN, "lost", "%s", outcome.sentence);
        vch_link_close(s->link);
        if (vch_mono_ms() - since > STEADY_MS) s->losses = 0;
        connect_again(s);
    }
}

enum vch_exit vch_serve_run(struct vch_serve *serve, struct vch_outcome *outcome) {
    serve->link->on_message = on_message;
    serve->link->arg = serve;
    enum vch_exit exit = connect_first(serve, outcome);
    if (exit == VCH_EXIT_OK && serve->once)
        exit = start_sample(serve, outcome);
    else if (exit == VCH_EXIT_OK)
        stay_for_ever(serve);
    vch_link_close(serve->link);
    return vch_stop_asked() ? VCH_EXIT_OK : exit;
}
