/*
 * Patterns: at places 16 luma samples apart, amplitudes of 64 built-in pictures twice as wide and high, which reach
 * into all six planes of 2x2 luma blocks and overlap, as the functions of a lapped transform do.
 */
#ifndef FFH_NEURAL_PATTERNS_H
#define FFH_NEURAL_PATTERNS_H

#include "neural/entropy.h"

/* Amplitudes [row][column][pattern]; a place (row, column) reaches FFH_PATTERN_STRIDE blocks to every side of it. */
typedef struct ffh_patterns {
    int rows;
    int columns;
    int8_t *at; /* owned */
} ffh_patterns;

/* Allocates zeros for a picture of so many 2x2 blocks; returns 0 or FFH_ENOMEM. Release with ffh_patterns_free. */
int ffh_patterns_init(ffh_patterns *patterns, int block_columns, int block_rows);
void ffh_patterns_free(ffh_patterns *patterns);

/* Encodes all amplitudes, or decodes into them. Classes as for ffh_latents_code. Returns 0, FFH_ENOMEM or FFH_EDATA. */
int ffh_patterns_code(ffh_latent_coder *coder, const ffh_network *network, const int16_t classes[FFH_CLASSES],
                      ffh_patterns *patterns);

/* Sums of FFH_PATTERN_STRIDE rows of blocks, those of one row of places to the next. */
typedef struct ffh_pattern_band {
    ptrdiff_t stride;
    int32_t *sums; /* [plane][row][column]; owned */
    int index;     /* which rows; -1 none yet */
} ffh_pattern_band;

int ffh_pattern_band_init(ffh_pattern_band *band, const ffh_patterns *patterns);
void ffh_pattern_band_free(ffh_pattern_band *band);

/* Adds what the patterns make of one row to out[0] to out[5], saturating. `step` as in ffh_pyramid. */
void ffh_patterns_add_row(const ffh_patterns *patterns, ffh_pattern_band *band, int32_t step, int row, int columns,
                          int16_t *const *out);

#endif
