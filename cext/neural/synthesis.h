/*
 * The synthesis network: feature rows at half the luma size to integer Y, Cb and Cr planes, rows shared by threads.
 */
#ifndef FFH_NEURAL_SYNTHESIS_H
#define FFH_NEURAL_SYNTHESIS_H

#include "neural/layers.h"
#include "neural/upsampling.h"

/* Planes of a picture: samples of one byte at 8 bits, two above; strides in bytes. */
typedef struct ffh_planes {
    uint8_t *planes[3];
    ptrdiff_t strides[3];
    int bit_depth;
} ffh_planes;

/*
 * The network must have passed ffh_network_check; `classes` have FFH_ACTIVATION_BITS fractional bits. `base` is the
 * picture that is refined, of the size and bit depth of `to`, or NULL.
 * Returns 0 or FFH_ENOMEM; same samples for any number of threads.
 */
int ffh_synthesise(const ffh_network *network, const ffh_pyramid *pyramid, const int16_t classes[FFH_CLASSES],
                   const ffh_planes *base, const ffh_planes *to, int threads);

/* Common randomness: sums of four uniform bytes around zero, the same on every machine. */
void ffh_noise_row(int channel, int row, int columns, int16_t *out);

#endif
