/*
 * The latent of generator `overfit` but for its base picture: header, network, grids, patterns (docs/FORMAT.md
 * section 4).
 */
#ifndef FFH_NEURAL_OVERFIT_H
#define FFH_NEURAL_OVERFIT_H

#include "neural/synthesis.h"

enum {
    FFH_ARRAYS = FFH_GRIDS + 1,
    FFH_OVERFIT_MAX_STEP = 95,
    FFH_OVERFIT_MAX_SIDE = 16384,
    FFH_OVERFIT_MAX_SAMPLES = 1 << 26 /* luma; a decoder allocates at most 12 bytes for each */
};

typedef struct ffh_overfit_header {
    uint8_t has_fine;             /* whether level 0 is there */
    uint8_t classes[FFH_CLASSES]; /* rate, texture; 128 is 0, in steps of 1/32 */
    uint8_t steps[FFH_CHROMA];    /* luma, chroma; of level 0, in eighths of an octave; 0 is 1/8 of an 8-bit unit */
} ffh_overfit_header;

/*
 * Appends a latent. `values` has FFH_PARAMETER_COUNT values, rounded on return to what decoders have; `arrays` has
 * row-major grids (the first ignored without has_fine), then patterns [row][column][pattern], values within -127 to
 * 127.
 * Returns 0, FFH_ENOMEM, or FFH_EDATA for parameters that a decoder would refuse.
 */
int ffh_overfit_encode(const ffh_overfit_header *header, int width, int height, int32_t *values,
                       const uint8_t shifts[FFH_MODULES], const int8_t *const arrays[FFH_ARRAYS], ffh_buf *out);

/* Makes the picture of a latent and its base picture, NULL if it has none. Returns 0, FFH_ENOMEM or FFH_EDATA. */
int ffh_overfit_decode(const uint8_t *data, size_t size, int width, int height, const ffh_planes *base,
                       const ffh_planes *to, int threads);

/* Reads header, network and latents back, for a warm start; `arrays` as for encoding, each with room for its size. */
int ffh_overfit_read(const uint8_t *data, size_t size, int width, int height, ffh_overfit_header *header,
                     int32_t *values, int8_t *const arrays[FFH_ARRAYS]);

/* Features of one latent unit at a level, halved from level to level, with FFH_ACTIVATION_BITS fractional bits. */
int32_t ffh_overfit_step(uint8_t step, int level);

#endif
