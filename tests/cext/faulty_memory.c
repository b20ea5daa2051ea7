#include "faulty_memory.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>

static atomic_int allocations, threads;
static atomic_int failing_allocation = NEVER, failing_thread = NEVER;
static atomic_long held;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void __real_free(void *memory);
void *__real_mmap(void *address, size_t size, int protection, int flags, int file, off_t offset);
int __real_munmap(void *address, size_t size);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*work)(void *), void *argument);

void faults_begin(int allocation, int thread)
{
    failing_allocation = allocation;
    failing_thread = thread;
    allocations = threads = 0;
}

int faults_allocations(void)
{
    return allocations;
}

int faults_threads(void)
{
    return threads;
}

long faults_held(void)
{
    return held;
}

static int fails(void)
{
    if (atomic_fetch_add(&allocations, 1) != failing_allocation)
        return 0;
    errno = ENOMEM;
    return 1;
}

static void *counted(void *memory)
{
    held += memory != NULL;
    return memory;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : counted(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : counted(__real_calloc(count, size));
}

void *__wrap_realloc(void *memory, size_t size)
{
    if (fails())
        return NULL;
    void *grown = __real_realloc(memory, size);
    return memory ? grown : counted(grown);
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    return fails() ? NULL : counted(__real_aligned_alloc(alignment, size));
}

void __wrap_free(void *memory)
{
    held -= memory != NULL;
    __real_free(memory);
}

void *__wrap_mmap(void *address, size_t size, int protection, int flags, int file, off_t offset)
{
    void *memory = fails() ? MAP_FAILED : __real_mmap(address, size, protection, flags, file, offset);
    if (memory != MAP_FAILED)
        held += (long)size;
    return memory;
}

int __wrap_munmap(void *address, size_t size)
{
    held -= (long)size;
    return __real_munmap(address, size);
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*work)(void *), void *argument)
{
    if (atomic_fetch_add(&threads, 1) == failing_thread)
        return EAGAIN;
    return __real_pthread_create(thread, attributes, work, argument);
}
