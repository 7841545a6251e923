#include "core/arn.h"

enum { ARN_CAP = 8192 };

static void arn_to(const struct vch_site *site, const char *service, struct vch_str region, const char *type,
                   struct vch_str name, struct vch_buf *buf) {
    vch_buf_c(buf, "arn:");
    vch_buf_str(buf, site->partition);
    vch_buf_c(buf, service);
    vch_buf_str(buf, region);
    vch_buf_c(buf, ":");
    vch_buf_str(buf, site->account);
    vch_buf_c(buf, ":");
    vch_buf_c(buf, type);
    vch_buf_c(buf, "/");
    vch_buf_str(buf, name);
}

void vch_arn_to(const struct vch_site *site, const char *type, struct vch_str name, struct vch_buf *buf) {
    arn_to(site, ":iot:", site->region, type, name, buf);
}

static struct vch_str finish(struct vch_buf *buf, struct vch_arena *arena) {
    struct vch_str text;
    struct vch_str copy = {NULL, 0};
    if (vch_buf_finish(buf, &text) == VCH_OK) copy = vch_arena_str(arena, text);
    vch_buf_deinit(buf);
    return copy;
}

struct vch_str vch_arn(const struct vch_site *site, const char *type, struct vch_str name, struct vch_arena *arena) {
    struct vch_buf buf;
    vch_buf_init(&buf, ARN_CAP);
    vch_arn_to(site, type, name, &buf);
    return finish(&buf, arena);
}

struct vch_str vch_iam_arn(const struct vch_site *site, const char *type, struct vch_str name,
                           struct vch_arena *arena) {
    struct vch_buf buf;
    vch_buf_init(&buf, ARN_CAP);
    arn_to(site, ":iam:", (struct vch_str){NULL, 0}, type, name, &buf);
    return finish(&buf, arena);
}

struct vch_str vch_assumed_role_arn(const struct vch_site *site, struct vch_str role, struct vch_str session,
                                    struct vch_arena *arena) {
    struct vch_buf buf;
    vch_buf_init(&buf, ARN_CAP);
    arn_to(site, ":sts:", (struct vch_str){NULL, 0}, "assumed-role", role, &buf);
    vch_buf_c(&buf, "/");
    vch_buf_str(&buf, session);
    return finish(&buf, arena);
}

/* The field before the next ':'; false when there is none. */
static bool next_field(struct vch_str *rest, struct vch_str *field) {
    size_t at = vch_str_find(*rest, ':', 0);
    if (at == SIZE_MAX) return false;
    *field = vch_str_of(rest->ptr, at);
    *rest = vch_str_of(rest->ptr + at + 1, rest->len - at - 1);
    return true;
}

enum vch_err vch_arn_parse(struct vch_str arn, struct vch_arn_parts *ret) {
    struct vch_str scheme;
    struct vch_str rest = arn;
    bool whole = next_field(&rest, &scheme) && next_field(&rest, &ret->partition) && next_field(&rest, &ret->service) &&
                 next_field(&rest, &ret->region) && next_field(&rest, &ret->account);
    if (!whole || !vch_str_eq_c(scheme, "arn")) return VCH_ERR_MALFORMED;
    ret->resource = rest;
    return VCH_OK;
}

bool vch_arn_name(const struct vch_site *site, const char *type, struct vch_str arn, struct vch_str *ret_name) {
    struct vch_arn_parts parts;
    struct vch_str kind = vch_str_from(type);
    if (vch_arn_parse(arn, &parts) != VCH_OK) return false;
    if (!vch_str_eq(parts.partition, site->partition) || !vch_str_eq_c(parts.service, "iot") ||
        !vch_str_eq(parts.region, site->region) || !vch_str_eq(parts.account, site->account))
        return false;
    if (!vch_str_starts(parts.resource, kind) || parts.resource.len < kind.len + 2 ||
        parts.resource.ptr[kind.len] != '/')
        return false;
    *ret_name = vch_str_sub(parts.resource, kind.len + 1, SIZE_MAX);
    return true;
}
