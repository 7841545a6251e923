/* What the files of the hooks process share. One thread. */
#ifndef VCH_DAEMON_HOOKS_PRIV_H
#define VCH_DAEMON_HOOKS_PRIV_H

#include <curl/curl.h>
#include <poll.h>
#include <sys/types.h>

#include "daemon/config.h"
#include "daemon/hooks_wire.h"

struct vch_hooks_group;

/* How many processes a program may have. USER: all programs of the user together. */
enum vch_hooks_bound { VCH_HOOKS_BOUND_NONE, VCH_HOOKS_BOUND_USER, VCH_HOOKS_BOUND_APART };

enum vch_hooks_state { VCH_HOOKS_QUEUED, VCH_HOOKS_RUNNING, VCH_HOOKS_DYING /* answered; its program is not gone yet */ };

/* An order on its way. Waits in its group's queue, then stands in the list of what runs. */
struct vch_hooks_job {
    struct vch_hooks_job *next, **link;
    struct vch_hooks_group *group;
    enum vch_hooks_state state;
    uint64_t tag;
    int64_t begun_us, deadline_ms;
    char *datagram; /* owned, wiped */
    size_t datagram_len;
    struct vch_hook_order order; /* views into it */
    struct vch_buf answer;
    /* https */
    CURL *easy;
    struct curl_slist *headers;
    /* programs; -1: closed or none */
    pid_t pid;                   /* its own, or that of its namespace's first */
    int pidfd, in, out, err;
    int report;                  /* where the first process tells how the program ended */
    size_t written;
    char said[VCH_HOOK_SAID_MAX]; /* what it wrote to standard error first, as it came */
    size_t said_len;
    size_t poll_at; /* its first place in the poll, of VCH_HOOKS_PLACES */
};

enum { VCH_HOOKS_PLACES = 4 };

struct vch_hooks_process {
    int fd;
    const struct vch_config *config;
    uid_t owner; /* who started the server */
    CURLM *multi;
    char **folders; /* resolved, with a '/' at the end */
    size_t folder_count;
    struct vch_hooks_group *groups;
    struct vch_hooks_job *running; /* and dying */
    enum vch_hooks_bound bound;
    int64_t processes; /* of a program; of all with BOUND_USER */
    int64_t started_us; /* the last program */
    bool held;          /* the next one waits for its time */
    int64_t looked_ms; /* for what programs left behind */
    size_t counts[VCH_HOOK_KIND_COUNT], limits[VCH_HOOK_KIND_COUNT]; /* that run, and may */
};

/* hooks_http.c. `ended` of a call that could not begin is not VCH_HOOK_ANSWERED. */
enum vch_hook_end vch_hooks_http_start(struct vch_hooks_process *p, struct vch_hooks_job *job);
/* A job whose call has ended, how, and its status; NULL when there is none. */
struct vch_hooks_job *vch_hooks_http_ended(struct vch_hooks_process *p, enum vch_hook_end *ret_end, int64_t *ret_code);
void vch_hooks_http_stop(struct vch_hooks_process *p, struct vch_hooks_job *job);

/* hooks_program.c */
enum vch_err vch_hooks_folders_open(struct vch_hooks_process *p);
void vch_hooks_folders_close(struct vch_hooks_process *p);
enum vch_hook_end vch_hooks_program_start(struct vch_hooks_process *p, struct vch_hooks_job *job);
/* Feeds, listens, notices the end; `events` are those of its places. True when it is over. */
bool vch_hooks_program_step(struct vch_hooks_job *job, const struct curl_waitfd events[VCH_HOOKS_PLACES], enum vch_hook_end *ret_end,
                            int64_t *ret_code);
void vch_hooks_program_kill(struct vch_hooks_job *job); /* with its group, or all of its namespace; it still has to be waited for */
bool vch_hooks_program_gone(struct vch_hooks_job *job); /* reaps; closes what is open */

/* hooks_pace.c */
/* Whether one more may be started now; false: ask again in a millisecond. */
bool vch_hooks_pace(struct vch_hooks_process *p);

/* hooks_tree.c */
/* Finds out what this system allows; logs what is bounded and what is not. After the jail is closed. */
void vch_hooks_bound_choose(struct vch_hooks_process *p, bool own_user);
/* fork; with BOUND_APART the child is the first of a namespace of its own, and calls be_first. In the child, only what is
 * safe between fork and exec. */
pid_t vch_hooks_fork(const struct vch_hooks_process *p);
/* Returns in the process that is to become the program, 0; the first itself waits for it, tells its status and ends, and
 * all that is left in the namespace ends with it. */
pid_t vch_hooks_be_first(int report);
bool vch_hooks_read_report(int fd, int *ret_status);
void vch_hooks_limit_processes(enum vch_hooks_bound bound, int64_t count); /* of the caller's program */
/* Whom programs left behind becomes a child of this process: what is in the group of no program that runs is ended, and
 * what it made meanwhile. */
void vch_hooks_strays_adopt(void);
void vch_hooks_strays_end(const struct vch_hooks_process *p);

#endif
