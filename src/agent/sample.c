#include "agent/sample.h"

#include <sys/stat.h>

#include "base/clock.h"
#include "base/file.h"

enum { FILE_MAX = 131072 };

static struct vch_device *device_of(struct vch_serve *s) {
    return &s->link->device;
}

void vch_sample_message(void *arg, const struct vch_device_message *m) {
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

enum vch_exit vch_sample_publish(struct vch_serve *s, struct vch_outcome *outcome) {
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

enum vch_exit vch_sample_start(struct vch_serve *s, struct vch_outcome *outcome) {
    enum vch_exit exit = VCH_EXIT_OK;
    if (s->sample.subscribe_topic && !s->once) {
        exit = subscribe(s, outcome);
        drop_topic(s, &s->sample.subscribe_topic, exit);
    }
    if (exit == VCH_EXIT_OK && s->sample.publish_topic) {
        exit = vch_sample_publish(s, outcome);
        drop_topic(s, &s->sample.publish_topic, exit);
    }
    return exit;
}

bool vch_sample_changed(struct vch_serve *s) {
    struct stat st;
    if (!s->sample.on_change || !s->sample.publish_topic || !s->sample.publish_file) return false;
    if (stat(s->sample.publish_file, &st) != 0) return false;
    int64_t now = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    bool changed = s->changed_ns != 0 && s->changed_ns != now;
    s->changed_ns = now;
    return changed;
}

/* ---- heartbeat ---------------------------------------------------------- */

static enum vch_exit compose(const struct vch_serve *s, struct vch_buf *buf, struct vch_outcome *outcome) {
    char now[25], end[25];
    vch_time_iso(vch_now_ms(), now);
    vch_time_iso(s->credentials->validity.not_after_ms, end);
    vch_buf_c(buf, "{\"thingName\":");
    vch_json_encode_str(vch_str_from(s->client_id), buf);
    vch_buf_printf(buf,
                   ",\"time\":\"%s\",\"certificateId\":\"%s\",\"certificateNotAfter\":\"%s\",\"uptimeSeconds\":%lld,"
                   "\"connectionsLost\":%u,\"agent\":\"" VOUCH_VERSION "\"}",
                   now, s->credentials->validity.id, end, (long long)((vch_mono_ms() - s->started_ms) / 1000), s->lost);
    if (!buf->failed) return VCH_EXIT_OK;
    return vch_outcome_set(outcome, VCH_EXIT_LOCAL, NULL, "The heartbeat would be too long.");
}

enum vch_exit vch_sample_heartbeat(struct vch_serve *s, struct vch_outcome *outcome) {
    struct vch_buf buf;
    vch_buf_init(&buf, 4096);
    enum vch_exit exit = compose(s, &buf, outcome);
    if (exit == VCH_EXIT_OK) {
        enum vch_device_status status = vch_device_publish(device_of(s), s->heartbeat_topic, buf.ptr, buf.len, 1);
        exit = vch_link_failed(s->link, status, "publishing a heartbeat", outcome);
        if (exit == VCH_EXIT_OK)
            vch_report_line(s->report, VCH_REPORT_DEBUG, "heartbeat", "Told %s that this device lives.", s->heartbeat_topic);
        /* A publish that the policy does not allow ends in a close, and says no more. */
        if (status == VCH_DEVICE_CLOSED || status == VCH_DEVICE_NETWORK) drop_topic(s, &s->heartbeat_topic, exit);
    }
    vch_buf_deinit(&buf);
    return exit;
}
