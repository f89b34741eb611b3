/* A forbidden call ends the process. */
#include "loaders/worker/sandbox.h"

#include <seccomp.h>

uint32_t trap_action(void)
{
	return SCMP_ACT_KILL_PROCESS;
}

void trap_install(void)
{
}

uint64_t trap_max_file_bytes(void)
{
	return 0;
}
