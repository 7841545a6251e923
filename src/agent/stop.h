/* SIGTERM, SIGINT and SIGUSR1, taken in order: they are blocked but while waiting here,
 * so that nothing else is interrupted. */
#ifndef VCH_AGENT_STOP_H
#define VCH_AGENT_STOP_H

#include <stdbool.h>
#include <stdint.h>

void vch_stop_init(void);
bool vch_stop_asked(void);
/* SIGUSR1 came since the last call. */
bool vch_stop_renewal_asked(void);
/* Sleeps; true when asked to stop meanwhile. */
bool vch_stop_wait(int64_t wait_ms);
/* Sleeps until `fd` may be read, for at most that long; true when asked to stop. */
bool vch_stop_wait_fd(int fd, int64_t wait_ms);

#endif
