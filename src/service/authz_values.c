/* What policy variables and condition keys stand for.
 * Source: AWS IoT "Policy variables", "Connect policy examples". */
#include <string.h>

#include "base/clock.h"
#include "service/authz_priv.h"

/* AWS IoT "X.509 certificate policy variable limitations". */
enum { CERTIFICATE_LIST_MAX = 5, CERTIFICATE_VALUE_MAX = 1024 };
#define CERTIFICATE VCH_STR("iot:Certificate.")

static void one(struct vch_policy_values *ret, struct vch_str value) {
    if (!value.ptr) return;
    ret->value[0] = value;
    ret->count = 1;
}

/* A value with a wildcard of MQTT or of policies stays unsubstituted, so that a
 * client id of "+" opens no filter. */
static bool substitutable(struct vch_str value) {
    for (size_t i = 0; i < value.len; i++)
        if (value.ptr[i] == '+' || value.ptr[i] == '#' || value.ptr[i] == '*' || value.ptr[i] == '?' || value.ptr[i] == '$')
            return false;
    return value.len > 0;
}

/* ---- the connection ---- */

static void look_client_id(struct vch_authz_answering *a, struct vch_str rest, struct vch_policy_values *ret) {
    (void)rest;
    if (substitutable(a->ask->client_id)) one(ret, a->ask->client_id);
}

static void look_source_ip(struct vch_authz_answering *a, struct vch_str rest, struct vch_policy_values *ret) {
    (void)rest;
    if (a->ask->source_ip.len) one(ret, a->ask->source_ip);
}

static void look_time(struct vch_authz_answering *a, struct vch_str rest, struct vch_policy_values *ret) {
    (void)rest;
    vch_time_iso(vch_now_ms(), a->time);
    one(ret, vch_str_from(a->time));
}

static void look_secure(struct vch_authz_answering *a, struct vch_str rest, struct vch_policy_values *ret) {
    (void)a;
    (void)rest;
    one(ret, VCH_STR("true"));
}

static void look_connect_attributes(struct vch_authz_answering *a, struct vch_str rest, struct vch_policy_values *ret) {
    (void)rest;
    if (!a->ask->connecting) return;
    ret->defined_empty = true;
    if (a->ask->persistent) ret->value[ret->count++] = VCH_STR("PersistentConnect");
    if (a->ask->will_topic.len) ret->value[ret->count++] = VCH_STR("LastWill");
}

/* By hand: this stands before every decision on a packet, and printf costs as much as the decision. */
size_t vch_authz_arn(char out[VCH_AUTHZ_ARN_MAX], const struct vch_site *site, const char *type, struct vch_str name) {
    const struct vch_str parts[] = {VCH_STR("arn:"), site->partition, VCH_STR(":iot:"), site->region,
                                    VCH_STR(":"),    site->account,   VCH_STR(":"),     vch_str_from(type),
                                    VCH_STR("/"),    name};
    size_t len = 0;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (parts[i].len >= VCH_AUTHZ_ARN_MAX - len) return 0;
        if (parts[i].len) memcpy(out + len, parts[i].ptr, parts[i].len);
        len += parts[i].len;
    }
    return len;
}

static void look_will_topic(struct vch_authz_answering *a, struct vch_str rest, struct vch_policy_values *ret) {
    (void)rest;
    if (!a->ask->will_topic.len) return;
    size_t len = vch_authz_arn(a->arn, a->ask->site, "topic", a->ask->will_topic);
    if (len) one(ret, vch_str_of(a->arn, len));
}

/* ---- the thing ---- */

static void look_thing_name(struct vch_authz_answering *a, struct vch_str rest, struct vch_policy_values *ret) {
    (void)rest;
    if (a->ask->authz->thing) one(ret, a->ask->authz->thing->items[0].name);
}

static void look_thing_type(struct vch_authz_answering *a, struct vch_str rest, struct vch_policy_values *ret) {
    (void)rest;
    const struct vch_authz_table *thing = a->ask->authz->thing;
    if (thing && thing->items[0].value.len) one(ret, thing->items[0].value);
}

static void look_attached(struct vch_authz_answering *a, struct vch_str rest, struct vch_policy_values *ret) {
    (void)rest;
    one(ret, a->ask->authz->thing ? VCH_STR("true") : VCH_STR("false"));
}

/* "…Attributes[name]"; the name in its own case. */
static void look_attribute(struct vch_authz_answering *a, struct vch_str rest, struct vch_policy_values *ret) {
    const struct vch_authz_table *attributes = a->ask->authz->attributes;
    if (!attributes || rest.len < 2 || rest.ptr[rest.len - 1] != ']') return;
    struct vch_str name = vch_str_sub(rest, 0, rest.len - 1);
    for (size_t i = 0; i < attributes->count; i++)
        if (vch_str_eq(attributes->items[i].name, name) && substitutable(attributes->items[i].value))
            one(ret, attributes->items[i].value);
}

/* ---- the certificate ---- */

static void look_certificate_id(struct vch_authz_answering *a, struct vch_str rest, struct vch_policy_values *ret) {
    (void)rest;
    if (a->ask->certificate_id.len) one(ret, a->ask->certificate_id);
}

/* Names of all variables that have a value, each once. */
static void list_available(const struct vch_authz_table *table, struct vch_policy_values *ret) {
    for (size_t i = 0; i < table->count && ret->count < VCH_POLICY_VALUES_MAX; i++) {
        size_t k = 0;
        while (k < ret->count && !vch_str_eq(ret->value[k], table->items[i].name)) k++;
        if (k == ret->count) ret->value[ret->count++] = table->items[i].name;
    }
}

static void list_values(const struct vch_authz_table *table, struct vch_str name, struct vch_policy_values *ret) {
    for (size_t i = 0; i < table->count && ret->count < CERTIFICATE_LIST_MAX; i++)
        if (vch_str_ieq(vch_str_sub(table->items[i].name, CERTIFICATE.len, SIZE_MAX), name)) ret->value[ret->count++] = table->items[i].value;
}

/* Takes ".2" or ".List" off the end. ".1" is the second value: AWS counts from
 * one and calls the first by the bare name. */
static bool take_index(struct vch_str *name, bool *ret_list, size_t *ret_index) {
    size_t dot = name->len;
    int64_t number = 0;
    while (dot > 0 && name->ptr[dot - 1] != '.') dot--;
    struct vch_str last = vch_str_sub(*name, dot, SIZE_MAX);
    *ret_list = vch_str_ieq(last, VCH_STR("List"));
    if (dot == 0 || (!*ret_list && vch_str_int(last, &number) != VCH_OK)) return true;
    if (number < 0 || number >= CERTIFICATE_LIST_MAX) return false;
    *ret_index = (size_t)number;
    name->len = dot - 1;
    return true;
}

/* "…Subject.CommonName", "….1", "….List". In a list values stand as they are:
 * one that went missing would let ForAllValues pass. */
static void look_certificate(struct vch_authz_answering *a, struct vch_str rest, struct vch_policy_values *ret) {
    const struct vch_authz_table *table = a->ask->authz->certificate;
    struct vch_policy_values all = {.count = 0};
    size_t index = 0;
    bool list = false;
    if (!table) return;
    if (vch_str_ieq(rest, VCH_STR("AvailableKeys"))) {
        list_available(table, ret);
        return;
    }
    if (!take_index(&rest, &list, &index)) return;
    list_values(table, rest, list ? ret : &all);
    if (list || index >= all.count) return;
    if (all.value[index].len <= CERTIFICATE_VALUE_MAX && substitutable(all.value[index])) one(ret, all.value[index]);
}

/* ---- the table ---- */

/* A name that ends with '[' or '.' is a prefix. */
static const struct {
    struct vch_str name;
    void (*look)(struct vch_authz_answering *a, struct vch_str rest, struct vch_policy_values *ret);
} variables[] = {
#define ROW(text, look) {{text, sizeof text - 1}, look}
    ROW("iot:ClientId", look_client_id),
    ROW("iot:Connection.Thing.ThingName", look_thing_name),
    ROW("iot:Connection.Thing.ThingTypeName", look_thing_type),
    ROW("iot:Connection.Thing.IsAttached", look_attached),
    ROW("iot:Connection.Thing.Attributes[", look_attribute),
    ROW("iot:CertificateId", look_certificate_id),
    ROW("iot:Certificate.", look_certificate),
    ROW("iot:ConnectAttributes", look_connect_attributes),
    ROW("iot:LastWillTopic", look_will_topic),
    ROW("aws:SourceIp", look_source_ip),
    ROW("iot:SourceIp", look_source_ip),
    ROW("aws:CurrentTime", look_time),
    ROW("aws:SecureTransport", look_secure),
#undef ROW
};

void vch_authz_lookup(void *answering, struct vch_str name, struct vch_policy_values *ret) {
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
        struct vch_str known = variables[i].name;
        char last = known.ptr[known.len - 1];
        bool prefix = last == '[' || last == '.';
        if (prefix ? name.len < known.len : name.len != known.len) continue;
        if (!vch_str_ieq(vch_str_sub(name, 0, known.len), known)) continue;
        variables[i].look(answering, vch_str_sub(name, known.len, SIZE_MAX), ret);
        return;
    }
}
