/*
 * Large blocks of memory for a short time: on huge pages where there are some, since to touch small ones for the first
 * time may take as long as the work on them, and given back to the system at once.
 */
#ifndef FFH_UTIL_PAGES_H
#define FFH_UTIL_PAGES_H

#include <stddef.h>

enum { FFH_LINE = 64 /* bytes of a cache line, which blocks begin at */ };

/* Returns NULL if there is no memory; release it with ffh_pages_free, which takes NULL, and the same size. */
void *ffh_pages_allocate(size_t size);
void ffh_pages_free(void *memory, size_t size);

#endif
