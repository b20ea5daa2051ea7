#include "neural/maps.h"

#include <stdlib.h>

#include "util/common.h"

enum { LINE = 64 /* bytes of a cache line */ };

int ffh_maps_init(ffh_maps *maps, int pairs, int rows, int columns)
{
    size_t aligned = ((size_t)columns + FFH_MAP_ALIGN - 1) / FFH_MAP_ALIGN * FFH_MAP_ALIGN;
    size_t bytes = (aligned + 2 * FFH_MAP_MARGIN) * 2 * sizeof(int16_t);

    /* An odd number of cache lines: rows of all pairs fall into different sets. */
    bytes = ((bytes + LINE - 1) / LINE | 1) * LINE;
    *maps = (ffh_maps){ .pairs = pairs, .rows = rows, .columns = columns };
    maps->stride = (ptrdiff_t)(bytes / sizeof(int16_t));
    maps->memory = calloc((size_t)pairs * (size_t)rows * bytes + LINE, 1);
    if (!maps->memory)
        return FFH_ENOMEM;
    maps->at = (int16_t *)(((uintptr_t)maps->memory + LINE - 1) / LINE * LINE);
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
    view.memory = NULL;
    return view;
}

void ffh_maps_close_row(const ffh_maps *maps, int row)
{
    for (int pair = 0; pair < maps->pairs; pair++) {
        int16_t *end = ffh_maps_at(maps, pair, row) + 2 * (ptrdiff_t)maps->columns;
        end[0] = end[1] = 0;
    }
}
