#define _DEFAULT_SOURCE /* madvise */
#include "neural/maps.h"

#include <stdlib.h>
#include <string.h>
#ifdef __linux__
#include <sys/mman.h>
#endif

#include "util/common.h"

enum { LINE = 64 /* bytes of a cache line */ };
#define HUGE_PAGE ((size_t)1 << 21)

/* Large maps lie on huge pages where there are some: to touch small ones for the first time takes as long as much of
 * the arithmetic. */
static void *allocate(size_t size)
{
    size_t alignment = size >= HUGE_PAGE ? HUGE_PAGE : LINE;

    size = (size + alignment - 1) / alignment * alignment;
    void *memory = aligned_alloc(alignment, size);
#ifdef __linux__
    if (memory && alignment == HUGE_PAGE)
        madvise(memory, size, MADV_HUGEPAGE);
#endif
    return memory;
}

/* What kernels read beyond the columns. */
static void clear_margins(const ffh_maps *maps)
{
    ptrdiff_t before = 2 * FFH_MAP_MARGIN, after = before + 2 * (ptrdiff_t)maps->columns;
    int16_t *at = maps->memory;

    for (ptrdiff_t i = 0; i < (ptrdiff_t)maps->pairs * maps->rows; i++, at += maps->stride) {
        memset(at, 0, (size_t)before * sizeof(*at));
        memset(at + after, 0, (size_t)(maps->stride - after) * sizeof(*at));
    }
}

int ffh_maps_init(ffh_maps *maps, int pairs, int rows, int columns)
{
    size_t aligned = ((size_t)columns + FFH_MAP_ALIGN - 1) / FFH_MAP_ALIGN * FFH_MAP_ALIGN;
    size_t bytes = (aligned + 2 * FFH_MAP_MARGIN) * 2 * sizeof(int16_t);

    /* An odd number of cache lines: rows of all pairs fall into different sets. */
    bytes = ((bytes + LINE - 1) / LINE | 1) * LINE;
    *maps = (ffh_maps){ .pairs = pairs, .rows = rows, .columns = columns };
    maps->stride = (ptrdiff_t)(bytes / sizeof(int16_t));
    maps->memory = allocate((size_t)pairs * (size_t)rows * bytes);
    if (!maps->memory)
        return FFH_ENOMEM;
    clear_margins(maps);
    return 0;
}

void ffh_maps_free(ffh_maps *maps)
{
    free(maps->memory);
    maps->memory = NULL;
}

ffh_maps ffh_maps_view(const ffh_maps *maps, int pairs)
{
    ffh_maps view = *maps;

    view.pairs = pairs;
    return view;
}

void ffh_maps_close_row(const ffh_maps *maps, int row)
{
    for (int pair = 0; pair < maps->pairs; pair++) {
        int16_t *end = ffh_maps_at(maps, pair, row) + 2 * (ptrdiff_t)maps->columns;
        end[0] = end[1] = 0;
    }
}
