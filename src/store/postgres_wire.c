/* libpq without its blocking calls: every wait has an end, because a database
 * behind a network may fall silent. */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "base/clock.h"
#include "store/postgres_priv.h"

enum { CONNECT_MS = 3000 };

/* ---- errors ---- */

static enum vch_err class_of(const char *state) {
    if (!state) return VCH_ERR_UNAVAILABLE;
    if (strcmp(state, "23505") == 0) return VCH_ERR_EXISTS;
    if (strcmp(state, "23503") == 0 || strcmp(state, "23001") == 0) return VCH_ERR_CONFLICT;
    if (strncmp(state, "58", 2) == 0 || strncmp(state, "XX", 2) == 0) return VCH_ERR_IO;
    /* Connections, transactions that collided, resources, an operator, objects in use, a standby. */
    static const char *const passing[] = {"08", "40", "53", "57", "55", "25006", "25P03"};
    for (size_t i = 0; i < sizeof passing / sizeof *passing; i++)
        if (strncmp(state, passing[i], strlen(passing[i])) == 0) return VCH_ERR_UNAVAILABLE;
    return VCH_ERR_INTERNAL;
}

static bool collided(const char *state) {
    return state && (strcmp(state, "40001") == 0 || strcmp(state, "40P01") == 0);
}

/* The connection will give nothing but errors: it ended, its database became a
 * standby, or its prepared statements are of an older schema. */
static bool useless(const struct vch_pg *db, const char *state) {
    if (!state || PQstatus(db->conn) == CONNECTION_BAD) return true;
    return strncmp(state, "08", 2) == 0 || strncmp(state, "57P", 3) == 0 || strncmp(state, "25P03", 5) == 0 ||
           strcmp(state, "25006") == 0 || strncmp(state, "0A", 2) == 0;
}

enum vch_err vch_pg_lost(struct vch_pg *db, const char *how, struct vch_diag *diag) {
    db->base.failed = true;
    return VCH_REFUSE(diag, VCH_ERR_UNAVAILABLE, STORE_FAILED, "", "The connection to the database was lost: %s.", how);
}

enum vch_err vch_pg_failed(struct vch_pg *db, const PGresult *result, struct vch_diag *diag) {
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    enum vch_err err = class_of(state);
    db->base.again = collided(state);
    if (useless(db, state)) db->base.failed = true;
    if (err == VCH_ERR_EXISTS || err == VCH_ERR_CONFLICT) return err;
    return VCH_REFUSE(diag, err, STORE_FAILED, "", "The database failed: %s.", message ? message : "the connection ended");
}

/* ---- waiting ---- */

enum vch_pg_event vch_pg_poll(struct vch_pg *db, int wake_fd, int64_t timeout_ms) {
    struct pollfd fds[2] = {{.fd = PQsocket(db->conn), .events = POLLIN}, {.fd = wake_fd, .events = POLLIN}};
    int rc = poll(fds, wake_fd < 0 ? 1 : 2, timeout_ms < 0 ? 0 : (int)timeout_ms);
    if (rc <= 0) return VCH_PG_TIMEOUT;
    return fds[1].revents && wake_fd >= 0 ? VCH_PG_WOKEN : VCH_PG_READABLE;
}

/* False when the time is over. */
static bool await_socket(const struct vch_pg *db, short events, int64_t deadline_ms) {
    for (;;) {
        struct pollfd fd = {.fd = PQsocket(db->conn), .events = events};
        int64_t left = deadline_ms - vch_mono_ms();
        int rc = left > 0 ? poll(&fd, 1, (int)left) : 0;
        if (rc > 0) return true;
        if (rc == 0 || errno != EINTR) return false;
    }
}

/* Until the next result is there without blocking. */
static enum vch_err await_result(struct vch_pg *db, int64_t deadline_ms, struct vch_diag *diag) {
    int unsent = PQflush(db->conn);
    while (unsent > 0 || PQisBusy(db->conn)) {
        if (!await_socket(db, unsent > 0 ? POLLIN | POLLOUT : POLLIN, deadline_ms))
            return vch_pg_lost(db, "it did not answer in time", diag);
        if (!PQconsumeInput(db->conn)) return vch_pg_lost(db, "it was closed", diag);
        if (unsent > 0) unsent = PQflush(db->conn);
    }
    return unsent < 0 ? vch_pg_lost(db, "it was closed", diag) : VCH_OK;
}

static enum vch_err next_result(struct vch_pg *db, int64_t deadline_ms, PGresult **ret, struct vch_diag *diag) {
    *ret = NULL;
    VCH_TRY(await_result(db, deadline_ms, diag));
    *ret = PQgetResult(db->conn);
    return VCH_OK;
}

static bool is_good(const PGresult *result) {
    ExecStatusType status = PQresultStatus(result);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

/* A result and the NULL behind it. What was skipped because an earlier one failed is no news. */
static enum vch_err collect_one(struct vch_pg *db, int64_t deadline_ms, PGresult **ret, struct vch_diag *diag) {
    PGresult *behind = NULL;
    VCH_TRY(next_result(db, deadline_ms, ret, diag));
    if (!*ret) return vch_pg_lost(db, "it was closed", diag);
    enum vch_err err = is_good(*ret) || PQresultStatus(*ret) == PGRES_PIPELINE_ABORTED ? VCH_OK : vch_pg_failed(db, *ret, diag);
    if (PQstatus(db->conn) == CONNECTION_BAD) return err ? err : vch_pg_lost(db, "it was closed", diag);
    enum vch_err rest = next_result(db, deadline_ms, &behind, diag);
    if (behind) PQclear(behind);
    return err ? err : rest;
}

static enum vch_err collect_sync(struct vch_pg *db, int64_t deadline_ms, struct vch_diag *diag) {
    PGresult *result = NULL;
    VCH_TRY(next_result(db, deadline_ms, &result, diag));
    bool ok = PQresultStatus(result) == PGRES_PIPELINE_SYNC;
    PQclear(result);
    return ok ? VCH_OK : vch_pg_lost(db, "its answers are out of step", diag);
}

enum vch_err vch_pg_collect(struct vch_pg *db, size_t count, PGresult **ret, struct vch_diag *diag) {
    int64_t deadline_ms = vch_mono_ms() + db->base.patience_ms;
    enum vch_err err = VCH_OK;
    *ret = NULL;
    db->base.again = false;
    if (db->base.failed) return vch_pg_lost(db, "it failed before", diag);
    if (PQpipelineSync(db->conn) != 1) return vch_pg_lost(db, "it was closed", diag);
    for (size_t i = 0; i < count && !db->base.failed; i++) {
        PQclear(*ret);
        enum vch_err one = collect_one(db, deadline_ms, ret, err ? NULL : diag);
        if (!err) err = one;
    }
    if (!db->base.failed) {
        enum vch_err one = collect_sync(db, deadline_ms, err ? NULL : diag);
        if (!err) err = one;
    }
    if (!err) return VCH_OK;
    PQclear(*ret);
    *ret = NULL;
    return err;
}

/* ---- commands ---- */

/* Of the pipeline; two where one control is two commands. */
static const char *const texts[VCH_SQL_CONTROL_COUNT][2] = {
    /* The lock makes one writer of all servers, and the ledger one chain. The
     * statements behind it see what the writers before it did. */
    [VCH_SQL_BEGIN_WRITE] = {"BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
                             "SELECT pg_advisory_xact_lock(hashtextextended('vouch ' || current_schema(), 0))"},
    [VCH_SQL_BEGIN_READ] = {"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", NULL},
    [VCH_SQL_SAVEPOINT] = {"SAVEPOINT plan", NULL},
    [VCH_SQL_RELEASE] = {"RELEASE plan", NULL},
    [VCH_SQL_ROLLBACK_TO] = {"ROLLBACK TO plan", "RELEASE plan"},
};

static bool send(struct vch_pg *db, const char *text) {
    return PQsendQueryParams(db->conn, text, 0, NULL, NULL, NULL, NULL, 1) == 1;
}

enum vch_err vch_pg_send_pending(struct vch_pg *db, size_t *ret_count, struct vch_diag *diag) {
    bool ok = true;
    *ret_count = 0;
    for (size_t i = 0; i < db->pending_count; i++)
        for (size_t k = 0; k < 2; k++) {
            const char *text = texts[db->pending[i]][k];
            if (!text) continue;
            ok = ok && send(db, text);
            ++*ret_count;
        }
    db->pending_count = 0;
    return ok ? VCH_OK : vch_pg_lost(db, "it was closed", diag);
}

enum vch_err vch_pg_command(struct vch_pg *db, const char *text, const char *tag, struct vch_diag *diag) {
    PGresult *result = NULL;
    size_t count = 0;
    VCH_TRY(vch_pg_send_pending(db, &count, diag));
    if (!send(db, text)) return vch_pg_lost(db, "it was closed", diag);
    VCH_TRY(vch_pg_collect(db, count + 1, &result, diag));
    /* COMMIT of a transaction that failed says ROLLBACK, and is no error. */
    bool ok = !tag || strcmp(PQcmdStatus(result), tag) == 0;
    PQclear(result);
    if (ok) return VCH_OK;
    return VCH_REFUSE(diag, VCH_ERR_UNAVAILABLE, STORE_FAILED, "", "The database did not commit.");
}

static enum vch_err exec_outside(struct vch_pg *db, const char *text, PGresult **ret, struct vch_diag *diag) {
    int64_t deadline_ms = vch_mono_ms() + db->base.patience_ms;
    enum vch_err err = VCH_OK;
    if (PQsendQuery(db->conn, text) != 1) return vch_pg_lost(db, "it was closed", diag);
    for (;;) {
        PGresult *result = NULL;
        VCH_TRY(next_result(db, deadline_ms, &result, diag));
        if (!result) return err;
        if (!err && !is_good(result)) err = vch_pg_failed(db, result, diag);
        PQclear(*ret);
        *ret = result;
    }
}

enum vch_err vch_pg_exec(struct vch_pg *db, const char *text, PGresult **ret, struct vch_diag *diag) {
    size_t count = 0;
    *ret = NULL;
    VCH_TRY(vch_pg_send_pending(db, &count, diag));
    if (count) {
        VCH_TRY(vch_pg_collect(db, count, ret, diag));
        PQclear(*ret);
        *ret = NULL;
    }
    if (PQexitPipelineMode(db->conn) != 1) return vch_pg_lost(db, "it is out of step", diag);
    enum vch_err err = exec_outside(db, text, ret, diag);
    if (!db->base.failed && PQenterPipelineMode(db->conn) != 1) err = vch_pg_lost(db, "it was closed", diag);
    if (!err) return VCH_OK;
    PQclear(*ret);
    *ret = NULL;
    return err;
}

/* ---- connecting ---- */

static enum vch_err refused(struct vch_pg *db, struct vch_diag *diag) {
    struct vch_str text = vch_str_trim(vch_str_from(PQerrorMessage(db->conn)));
    size_t end = vch_str_find(text, '\n', 0);
    text = vch_str_sub(text, 0, end);
    db->base.failed = true;
    return VCH_REFUSE(diag, VCH_ERR_UNAVAILABLE, STORE_FAILED, "", "The database cannot be reached: %.*s", VCH_STR_ARG(text));
}

static enum vch_err await_connection(struct vch_pg *db, struct vch_diag *diag) {
    int64_t deadline_ms = vch_mono_ms() + CONNECT_MS;
    PostgresPollingStatusType want = PGRES_POLLING_WRITING;
    while (want == PGRES_POLLING_WRITING || want == PGRES_POLLING_READING) {
        if (!await_socket(db, want == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline_ms))
            return vch_pg_lost(db, "it could not be made in time", diag);
        want = PQconnectPoll(db->conn);
    }
    return want == PGRES_POLLING_OK ? VCH_OK : refused(db, diag);
}

/* Notices ("exists already, skipping") are nobody's concern. */
static void ignore_notice(void *arg, const char *message) {
    (void)arg;
    (void)message;
}

/* What the URL says comes last and holds. */
enum vch_err vch_pg_connect(struct vch_pg *db, const char *url, struct vch_diag *diag) {
    static const char *const names[] = {"application_name", "client_encoding", "gssencmode", "target_session_attrs",
                                        "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout",
                                        "dbname", NULL};
    const char *const values[] = {"vouch", "UTF8", "disable", "read-write", "5", "2", "3", "10000", url, NULL};
    db->conn = PQconnectStartParams(names, values, 1);
    if (!db->conn) return VCH_REFUSE(diag, VCH_ERR_NOMEM, STORE_FAILED, "", "Memory is out.");
    (void)PQsetNoticeProcessor(db->conn, ignore_notice, NULL);
    if (PQstatus(db->conn) == CONNECTION_BAD) return refused(db, diag);
    VCH_TRY(await_connection(db, diag));
    if (PQsetnonblocking(db->conn, 1) != 0 || PQenterPipelineMode(db->conn) != 1) return refused(db, diag);
    return VCH_OK;
}
