/* Warnings travel beside the answer, which stays exactly AWS's. */
#include "api/http_job_priv.h"

enum { HEADER_MAX = 4096, WORDS_MAX = 1024 };

static struct vch_str taken(struct vch_http_job *job, struct vch_buf *buf) {
    struct vch_str text, copy = {NULL, 0};
    if (vch_buf_finish(buf, &text) == VCH_OK && text.len) copy = vch_arena_str(job->arena, text);
    vch_buf_deinit(buf);
    return copy;
}

void vch_http_tell_lint(struct vch_http_job *job) {
    struct vch_buf header, words;
    if (job->lint.count == 0) return;
    vch_buf_init(&header, HEADER_MAX);
    vch_buf_init(&words, WORDS_MAX);
    vch_lint_header(&job->lint, HEADER_MAX, &header);
    for (size_t i = 0; i < job->lint.count && words.len < WORDS_MAX / 2; i++)
        vch_buf_printf(&words, "%s%s %.*s", i ? "; " : "", job->lint.findings[i].rule,
                       VCH_STR_ARG(vch_str_sub(job->lint.findings[i].field, 0, 200)));
    job->lint_header = taken(job, &header);
    job->lint_words = taken(job, &words);
}
