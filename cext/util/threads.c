#include "util/threads.h"

#include <pthread.h>

typedef struct call {
    void (*work)(void *, int);
    void *context;
    int index;
} call;

static void *run_call(void *argument)
{
    call *c = argument;
    c->work(c->context, c->index);
    return NULL;
}

void ffh_run_threads(int threads, void (*work)(void *, int), void *context)
{
    pthread_t started[FFH_MAX_THREADS];
    call calls[FFH_MAX_THREADS];
    int is_started[FFH_MAX_THREADS] = { 0 };

    if (threads > FFH_MAX_THREADS)
        threads = FFH_MAX_THREADS;
    for (int i = 0; i < threads; i++)
        calls[i] = (call){ work, context, i };
    for (int i = 1; i < threads; i++)
        is_started[i] = pthread_create(&started[i], NULL, run_call, &calls[i]) == 0;
    for (int i = 0; i < threads; i++)
        if (!is_started[i])
            run_call(&calls[i]);
    for (int i = 1; i < threads; i++)
        if (is_started[i])
            pthread_join(started[i], NULL);
}
