/*
 * Latent grids to feature rows at half the luma size: each coarser grid is doubled step by step by a learned filter.
 */
#ifndef FFH_NEURAL_UPSAMPLING_H
#define FFH_NEURAL_UPSAMPLING_H

#include "neural/latents.h"

enum { FFH_ROW_MARGIN = 16 };

/* Rows of samples with a margin on both sides for kernels that look and write beyond the width. */
typedef struct ffh_rows {
    int channels;
    int rows;
    int columns;
    ptrdiff_t stride;
    int16_t *memory; /* owned */
} ffh_rows;

/* Returns 0 or FFH_ENOMEM; release with ffh_rows_free. */
int ffh_rows_init(ffh_rows *rows, int channels, int count, int columns);
void ffh_rows_free(ffh_rows *rows);

static inline int16_t *ffh_rows_at(const ffh_rows *rows, int channel, int row)
{
    return rows->memory + ((ptrdiff_t)channel * rows->rows + row) * rows->stride + FFH_ROW_MARGIN;
}

/* Repeats the first and the last sample of a row into its margins, as far as filters reach. */
void ffh_extend_row(int16_t *row, int columns);

typedef struct ffh_pyramid {
    const ffh_latents *latents;
    int16_t taps[FFH_LEVELS - 2][2][FFH_TAPS + 2]; /* [step][phase]; the even phase starts a column earlier */
    int32_t steps[FFH_GRIDS];                      /* a latent unit, with FFH_ACTIVATION_BITS fractional bits */
    ffh_rows coarse;                               /* luma levels 2 to 6, Cb and Cr, at the size of level 2 */
} ffh_pyramid;

/* Doubles everything up to level 2. The latents are borrowed. Returns 0 or FFH_ENOMEM. */
int ffh_pyramid_init(ffh_pyramid *pyramid, const ffh_network *network, const ffh_latents *latents,
                     const int32_t steps[FFH_GRIDS]);
void ffh_pyramid_free(ffh_pyramid *pyramid);

/*
 * Writes one row of luma levels 1 to 6, Cb and Cr at the size of level 1 to out[0] to out[7], and level 0, or
 * zeros, as its four phases to out[8] to out[11]. `scratch` has three rows of half the width at least.
 */
void ffh_pyramid_row(const ffh_pyramid *pyramid, int row, int16_t *const *out, const ffh_rows *scratch);

#endif
