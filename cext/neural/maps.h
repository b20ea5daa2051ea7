/*
 * Feature maps: channels in pairs, so that two lie in one 32-bit lane of the kernels, with zeros around every row.
 */
#ifndef FFH_NEURAL_MAPS_H
#define FFH_NEURAL_MAPS_H

#include <stddef.h>
#include <stdint.h>

enum {
    FFH_MAP_ALIGN = 16, /* kernels write whole groups of so many columns */
    FFH_MAP_MARGIN = 8  /* columns on either side, of which those next to the map are zeros */
};

/* Laid out as [row][pair][column][2]. */
typedef struct ffh_maps {
    int pairs;
    int rows;
    int columns;
    ptrdiff_t stride; /* from pair to pair, in samples */
    int16_t *memory;
    size_t owned; /* bytes of it, 0 where it is borrowed */
} ffh_maps;

/* Maps with memory of their own. Returns 0 or FFH_ENOMEM; release with ffh_maps_free. */
int ffh_maps_init(ffh_maps *maps, int pairs, int rows, int columns);
void ffh_maps_free(ffh_maps *maps);

/* Maps in memory that is borrowed, which begins at a cache line and has so many bytes. */
void ffh_maps_place(ffh_maps *maps, int pairs, int rows, int columns, void *memory);
size_t ffh_maps_bytes(int pairs, int rows, int columns);

/* The same memory, borrowed, for maps of fewer pairs. */
ffh_maps ffh_maps_view(const ffh_maps *maps, int pairs);

static inline int16_t *ffh_maps_at(const ffh_maps *maps, int pair, int row)
{
    return maps->memory + ((ptrdiff_t)row * maps->pairs + pair) * maps->stride + 2 * FFH_MAP_MARGIN;
}

/* Makes the column behind the last one zero again, in all pairs of a row, after a kernel wrote beyond it. */
void ffh_maps_close_row(const ffh_maps *maps, int row);

#endif
