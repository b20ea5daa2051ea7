#include "neural/maps.h"

#include <string.h>

#include "util/common.h"
#include "util/pages.h"

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

/* From pair to pair: an odd number of cache lines, so that rows of all pairs fall into different sets. */
static size_t stride_of(int columns)
{
    size_t aligned = ((size_t)columns + FFH_MAP_ALIGN - 1) / FFH_MAP_ALIGN * FFH_MAP_ALIGN;
    size_t bytes = (aligned + 2 * FFH_MAP_MARGIN) * 2 * sizeof(int16_t);

    return ((bytes + FFH_LINE - 1) / FFH_LINE | 1) * FFH_LINE / sizeof(int16_t);
}

size_t ffh_maps_bytes(int pairs, int rows, int columns)
{
    return (size_t)pairs * (size_t)rows * stride_of(columns) * sizeof(int16_t);
}

void ffh_maps_place(ffh_maps *maps, int pairs, int rows, int columns, void *memory)
{
    *maps = (ffh_maps){ pairs, rows, columns, (ptrdiff_t)stride_of(columns), memory, 0 };
    clear_margins(maps);
}

int ffh_maps_init(ffh_maps *maps, int pairs, int rows, int columns)
{
    size_t bytes = ffh_maps_bytes(pairs, rows, columns);
    void *memory = ffh_pages_allocate(bytes);

    *maps = (ffh_maps){ 0 };
    if (!memory)
        return FFH_ENOMEM;
    ffh_maps_place(maps, pairs, rows, columns, memory);
    maps->owned = bytes;
    return 0;
}

void ffh_maps_free(ffh_maps *maps)
{
    ffh_pages_free(maps->memory, maps->owned);
    *maps = (ffh_maps){ 0 };
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
