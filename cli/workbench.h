/*
 * carrel on a terminal: the workbench (tui/tui.h), and what its desk (session/desk.h) asks of the
 * command line's side: which session, which engine, what the options say. From the desk's thread
 * nothing is printed and no Ctrl-C is looked at: messages go to the log, stops come with a watch.
 */
#ifndef CLI_WORKBENCH_H
#define CLI_WORKBENCH_H

#include "cli/options.h"

/* Whether it opens: standard input and output are a terminal that can show it, and nobody wants lines. */
int workbench_is_wanted(const struct options *options);
int workbench_run(struct options *options, struct err *err);

#endif
