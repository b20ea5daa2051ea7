/*
 * Allocations and threads of the C core that fail on demand, and what of memory is held; linked with
 *
 *     -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=aligned_alloc,--wrap=free,--wrap=mmap,--wrap=munmap
 *     -Wl,--wrap=pthread_create
 */
#ifndef FAULTY_MEMORY_H
#define FAULTY_MEMORY_H

enum { NEVER = -1 };

/* Begins to count from 0; the allocation and the thread of these numbers fail. */
void faults_begin(int allocation, int thread);

int faults_allocations(void); /* asked for since */
int faults_threads(void);

/* Blocks and bytes of pages that are held, whenever they were asked for. */
long faults_held(void);

#endif
