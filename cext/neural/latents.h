/*
 * All latents: grids in a pyramid, and patterns. In a grid every latent is predicted from those around it
 * that are decoded before it.
 */
#ifndef FFH_NEURAL_LATENTS_H
#define FFH_NEURAL_LATENTS_H

#include "neural/patterns.h"

enum { FFH_GRID_BORDER = 2 };

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
    ffh_patterns patterns;
} ffh_latents;

/* Level of a grid by its index. */
int ffh_grid_level(int grid);

/* The grid of Cb (0) or Cr (1) at a level. */
int ffh_chroma_grid(int plane, int level);

/* Allocates zeroed latents for a picture of even size; returns 0 or FFH_ENOMEM. Release with ffh_latents_free. */
int ffh_latents_init(ffh_latents *latents, int width, int height, int has_fine);
void ffh_latents_free(ffh_latents *latents);

/*
 * Encodes all grids, coarsest level first, then the patterns, or decodes into them. The network must have passed
 * ffh_network_check; `classes` have FFH_ACTIVATION_BITS fractional bits. Returns 0, FFH_ENOMEM or FFH_EDATA.
 */
int ffh_latents_code(ffh_latent_coder *coder, const ffh_network *network, const int16_t classes[FFH_CLASSES],
                     ffh_latents *latents);

#endif
