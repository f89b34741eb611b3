/* The engine's end of the socket: carrel-engine's whole life, or that of a thread in tests. */
#ifndef ENGINE_SERVER_H
#define ENGINE_SERVER_H

/* What carrel-engine exits with where it has no memory left; its client says so. */
#define SERVER_EXIT_MEMORY 12

/*
 * Serve the client at `fd` until it closes its end; closes fd. With `own_process` the process exits
 * at once when the client is gone, whatever it is doing. Returns the exit status.
 */
int server_run(int fd, int own_process);

#endif
