#include "service/template_kept.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct kept {
    enum vch_template_type type;
    char *body; /* owned */
    size_t len;
    struct vch_template_ready *ready;
    uint64_t used;
};
struct shelf {
    struct kept list[VCH_TEMPLATES_KEPT];
    uint64_t clock;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static bool key_there;

static void empty(struct kept *k) {
    vch_template_ready_free(k->ready);
    free(k->body);
    *k = (struct kept){.ready = NULL};
}

static void free_shelf(void *arg) {
    struct shelf *shelf = arg;
    for (size_t i = 0; i < VCH_TEMPLATES_KEPT; i++) empty(&shelf->list[i]);
    free(shelf);
}

static void make_key(void) {
    key_there = pthread_key_create(&key, free_shelf) == 0;
}

/* This thread's; NULL when memory is out. */
static struct shelf *shelf_of_thread(void) {
    (void)pthread_once(&once, make_key);
    if (!key_there) return NULL;
    struct shelf *shelf = pthread_getspecific(key);
    if (shelf) return shelf;
    shelf = calloc(1, sizeof *shelf);
    if (shelf && pthread_setspecific(key, shelf) == 0) return shelf;
    free(shelf);
    return NULL;
}

static struct kept *find(struct shelf *shelf, enum vch_template_type type, struct vch_str body) {
    for (size_t i = 0; i < VCH_TEMPLATES_KEPT; i++) {
        struct kept *k = &shelf->list[i];
        if (k->ready && k->type == type && vch_str_eq(vch_str_of(k->body, k->len), body)) return k;
    }
    return NULL;
}

/* In the place of the one that was used longest ago. */
static enum vch_err keep(struct shelf *shelf, enum vch_template_type type, struct vch_str body, struct kept **ret, struct vch_diag *diag) {
    struct kept *k = &shelf->list[0];
    for (size_t i = 1; i < VCH_TEMPLATES_KEPT; i++)
        if (shelf->list[i].used < k->used) k = &shelf->list[i];
    empty(k);
    VCH_TRY(vch_template_ready_new(type, body, &k->ready, diag));
    k->body = malloc(body.len + 1);
    if (!k->body) {
        empty(k);
        return VCH_ERR_NOMEM;
    }
    memcpy(k->body, body.ptr, body.len);
    k->len = body.len;
    k->type = type;
    *ret = k;
    return VCH_OK;
}

enum vch_err vch_template_plan_kept(enum vch_template_type type, struct vch_str body, const struct vch_val *parameters,
                                    struct vch_str certificate_id, struct vch_arena *arena, struct vch_template_plan *ret,
                                    struct vch_diag *diag) {
    struct shelf *shelf = shelf_of_thread();
    if (!shelf || body.len == 0) return vch_template_plan(type, body, parameters, certificate_id, arena, ret, diag);
    struct kept *k = find(shelf, type, body);
    *ret = (struct vch_template_plan){0};
    if (!k) VCH_TRY(keep(shelf, type, body, &k, diag));
    k->used = ++shelf->clock;
    return vch_template_ready_plan(k->ready, parameters, certificate_id, arena, ret, diag);
}
