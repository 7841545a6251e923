#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "store/ear_priv.h"
#include "store/identity_cache_priv.h"
#include "store/schema_priv.h"
#include "store/store_priv.h"

enum { READERS_IDLE_MAX = 32, PAUSE_MIN_MS = 50, PAUSE_MAX_MS = 2000 };

static const struct vch_sql_driver *const drivers[] = {&vch_sql_sqlite, &vch_sql_postgres};

static const struct vch_sql_driver *driver_of(struct vch_str url, struct vch_str *ret_place) {
    for (size_t i = 0; i < sizeof drivers / sizeof *drivers; i++) {
        struct vch_str scheme = vch_str_from(drivers[i]->scheme);
        if (!vch_str_starts(url, scheme) || url.len <= scheme.len + 1 || url.ptr[scheme.len] != ':') continue;
        *ret_place = vch_str_sub(url, scheme.len + 1, SIZE_MAX);
        return drivers[i];
    }
    return NULL;
}

const struct vch_sql_driver *vch_store_driver(const char *url, const char **ret_place) {
    struct vch_str place = {NULL, 0};
    const struct vch_sql_driver *driver = driver_of(vch_str_from(url), &place);
    *ret_place = place.ptr; /* ends where the URL does */
    return driver;
}

/* Where this process alone writes, every change is heard. Where others do, the
 * ear says when; without an ear nothing is kept. */
static enum vch_err remember_identities(struct vch_store *s, struct vch_diag *diag) {
    bool remote = !vch_store_is_local(s);
    if (remote && !s->on_change) return VCH_OK;
    s->identities = vch_identity_cache_new();
    if (!s->identities) return VCH_REFUSE(diag, VCH_ERR_NOMEM, STORE_FAILED, "", "Memory is out.");
    if (!remote) vch_identity_cache_trust(s->identities, true);
    return VCH_OK;
}

static enum vch_err set_up(struct vch_store *s, struct vch_diag *diag) {
    VCH_TRY(vch_store_connect(s, true, &s->db, diag));
    VCH_TRY(vch_schema_migrate(s->db, vch_migrations, vch_migration_count, diag));
    VCH_TRY(remember_identities(s, diag));
    VCH_TRY(vch_ear_start(s, diag));
    return vch_writer_start(s, diag);
}

enum vch_err vch_store_open(const struct vch_store_options *options, struct vch_store **ret, struct vch_diag *diag) {
    struct vch_str place = {NULL, 0};
    const struct vch_sql_driver *driver = driver_of(vch_str_from(options->url), &place);
    *ret = NULL;
    if (!driver)
        return VCH_REFUSE(diag, VCH_ERR_INVALID, STORE_FAILED, "store", "The store's URL must be sqlite:PATH or postgresql://...");
    struct vch_store *s = calloc(1, sizeof *s);
    char *copy = strndup(place.ptr, place.len);
    if (!s || !copy) {
        free(s);
        free(copy);
        return VCH_REFUSE(diag, VCH_ERR_NOMEM, STORE_FAILED, "", "Memory is out.");
    }
    *s = (struct vch_store){.driver = driver, .place = copy, .commit_delay_us = options->commit_delay_us,
                            .on_change = options->on_change, .on_change_arg = options->on_change_arg};
    (void)pthread_mutex_init(&s->readers_lock, NULL);
    (void)pthread_mutex_init(&s->gate.lock, NULL);
    (void)pthread_mutex_init(&s->lock, NULL);
    (void)pthread_cond_init(&s->wake, NULL);
    enum vch_err err = set_up(s, diag);
    if (err == VCH_OK) *ret = s;
    else vch_store_close(s);
    return err;
}

void vch_store_close(struct vch_store *s) {
    if (!s) return;
    vch_writer_stop(s);
    vch_ear_stop(s);
    while (s->readers) {
        struct vch_sql *db = s->readers;
        s->readers = db->next;
        s->driver->close(db);
    }
    s->driver->close(s->db); /* last, so that it empties the log */
    vch_identity_cache_free(s->identities);
    vch_changes_deinit(&s->changes);
    (void)pthread_cond_destroy(&s->wake);
    (void)pthread_mutex_destroy(&s->lock);
    (void)pthread_mutex_destroy(&s->readers_lock);
    (void)pthread_mutex_destroy(&s->gate.lock);
    free(s->place);
    free(s);
}

void vch_store_each_path(const char *url, void (*on_path)(void *arg, const char *path), void *arg) {
    struct vch_str place = {NULL, 0};
    const struct vch_sql_driver *driver = driver_of(vch_str_from(url), &place);
    if (driver && driver->each_path) driver->each_path(place.ptr, on_path, arg);
}

bool vch_store_is_local(const struct vch_store *s) {
    return !s->driver->listen;
}

void vch_store_tell(void *store, enum vch_change_kind kind, struct vch_str key) {
    struct vch_store *s = store;
    if (s->identities && kind == VCH_CHANGE_ALL) vch_identity_cache_trust(s->identities, true);
    else if (s->identities && (kind == VCH_CHANGE_CERTIFICATE || kind == VCH_CHANGE_CLAIM)) vch_identity_cache_drop(s->identities, key);
    if (s->on_change) s->on_change(s->on_change_arg, kind, key);
}

/* ---- connections ---- */

static bool gate_is_shut(struct vch_gate *gate) {
    (void)pthread_mutex_lock(&gate->lock);
    bool shut = vch_mono_ms() < gate->until_ms;
    (void)pthread_mutex_unlock(&gate->lock);
    return shut;
}

static void gate_tell(struct vch_gate *gate, bool connected) {
    (void)pthread_mutex_lock(&gate->lock);
    int64_t now_ms = vch_mono_ms();
    if (connected) {
        gate->pause_ms = gate->until_ms = 0;
    } else if (now_ms >= gate->until_ms) { /* of many that failed together one lengthens the pause */
        gate->pause_ms = gate->pause_ms ? gate->pause_ms * 2 : PAUSE_MIN_MS;
        if (gate->pause_ms > PAUSE_MAX_MS) gate->pause_ms = PAUSE_MAX_MS;
        gate->until_ms = now_ms + gate->pause_ms;
    }
    (void)pthread_mutex_unlock(&gate->lock);
}

enum vch_err vch_store_connect(struct vch_store *s, bool writer, struct vch_sql **ret, struct vch_diag *diag) {
    bool remote = s->driver->alive != NULL;
    *ret = NULL;
    if (remote && gate_is_shut(&s->gate))
        return VCH_REFUSE(diag, VCH_ERR_UNAVAILABLE, STORE_FAILED, "", "The database cannot be reached; it is tried again soon.");
    enum vch_err err = s->driver->open(s->place, writer, ret, diag);
    if (remote) gate_tell(&s->gate, err == VCH_OK);
    return err;
}

static struct vch_sql *pop_reader(struct vch_store *s) {
    (void)pthread_mutex_lock(&s->readers_lock);
    struct vch_sql *db = s->readers;
    if (db) {
        s->readers = db->next;
        s->readers_idle--;
    }
    (void)pthread_mutex_unlock(&s->readers_lock);
    return db;
}

enum vch_err vch_reader_take(struct vch_store *s, struct vch_sql **ret, struct vch_diag *diag) {
    struct vch_sql *db = pop_reader(s);
    while (db && s->driver->alive && !s->driver->alive(db)) {
        s->driver->close(db);
        db = pop_reader(s);
    }
    if (!db) VCH_TRY(vch_store_connect(s, false, &db, diag));
    db->home = s;
    *ret = db;
    return VCH_OK;
}

void vch_reader_put(struct vch_sql **ref) {
    struct vch_sql *db = *ref;
    if (!db) return;
    struct vch_store *s = db->home;
    (void)pthread_mutex_lock(&s->readers_lock);
    bool keep = !db->failed && s->readers_idle < READERS_IDLE_MAX;
    if (keep) {
        db->next = s->readers;
        s->readers = db;
        s->readers_idle++;
    }
    (void)pthread_mutex_unlock(&s->readers_lock);
    if (!keep) s->driver->close(db);
}

enum vch_err vch_read_one(struct vch_store *s, enum vch_query query, const struct vch_sql_arg *args, size_t count,
                          vch_fill *fill, void *record, bool *ret_found, VCH_R) {
    VCH_READER db = NULL;
    VCH_TRY(vch_reader_take(s, &db, diag));
    return vch_sql_record(db, query, args, count, fill, record, arena, ret_found, diag);
}

enum vch_err vch_read_list(struct vch_store *s, enum vch_query query, const struct vch_sql_arg *args, size_t count,
                           struct vch_listing *listing, VCH_R) {
    VCH_READER db = NULL;
    VCH_TRY(vch_reader_take(s, &db, diag));
    return vch_sql_list(db, query, args, count, listing, arena, diag);
}

/* The last code point of UTF-8: above every name and id. */
static const struct vch_str above_all = {"\xF4\x8F\xBF\xBF", 4};

struct vch_str vch_page_from(struct vch_page page) {
    return page.descending && page.after.len == 0 ? above_all : page.after;
}

enum vch_err vch_read_owned(struct vch_store *s, const struct vch_owned_page *what, struct vch_list_str *ret,
                            bool *ret_owner, VCH_R) {
    const struct vch_page page = what->page;
    struct vch_listing l = {.fill = vch_fill_str, .size = sizeof *ret->items, .limit = page.limit};
    VCH_READER db = NULL;
    VCH_TRY(vch_reader_take(s, &db, diag));
    VCH_TRY(vch_sql_list(db, page.descending ? what->down : what->up,
                         VCH_ARGS(VCH_T(what->owner), VCH_T(vch_page_from(page)), VCH_I(vch_listing_ask(page.limit))),
                         &l, arena, diag));
    *ret = (struct vch_list_str){l.items, l.count, l.more};
    *ret_owner = true;
    if (l.count) return VCH_OK;
    return vch_sql_exists(db, what->exists, VCH_ARGS(VCH_T(what->owner)), ret_owner, diag);
}

struct created {
    int64_t ms;
    struct vch_str id;
};

static enum vch_err created_from(struct vch_sql *db, const struct vch_created_page *what, struct created *ret,
                                 struct vch_diag *diag) {
    struct vch_str after = what->page.after, ms = {NULL, 0};
    *ret = what->page.descending ? (struct created){INT64_MAX, above_all} : (struct created){INT64_MIN, {NULL, 0}};
    if (after.len == 0) return VCH_OK;
    bool found = false;
    if (vch_str_find(after, '/', 0) != SIZE_MAX) {
        found = vch_str_split(&after, '/', &ms) && vch_str_int(ms, &ret->ms) == VCH_OK;
    } else {
        VCH_TRY(vch_sql_number(db, what->created, VCH_ARGS(VCH_T(after)), &found, &ret->ms, diag));
    }
    ret->id = after;
    if (found) return VCH_OK;
    return VCH_REFUSE(diag, VCH_ERR_INVALID, PAGE_TOKEN_INVALID, "", "The page starts after an item that is gone.");
}

enum vch_err vch_read_created(struct vch_store *s, const struct vch_created_page *what, struct vch_listing *listing,
                              VCH_R) {
    struct created from;
    VCH_READER db = NULL;
    VCH_TRY(vch_reader_take(s, &db, diag));
    VCH_TRY(created_from(db, what, &from, diag));
    const struct vch_str owner = what->owner ? *what->owner : VCH_STR("");
    const struct vch_sql_arg args[] = {VCH_I(from.ms), VCH_T(from.id), VCH_I(vch_listing_ask(listing->limit)), VCH_T(owner)};
    return vch_sql_list(db, what->page.descending ? what->down : what->up, args, what->owner ? 4 : 3, listing, arena, diag);
}
