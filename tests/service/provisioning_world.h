/* A registry, a signer and the workshop's policies and template, for tests of
 * use cases: everything real but the protocols. */
#ifndef TESTS_SERVICE_PROVISIONING_WORLD_H
#define TESTS_SERVICE_PROVISIONING_WORLD_H

#include "support/cmocka_all.h"

#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "pki/init.h"
#include "service/authz.h"
#include "service/call.h"
#include "support/folder.h"
#include "support/signer_child.h"

struct world {
    char folder[64];
    pid_t signer_pid;
    struct vch_service service;
    struct vch_arena *arena;
    struct vch_diag diag;
    struct vch_val *out;
    int64_t now_ms;
};

static inline char *world_file(const char *name) {
    char path[512];
    (void)snprintf(path, sizeof path, "%s/examples/workshop/%s", VOUCH_SOURCE_DIR, name);
    struct vch_buf buf;
    struct vch_str text;
    vch_buf_init(&buf, 65536);
    assert_int_equal(vch_file_read(path, &buf, NULL), VCH_OK);
    assert_int_equal(vch_buf_finish(&buf, &text), VCH_OK);
    char *copy = strdup(text.ptr);
    vch_buf_deinit(&buf);
    return copy;
}

/* Runs a use case on JSON input; the output is in w->out until the next call. */
static inline enum vch_err world_call(struct world *w, vch_use_case *run, struct vch_caller caller, const char *json) {
    vch_arena_free(w->arena);
    w->arena = vch_arena_new(4 << 20, true);
    vch_diag_clear(&w->diag);
    struct vch_val *in;
    assert_int_equal(vch_json_decode(vch_str_from(json), NULL, w->arena, &in, NULL), VCH_OK);
    w->out = vch_val_new_map(w->arena);
    struct vch_call call = {.service = &w->service, .arena = w->arena, .caller = caller, .now_ms = w->now_ms, .in = in,
                            .raw = vch_str_from(json), .out = w->out, .diag = &w->diag};
    return run(&call);
}

static inline struct vch_caller world_admin(void) {
    return (struct vch_caller){.kind = VCH_CALLER_USER, .arn = VCH_STR("arn:aws:iam::123456789012:user/admin"), .user_name = VCH_STR("admin"),
                               .source_ip = VCH_STR("127.0.0.1")};
}

static inline struct vch_caller world_claim(const char *id, const char *template_name) {
    return (struct vch_caller){.kind = VCH_CALLER_CLAIM, .certificate_id = vch_str_from(id), .template_name = vch_str_from(template_name),
                               .source_ip = VCH_STR("127.0.0.1"), .client_id = VCH_STR("dev")};
}

/* A document as the member of a JSON object: {"name": "...", more}. */
static inline void world_put(struct world *w, vch_use_case *run, const char *member, const char *document, const char *more) {
    struct vch_buf buf;
    struct vch_str json;
    vch_buf_init(&buf, 65536);
    vch_buf_printf(&buf, "{%s,\"%s\":", more, member);
    vch_json_encode_str(vch_str_from(document), &buf);
    vch_buf_c(&buf, "}");
    assert_int_equal(vch_buf_finish(&buf, &json), VCH_OK);
    assert_int_equal(world_call(w, run, world_admin(), json.ptr), VCH_OK);
    vch_buf_deinit(&buf);
}

static inline void world_workshop(struct world *w) {
    char *policy = world_file("pubsub-policy.json");
    char *template = world_file("TrustedUserProvisioningTemplate.json");
    world_put(w, vch_uc_create_policy, "policyDocument", policy, "\"policyName\":\"pubsub\"");
    world_put(w, vch_uc_create_provisioning_template, "templateBody", template,
              "\"templateName\":\"T\",\"enabled\":true,\"provisioningRoleArn\":\"arn:aws:iam::123456789012:role/IoTFleetProvisioningRole\"");
    free(policy);
    free(template);
}

static inline int world_open(void **state) {
    struct world *w = calloc(1, sizeof *w);
    folder_make(w->folder);
    w->now_ms = vch_now_ms();
    assert_int_equal(vch_pki_prepare(w->folder, NULL, 0, &w->diag), VCH_OK);
    int fd;
    w->signer_pid = signer_child_start(w->folder, true, &fd);
    assert_int_equal(vch_signer_connect(fd, &w->service.signer), VCH_OK);
    char url[128];
    (void)snprintf(url, sizeof url, "sqlite:%s/registry.db", w->folder);
    struct vch_store_options options = {.url = url};
    assert_int_equal(vch_store_open(&options, &w->service.store, &w->diag), VCH_OK);
    assert_int_equal(vch_key_pool_new(VCH_KEY_EC_P256, 0, &w->service.keys), VCH_OK);
    assert_int_equal(vch_policy_cache_new(&w->service.policies), VCH_OK);
    w->service.site = (struct vch_site){VCH_STR("aws"), VCH_STR("us-east-1"), VCH_STR("123456789012")};
    w->service.endpoint_host = VCH_STR("localhost");
    world_workshop(w);
    *state = w;
    return 0;
}

static inline int world_close(void **state) {
    struct world *w = *state;
    vch_arena_free(w->arena);
    vch_policy_cache_free(w->service.policies);
    vch_key_pool_free(w->service.keys);
    vch_store_close(w->service.store);
    vch_signer_close(w->service.signer);
    assert_int_equal(signer_child_wait(w->signer_pid), 0);
    folder_remove(w->folder);
    free(w);
    return 0;
}

#endif
