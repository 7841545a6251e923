/* The agent's own files and words: an input is a configuration file, a runtime
 * file, a journal, a proxy file, and a proxy's URL, a NO_PROXY list, a path and an
 * endpoint. */
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/journal.h"
#include "agent/link.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_proxy(enum vch_exit exit, const struct vch_proxy *proxy, const struct vch_outcome *outcome) {
    if (exit == VCH_EXIT_OK && proxy->host.len && (proxy->port < 1 || proxy->port > 65535)) abort();
    if (exit != VCH_EXIT_OK && (exit != VCH_EXIT_CONFIG || proxy->host.len || !outcome->sentence[0])) abort();
}

static void as_document(struct vch_str text, struct vch_arena *arena) {
    struct vch_val *document;
    struct vch_options options;
    struct vch_outcome outcome = {.exit = VCH_EXIT_OK};
    struct vch_runtime runtime;
    struct vch_journal journal = {.own_key = false};
    struct vch_proxy proxy;
    char missing[128];
    if (vch_json_decode(text, NULL, arena, &document, NULL) != VCH_OK) return;
    vch_options_init(&options, arena);
    enum vch_exit exit = vch_options_load(&options, document, &outcome);
    if (exit != VCH_EXIT_OK && exit != VCH_EXIT_CONFIG) abort();
    (void)vch_options_missing(&options, missing, sizeof missing);
    if (strlen(missing) >= sizeof missing) abort();
    vch_runtime_read(document, &runtime);
    if (runtime.completed && (!runtime.cert.len || !runtime.thing_name.len)) abort();
    if (vch_journal_read(document, &journal) && (!journal.token.len || journal.created_ms <= 0)) abort();
    exit = vch_proxy_read(document, &proxy, &outcome);
    check_proxy(exit, &proxy, &outcome);
}

static void as_words(struct vch_str text, struct vch_arena *arena) {
    struct vch_proxy proxy;
    struct vch_outcome outcome = {.exit = VCH_EXIT_OK};
    struct vch_link link;
    struct vch_report report = {.out = stdout, .lowest = VCH_REPORT_ERROR};
    struct vch_str copy = vch_arena_str(arena, text);
    enum vch_exit exit = vch_proxy_parse(text, "HTTPS_PROXY", arena, &proxy, &outcome);
    check_proxy(exit, &proxy, &outcome);
    (void)vch_proxy_is_bypassed(text, VCH_STR("iot.example.org"));
    struct vch_str path = vch_path_expand(text, arena);
    if (path.len > 4000) abort();
    if (!copy.ptr || vch_link_init(&link, &report, copy.ptr, 0, 0, 0, &outcome) != VCH_EXIT_OK) return;
    if (!link.host[0] || link.route_count == 0) abort();
    vch_link_deinit(&link);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct vch_arena *arena = vch_arena_new(4 << 20, true);
    if (!arena) return 0;
    as_document(vch_str_of(data, size), arena);
    as_words(vch_str_of(data, size), arena);
    vch_arena_free(arena);
    return 0;
}
