#define _DEFAULT_SOURCE /* MAP_ANONYMOUS, madvise */
#include "util/pages.h"

#include <stdint.h>
#include <stdlib.h>

static size_t rounded_up(size_t size, size_t unit)
{
    return (size + unit - 1) / unit * unit;
}

#ifdef __linux__
#include <sys/mman.h>

static const size_t huge_page = (size_t)1 << 21;

/* Whole huge pages: more is mapped, and what is not needed at either end unmapped. */
static void *map_pages(size_t size)
{
    size_t needed = rounded_up(size, huge_page), mapped = needed + huge_page;
    uint8_t *memory = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED)
        return NULL;
    size_t before = rounded_up((uintptr_t)memory, huge_page) - (uintptr_t)memory;
    if (before)
        munmap(memory, before);
    munmap(memory + before + needed, huge_page - before);
    madvise(memory + before, needed, MADV_HUGEPAGE);
    return memory + before;
}

void *ffh_pages_allocate(size_t size)
{
    return size >= huge_page ? map_pages(size) : aligned_alloc(FFH_LINE, rounded_up(size, FFH_LINE));
}

void ffh_pages_free(void *memory, size_t size)
{
    if (memory && size >= huge_page)
        munmap(memory, rounded_up(size, huge_page));
    else
        free(memory);
}
#else
void *ffh_pages_allocate(size_t size)
{
    return aligned_alloc(FFH_LINE, rounded_up(size, FFH_LINE));
}

void ffh_pages_free(void *memory, size_t size)
{
    (void)size;
    free(memory);
}
#endif
