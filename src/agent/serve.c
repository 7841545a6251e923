#include "agent/serve.h"

#include "agent/enroll.h"
#include "agent/pair_step.h"
#include "agent/sample.h"
#include "agent/stop.h"
#include "base/clock.h"

enum {
    PING_AFTER_MS = 900 * 1000, /* three quarters of the keep alive */
    BACKOFF_FIRST_MS = 1000,
    BACKOFF_MAX_MS = 60000,
    STEADY_MS = 60000, /* a connection that lasted this long was a good one */
    CHANGE_MS = 1000,
    OPEN_MS = 30000,
    REFUSALS_MAX = 3, /* servers of one registry hear of a change one after the other */
    SELDOM_MS = 3600 * 1000,
    RENEW_FIRST_MS = 60 * 1000,
    RENEW_MAX_MS = 24 * 3600 * 1000,
    WALL_MS = 60 * 60 * 1000 /* how often the wall clock is looked at again */
};

static int64_t min_of(int64_t a, int64_t b) {
    return a < b ? a : b;
}

/* ---- waiting ------------------------------------------------------------ */

/* What goes on whether connected or not. */
static int64_t turn(struct vch_serve *s) {
    int64_t now = vch_mono_ms();
    if (vch_stop_renewal_asked()) s->renew_now = true;
    return min_of(vch_notify_turn(&s->notify, now), vch_events_turn(&s->events, now));
}

/* True when asked to stop. */
static bool rest(struct vch_serve *s, int64_t wait_ms) {
    int64_t until = vch_mono_ms() + wait_ms;
    for (int64_t left = wait_ms; left > 0; left = until - vch_mono_ms())
        if (vch_stop_wait(min_of(left, turn(s)))) return true;
    return vch_stop_asked();
}

static void tell(struct vch_serve *s, enum vch_event event, const char *message) {
    vch_events_raise(&s->events, event, s->credentials->validity.id, message);
}

/* ---- one connection ----------------------------------------------------- */

/* On the wall: a clock that is set while we wait is noticed within the hour. */
static void plan_renewal(struct vch_serve *s) {
    int64_t left = vch_renew_due_ms(&s->credentials->validity) - vch_now_ms();
    s->renew_at = vch_mono_ms() + (left > WALL_MS ? WALL_MS : left > 0 ? left : 0);
}

static void is_open(struct vch_serve *s) {
    vch_report_line(s->report, VCH_REPORT_INFO, "ready", "MQTT connection established as \"%s\" on port %u.",
                    s->client_id, s->link->routes[s->link->route].port);
    vch_notify_say(&s->notify, "READY=1", "Connected.");
    tell(s, VCH_EVENT_CONNECTED, "Connected.");
    if (s->paired) vch_pair_step_say(s->report, VCH_PAIR_STEP_DONE);
    s->paired = false;
    s->refusals = 0;
    s->heartbeat_at = vch_mono_ms();
    if (s->renewals_failed == 0) plan_renewal(s);
}

/* A successor that cannot connect has not been registered, or never will be. */
static enum vch_exit prove_pending(struct vch_serve *s, struct vch_outcome *outcome) {
    enum vch_exit exit = vch_renew_prove(s->renew, outcome);
    if (exit == VCH_EXIT_OK) {
        s->renewals_failed = 0;
        s->events.certificate = s->renew->runtime->cert.ptr;
        tell(s, VCH_EVENT_ROTATED, "The certificate is renewed.");
        return exit;
    }
    bool refused = s->link->refused || exit == VCH_EXIT_REJECTED || exit == VCH_EXIT_CREDENTIALS;
    if (refused && !vch_renew_may_resume(s->renew)) vch_renew_abandon(s->renew);
    if (!refused) return exit;
    vch_report_line(s->report, VCH_REPORT_WARN, "renewal", "The renewed certificate does not connect: %s",
                    outcome->sentence);
    return VCH_EXIT_REJECTED;
}

static enum vch_exit open_link(struct vch_serve *s, struct vch_outcome *outcome) {
    enum vch_exit exit = VCH_EXIT_REJECTED;
    if (s->renew && s->renew->pending) exit = prove_pending(s, outcome);
    if (exit != VCH_EXIT_OK && exit != VCH_EXIT_REJECTED) return exit;
    if (exit != VCH_EXIT_OK)
        VCH_STEP(vch_link_open(s->link, s->credentials, s->client_id, vch_mono_ms() + OPEN_MS, "certificate", outcome));
    is_open(s);
    return VCH_EXIT_OK;
}

/* ---- renewal ------------------------------------------------------------ */

static void renewal_failed(struct vch_serve *s, const struct vch_outcome *outcome) {
    int64_t wait = vch_backoff_ms(s->renewals_failed++, RENEW_FIRST_MS, RENEW_MAX_MS);
    int64_t left = s->credentials->validity.not_after_ms - vch_now_ms();
    if (left > 0) wait = min_of(wait, left / 4 + 1000);
    s->renew_at = vch_mono_ms() + wait;
    vch_report_line(s->report, VCH_REPORT_WARN, "renewal", "The certificate was not renewed; again in %lld s: %s",
                    (long long)(wait / 1000), outcome->sentence);
    tell(s, VCH_EVENT_REFUSED, outcome->sentence);
}

/* Asks, then leaves the connection for one with the successor. A failure of the
 * renewal is the outcome only when it cost the connection. */
static enum vch_exit renew(struct vch_serve *s, struct vch_outcome *outcome) {
    s->renew_now = false;
    vch_notify_say(&s->notify, "STATUS=Renewing the certificate.", NULL);
    enum vch_exit exit = vch_renew_ask(s->renew, outcome);
    bool asked = exit == VCH_EXIT_OK;
    if (!asked) {
        renewal_failed(s, outcome);
        if (exit == VCH_EXIT_REJECTED && s->renew->pending) vch_renew_abandon(s->renew); /* the token is spent */
        if (s->link->device.connected && exit != VCH_EXIT_NETWORK) return VCH_EXIT_OK;
    }
    vch_link_close(s->link);
    exit = open_link(s, outcome);
    if (exit == VCH_EXIT_OK && asked && s->renew->pending) renewal_failed(s, outcome);
    return exit == VCH_EXIT_OK ? vch_sample_start(s, outcome) : exit;
}

static bool renewal_is_due(struct vch_serve *s) {
    if (!s->renew) return false;
    if (s->renew_now) return true;
    if (!s->renew_by_age || !s->renew->template_name[0] || vch_mono_ms() < s->renew_at) return false;
    if (s->renewals_failed || vch_now_ms() >= vch_renew_due_ms(&s->credentials->validity)) return true;
    plan_renewal(s);
    return false;
}

/* ---- staying ------------------------------------------------------------ */

static enum vch_exit serve_requests(struct vch_serve *s, struct vch_outcome *outcome) {
    VCH_STEP(vch_link_failed(s->link, vch_device_poll(&s->link->device, vch_mono_ms()), "waiting", outcome));
    if (vch_mono_ms() >= s->change_at) {
        if (vch_sample_changed(s)) s->publish_asked = true;
        s->change_at = vch_mono_ms() + CHANGE_MS;
    }
    if (s->heartbeat_topic && vch_mono_ms() >= s->heartbeat_at) {
        s->heartbeat_at = vch_mono_ms() + s->heartbeat_ms;
        VCH_STEP(vch_sample_heartbeat(s, outcome));
    }
    if (renewal_is_due(s)) VCH_STEP(renew(s, outcome));
    if (!s->publish_asked || !s->sample.publish_topic) return VCH_EXIT_OK;
    s->publish_asked = false;
    return vch_sample_publish(s, outcome);
}

static int64_t next_wait(struct vch_serve *s, int64_t ping_at) {
    int64_t at = ping_at;
    if (s->heartbeat_topic) at = min_of(at, s->heartbeat_at);
    if (s->sample.on_change) at = min_of(at, s->change_at);
    if (s->renew && s->renew_by_age && s->renew->template_name[0]) at = min_of(at, s->renew_at);
    int64_t wait = min_of(at - vch_mono_ms(), turn(s));
    return s->renew && s->renew_now ? 0 : wait;
}

/* Until the connection is lost or the agent is to stop. A file that cannot be
 * read or written is said, and not the connection's end. */
static enum vch_exit stay(struct vch_serve *s, struct vch_outcome *outcome) {
    int64_t ping_at = vch_mono_ms() + PING_AFTER_MS;
    while (!vch_stop_asked()) {
        enum vch_exit exit = serve_requests(s, outcome);
        if (exit == VCH_EXIT_LOCAL && s->link->dial)
            vch_report_line(s->report, VCH_REPORT_WARN, "local", "%s", outcome->sentence);
        else
            VCH_STEP(exit);
        if (vch_mono_ms() >= ping_at) {
            VCH_STEP(vch_link_failed(s->link, vch_device_ping(&s->link->device), "pinging", outcome));
            ping_at = vch_mono_ms() + PING_AFTER_MS;
        }
        (void)vch_stop_wait_fd(vch_dial_fd(s->link->dial), next_wait(s, ping_at));
    }
    return VCH_EXIT_OK;
}

/* ---- losing the connection ---------------------------------------------- */

static enum vch_exit revoked(struct vch_serve *s, struct vch_outcome *outcome) {
    char sentence[256];
    (void)vch_str_copy(sentence, sizeof sentence, vch_str_sub(vch_str_from(outcome->sentence), 0, sizeof sentence - 1));
    vch_notify_say(&s->notify, "STATUS=The server does not take this device's certificate.", NULL);
    tell(s, VCH_EVENT_REVOKED, sentence);
    return vch_outcome_set(outcome, VCH_EXIT_REVOKED,
                           "Have the certificate activated again, or provision the device anew: remove the runtime "
                           "file and use a new claim.",
                           "The server does not take this device's certificate any more. %s", sentence);
}

/* OK: to be tried again, after `*ret_wait`. */
static enum vch_exit judge(struct vch_serve *s, struct vch_outcome *outcome, unsigned tries, int64_t *ret_wait) {
    s->refusals = s->link->refused ? s->refusals + 1 : 0;
    *ret_wait = vch_backoff_ms(tries, BACKOFF_FIRST_MS, BACKOFF_MAX_MS);
    if (s->refusals < REFUSALS_MAX) return VCH_EXIT_OK;
    if (s->refusals == REFUSALS_MAX) {
        enum vch_exit exit = revoked(s, outcome);
        if (!s->stay_revoked) return exit;
    }
    *ret_wait = vch_backoff_ms(0, SELDOM_MS, SELDOM_MS);
    return VCH_EXIT_OK;
}

static enum vch_exit connect_first(struct vch_serve *s, struct vch_outcome *outcome) {
    int64_t deadline = vch_mono_ms() + s->retry_ms, wait;
    for (unsigned tries = 0;; tries++) {
        enum vch_exit exit = open_link(s, outcome);
        if (exit == VCH_EXIT_OK || vch_stop_asked()) return exit;
        if (!s->link->refused && !outcome->again) return exit;
        VCH_STEP(judge(s, outcome, tries, &wait));
        if (s->once && vch_mono_ms() + wait > deadline) return exit;
        vch_report_line(s->report, VCH_REPORT_WARN, "retry", "%s Trying again in %lld ms.", outcome->sentence,
                        (long long)wait);
        if (rest(s, wait)) return exit;
    }
}

/* Once the identity has worked, losing the connection is never the end, but for a
 * server that does not know it any more. */
static enum vch_exit connect_again(struct vch_serve *s, struct vch_outcome *outcome) {
    int64_t wait = vch_backoff_ms(s->losses++, BACKOFF_FIRST_MS, BACKOFF_MAX_MS);
    while (!vch_stop_asked()) {
        vch_report_line(s->report, VCH_REPORT_INFO, "reconnect", "Connecting again in %lld ms.", (long long)wait);
        if (rest(s, wait)) return VCH_EXIT_OK;
        if (open_link(s, outcome) == VCH_EXIT_OK) return VCH_EXIT_OK;
        vch_report_line(s->report, VCH_REPORT_WARN, "reconnect", "%s", outcome->sentence);
        VCH_STEP(judge(s, outcome, s->losses++, &wait));
    }
    return VCH_EXIT_OK;
}

static enum vch_exit stay_for_ever(struct vch_serve *s, struct vch_outcome *outcome) {
    while (!vch_stop_asked()) {
        int64_t since = vch_mono_ms();
        enum vch_exit exit = vch_sample_start(s, outcome);
        if (exit == VCH_EXIT_OK || exit == VCH_EXIT_LOCAL) exit = stay(s, outcome);
        if (exit == VCH_EXIT_OK) break;
        vch_report_line(s->report, VCH_REPORT_WARN, "lost", "%s", outcome->sentence);
        vch_notify_say(&s->notify, "STATUS=The connection is lost.", NULL);
        vch_link_close(s->link);
        s->lost++;
        if (vch_mono_ms() - since > STEADY_MS) s->losses = 0;
        VCH_STEP(connect_again(s, outcome));
    }
    return VCH_EXIT_OK;
}

/* A renewal that was asked for is the whole run; one that was left behind is not its failure. */
static enum vch_exit run_once(struct vch_serve *s, bool wanted, struct vch_outcome *outcome) {
    if (!s->renew || !s->renew_now) return vch_sample_start(s, outcome);
    VCH_STEP(renew(s, outcome));
    return wanted && s->renewals_failed ? outcome->exit : VCH_EXIT_OK;
}

enum vch_exit vch_serve_run(struct vch_serve *serve, struct vch_outcome *outcome) {
    serve->link->on_message = vch_sample_message;
    serve->link->arg = serve;
    serve->started_ms = vch_mono_ms();
    if (serve->renew) vch_renew_look_back(serve->renew);
    if (serve->fresh) tell(serve, VCH_EVENT_PROVISIONED, "Provisioned.");
    bool wanted = serve->renew_now;
    enum vch_exit exit = connect_first(serve, outcome);
    if (serve->renew && serve->renew->pending) serve->renew_now = true; /* to be gone on with */
    if (exit == VCH_EXIT_OK) exit = serve->once ? run_once(serve, wanted, outcome) : stay_for_ever(serve, outcome);
    vch_notify_say(&serve->notify, "STOPPING=1", NULL);
    vch_link_close(serve->link);
    vch_events_drain(&serve->events);
    return vch_stop_asked() ? VCH_EXIT_OK : exit;
}
