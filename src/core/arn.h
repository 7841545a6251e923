/* ARNs of one site: arn:PARTITION:iot:REGION:ACCOUNT:TYPE/NAME. */
#ifndef VCH_CORE_ARN_H
#define VCH_CORE_ARN_H

#include "base/arena.h"
#include "base/buf.h"

/* Whose resources these are. Strings live as long as the process. */
struct vch_site {
    struct vch_str partition; /* "aws" */
    struct vch_str region;
    struct vch_str account; /* 12 digits */
};

/* "arn:aws:iot:us-east-1:123456789012:cert/…"; type without the slash. .ptr NULL: memory. */
struct vch_str vch_arn(const struct vch_site *site, const char *type, struct vch_str name, struct vch_arena *arena);
/* Appends instead. */
void vch_arn_to(const struct vch_site *site, const char *type, struct vch_str name, struct vch_buf *buf);
/* arn:PARTITION:iam::ACCOUNT:user/NAME and the like. */
struct vch_str vch_iam_arn(const struct vch_site *site, const char *type, struct vch_str name, struct vch_arena *arena);

/* arn:PARTITION:sts::ACCOUNT:assumed-role/ROLE/SESSION. */
struct vch_str vch_assumed_role_arn(const struct vch_site *site, struct vch_str role, struct vch_str session,
                                    struct vch_arena *arena);

struct vch_arn_parts {
    struct vch_str partition, service, region, account, resource;
};
/* Six fields with "arn" first; MALFORMED else. Views into `arn`. */
enum vch_err vch_arn_parse(struct vch_str arn, struct vch_arn_parts *ret) VCH_MUST;
/* The NAME when `arn` is an iot ARN of exactly this site and type; else false. */
bool vch_arn_name(const struct vch_site *site, const char *type, struct vch_str arn, struct vch_str *ret_name);

#endif
