/*
 * The engine on a thread of this process, behind the same messages: for tests under sanitizers. A
 * crash takes the whole program down, which is why carrel itself never uses it.
 */
#ifndef ENGINE_ENGINE_THREAD_H
#define ENGINE_ENGINE_THREAD_H

#include "engine/engine.h"

int engine_open_thread(struct engine **out, const struct engine_config *config, struct err *err);

#endif
