#include "agent/pair_device.h"

#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "core/names.h"

enum { SOURCE_MAX = 512 };

bool vch_pair_text_is_fit(struct vch_str text) {
    return text.len > 0 && text.len <= VCH_PAIR_TEXT_MAX && vch_text_seen(text, VCH_PAIR_TEXT_MAX);
}

/* Boards whose maker left the field as it came. */
static bool is_placeholder(struct vch_str text) {
    static const char *const words[] = {"0",
                                        "none",
                                        "default string",
                                        "not specified",
                                        "system serial number",
                                        "to be filled by o.e.m.",
                                        "system product name"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (vch_str_ieq(text, vch_str_from(words[i]))) return true;
    return false;
}

/* The device tree's texts end with a zero, DMI's with a newline. */
static struct vch_str read_source(const char *root, const char *name, struct vch_arena *arena) {
    char path[1024];
    struct vch_buf buf;
    struct vch_str found = VCH_STR("");
    (void)snprintf(path, sizeof path, "%s%s", root, name);
    vch_buf_init(&buf, SOURCE_MAX);
    if (vch_file_read(path, &buf, NULL) == VCH_OK) {
        struct vch_str text = vch_str_of(buf.ptr, buf.len);
        text = vch_str_trim(vch_str_sub(text, 0, vch_str_find(text, '\0', 0)));
        if (vch_pair_text_is_fit(text) && !is_placeholder(text)) found = vch_arena_str(arena, text);
    }
    vch_buf_deinit(&buf);
    return found.ptr ? found : VCH_STR("");
}

static struct vch_str first_of(const char *root, const char *const *names, struct vch_arena *arena) {
    struct vch_str found = VCH_STR("");
    for (; *names && found.len == 0; names++) found = read_source(root, *names, arena);
    return found;
}

struct vch_str vch_pair_serial(const char *root, struct vch_arena *arena) {
    static const char *const names[] = {"/sys/firmware/devicetree/base/serial-number",
                                        "/sys/class/dmi/id/product_serial", NULL};
    char host[VCH_PAIR_TEXT_MAX];
    struct vch_str found = first_of(root, names, arena);
    if (found.len) return found;
    if (gethostname(host, sizeof host) == 0 && vch_pair_text_is_fit(vch_str_from(host)))
        found = vch_arena_str(arena, vch_str_from(host));
    return found.len ? found : VCH_STR("unknown");
}

struct vch_str vch_pair_model(const char *root, struct vch_arena *arena) {
    static const char *const names[] = {"/sys/firmware/devicetree/base/model", "/sys/class/dmi/id/product_name", NULL};
    return first_of(root, names, arena);
}
