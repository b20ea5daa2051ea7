/*
 * Convolution kernels on maps. Plain C, AVX2, AVX-512 and NEON give the same samples: sums cannot overflow for weights that
 * were checked, so the order of additions does not matter.
 */
#ifndef FFH_NEURAL_CONVOLUTION_H
#define FFH_NEURAL_CONVOLUTION_H

#include <stddef.h>
#include <stdint.h>

enum {
    FFH_SHIFT = 10,    /* fractional bits of weights */
    FFH_OUT_GROUP = 4, /* outputs that are made together */
};

typedef struct ffh_convolution {
    int taps;    /* of pairs of inputs */
    int outputs; /* even */
    int relu;
    const int16_t *weights; /* as ffh_pack_weights lays them out */
    const int32_t *bias;    /* [outputs], in units of sums */
} ffh_convolution;

/* Where the weight of an output for one input of the pair of a tap lies among outputs * taps * 2. */
ptrdiff_t ffh_weight_index(int taps, int outputs, int output, int tap, int input);

/*
 * For every column x below `columns` rounded up to FFH_MAP_ALIGN, and every output o:
 * saturate((bias[o] + sum over t of weights[o][t][i] * taps[t][x][i] + 512) >> 10), with `relu` the positive part of
 * it; where `added` is not NULL that plus added[o / 2][x][o % 2], saturating, which may be where `out` is.
 */
void ffh_convolve_row(const ffh_convolution *convolution, const int16_t *const *taps, const int16_t *const *added,
                      int16_t *const *out, int columns);

#endif
