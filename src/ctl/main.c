/* vouch: the command line of a vouch server. */
#include <signal.h>

#include "ctl/run.h"

int main(int argc, char **argv) {
    struct vch_ctl_parsed parsed;
    (void)signal(SIGPIPE, SIG_IGN);
    enum vch_ctl_exit exit = vch_ctl_args_parse(argc, argv, &parsed, stdout, stderr);
    if (exit == VCH_CTL_DONE && parsed.command) exit = vch_ctl_run(&parsed, stdout, stderr);
    return (int)exit;
}
