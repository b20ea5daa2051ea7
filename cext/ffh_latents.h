/*
 * Latent grids and their causal entropy model: from what is decoded before it, a small network predicts a Laplace
 * distribution for every latent; a table turns that into intervals of the range coder.
 */
#ifndef FFH_LATENTS_H
#define FFH_LATENTS_H

#include "ffh_network.h"

enum {
    FFH_MAX_LATENT = 127,
    FFH_SCALES = 64,
    FFH_MEAN_STEPS = 16, /* means a latent unit */
    FFH_SYMBOLS = 32,    /* latents -16 to 15 around the mean, the escape after them */
    FFH_INTERVALS = FFH_SYMBOLS + 1,
    FFH_GRID_BORDER = 2
};

/* A grid with a border of zeros; `at` is its first latent. Level k has one latent for 2^k x 2^k luma samples. */
typedef struct ffh_grid {
    int rows;
    int columns;
    ptrdiff_t stride;
    int8_t *at;
    int8_t *memory; /* owned */
} ffh_grid;

/* Luma levels 0 to 6, Cb levels 2 to 6, Cr levels 2 to 6. Level 0 may have no memory: it is absent then. */
typedef struct ffh_latents {
    ffh_grid grids[FFH_GRIDS];
} ffh_latents;

/* Level of a grid by its index. */
int ffh_grid_level(int grid);

/* The grid of Cb (0) or Cr (1) at a level. */
int ffh_chroma_grid(int plane, int level);

/* Allocates zeroed grids for a picture of even size; returns 0 or FFH_ENOMEM. Release with ffh_latents_free. */
int ffh_latents_init(ffh_latents *latents, int width, int height, int has_fine);
void ffh_latents_free(ffh_latents *latents);

typedef struct ffh_entropy_model {
    ffh_dense first;
    ffh_dense second;
    int32_t bias1[FFH_KINDS][FFH_ARM_HIDDEN];
    int32_t bias2[FFH_ARM_HIDDEN];
    int16_t last[2][FFH_ARM_HIDDEN + FFH_CONTEXT];
    int32_t bias3[2];
    int16_t rate_class; /* the last context value */
    uint16_t cumulative[FFH_SCALES][FFH_MEAN_STEPS][FFH_INTERVALS];
} ffh_entropy_model;

/* The network must have passed ffh_network_check. `rate_class` has FFH_ACTIVATION_BITS fractional bits. */
void ffh_entropy_model_init(ffh_entropy_model *model, const ffh_network *network, int16_t rate_class);

/* Encodes all grids, coarsest level first, or decodes into them. Returns 0 or FFH_EDATA. */
int ffh_latents_code(ffh_range *r, const ffh_entropy_model *model, ffh_latents *latents);

/* round(2^32 exp(-1 / (32 b))) for the scales b = exp(-3 + i / 8) */
extern const uint32_t ffh_laplace_decay[FFH_SCALES];

#endif
