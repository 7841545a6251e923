/* RFC 6265 4.2.1: name=value pairs, '; ' between. */
#include "api/browser_priv.h"

/* Counts those of the name in one header. */
static size_t find(struct vch_str header, struct vch_str name, struct vch_str *ret) {
    struct vch_str part;
    size_t count = 0;
    while (vch_str_split(&header, ';', &part)) {
        size_t equals = vch_str_find(part, '=', 0);
        if (equals == SIZE_MAX || !vch_str_eq(vch_str_trim(vch_str_sub(part, 0, equals)), name)) continue;
        *ret = vch_str_trim(vch_str_sub(part, equals + 1, SIZE_MAX));
        count++;
    }
    return count;
}

struct vch_str vch_cookie_get(const struct vch_http_request *request, const char *name) {
    struct vch_str value = {NULL, 0};
    size_t count = 0;
    for (size_t i = 0; i < request->header_count; i++)
        if (vch_str_ieq(request->headers[i].name, VCH_STR("cookie")))
            count += find(request->headers[i].value, vch_str_from(name), &value);
    return count == 1 ? value : (struct vch_str){NULL, 0};
}
