/*
 * A few threads for one task.
 */
#ifndef FFH_UTIL_THREADS_H
#define FFH_UTIL_THREADS_H

enum { FFH_MAX_THREADS = 16 };

/* Calls work(context, i) once for every i below `threads`, at most FFH_MAX_THREADS, on threads of their own where they
 * can be started, and returns when all are done. No call may wait for another of the same task to begin. */
void ffh_run_threads(int threads, void (*work)(void *context, int index), void *context);

#endif
