#include "fleet/causes.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Runs of digits become one '#', but three digits stay: status codes. */
static void generalize(char *text) {
    char *to = text;
    for (const char *from = text; *from;) {
        size_t digits = strspn(from, "0123456789");
        if (digits > 3) {
            *to++ = '#';
            from += digits;
            continue;
        }
        size_t len = digits ? digits : 1;
        for (size_t i = 0; i < len; i++, from++) *to++ = (unsigned char)*from < 0x20 ? ' ' : *from;
    }
    *to = '\0';
}

static size_t find(struct vch_causes *causes, const char *text) {
    for (size_t i = 0; i < causes->count; i++)
        if (strcmp(causes->rows[i].text, text) == 0) return i;
    if (causes->count == VCH_CAUSES_MAX) return VCH_CAUSES_MAX - 1;
    if (causes->count == VCH_CAUSES_MAX - 1) text = "other";
    (void)snprintf(causes->rows[causes->count].text, VCH_CAUSE_TEXT, "%s", text);
    return causes->count++;
}

void vch_causes_add(struct vch_causes *causes, const char *fmt, ...) {
    char text[VCH_CAUSE_TEXT];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    generalize(text);
    (void)pthread_mutex_lock(&causes->lock);
    causes->rows[find(causes, text)].count++;
    (void)pthread_mutex_unlock(&causes->lock);
}

uint64_t vch_causes_total(struct vch_causes *causes) {
    uint64_t total = 0;
    (void)pthread_mutex_lock(&causes->lock);
    for (size_t i = 0; i < causes->count; i++) total += causes->rows[i].count;
    (void)pthread_mutex_unlock(&causes->lock);
    return total;
}
