/* A claim bundle as it was handed over. What is taken has a certificate that
 * fits its key, and settings that are terminated. */
#include <stdlib.h>
#include <string.h>

#include "agent/bundle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_settings(const struct vch_options *options) {
    for (int i = 0; i < VCH_OPT_COUNT; i++) {
        struct vch_str text = options->settings[i].text;
        if (text.ptr && text.ptr[text.len] != '\0') abort();
    }
}

static void check_credentials(const struct vch_credentials *c) {
    struct vch_str certificate = vch_str_of(c->certificate.ptr, c->certificate.len);
    if (vch_x509_check_pair(certificate, vch_str_of(c->key.ptr, c->key.len)) != VCH_OK) abort();
    if (c->validity.id[64] != '\0') abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct vch_options options;
    struct vch_credentials credentials;
    struct vch_bundle bundle;
    struct vch_outcome outcome = {.exit = VCH_EXIT_OK};
    struct vch_arena *arena = vch_arena_new(1 << 20, true);
    if (!arena) return 0;
    vch_options_init(&options, arena);
    vch_credentials_init(&credentials);
    enum vch_exit exit =
        vch_bundle_read(vch_str_of(data, size), "bundle.json", &options, &credentials, &bundle, &outcome);
    check_settings(&options);
    if (exit == VCH_EXIT_OK) check_credentials(&credentials);
    if (exit != VCH_EXIT_OK && (exit != VCH_EXIT_CREDENTIALS || !outcome.sentence[0] || !outcome.next[0])) abort();
    if (bundle.edge_port < 0 || bundle.edge_port > 65535 || bundle.mqtt_port < 0 || bundle.mqtt_port > 65535) abort();
    vch_credentials_deinit(&credentials);
    vch_arena_free(arena);
    return 0;
}
