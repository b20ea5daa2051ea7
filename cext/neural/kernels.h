/*
 * Multiply-accumulate kernels of the network decoder. Plain C, AVX2 and AVX-512 give the same samples:
 * accumulators cannot overflow for weights that passed ffh_network_check, so the order of additions does not matter.
 */
#ifndef FFH_NEURAL_KERNELS_H
#define FFH_NEURAL_KERNELS_H

#include <stddef.h>
#include <stdint.h>

enum {
    FFH_WEIGHT_BITS = 10,
    FFH_ACTIVATION_BITS = 7,
    FFH_ROW_ALIGN = 16, /* kernels work on whole groups of this many columns */
    FFH_DENSE = 16
};

enum { FFH_MAC_RELU = 1, FFH_MAC_RESIDUAL = 2 };

typedef struct ffh_mac {
    int taps; /* even; weights of a tap that is not there are 0 */
    int outputs;
    int flags;
    const int16_t *weights; /* [outputs][taps] */
    const int32_t *bias;    /* [outputs], in accumulator units */
} ffh_mac;

/*
 * For every column x below `width` rounded up to FFH_ROW_ALIGN, and every output o:
 * out[o][x] = saturate((bias[o] + sum over t of weights[o][t] * taps[t][x]) >> 10, rounded); with FFH_MAC_RELU the
 * positive part of it; with FFH_MAC_RESIDUAL added to what out[o][x] was, saturating.
 */
void ffh_mac_rows(const ffh_mac *mac, const int16_t *const *taps, int16_t *const *out, int width);

/* 16 inputs to 16 outputs: out[o] = max(0, saturate(rounded (bias[o] + sum of weights * in) >> 10)). */
typedef struct ffh_dense {
    int16_t weights[FFH_DENSE / 2][FFH_DENSE][2]; /* [pair of inputs][output][input of the pair] */
} ffh_dense;
void ffh_dense_relu(const ffh_dense *dense, const int32_t bias[FFH_DENSE], const int16_t in[FFH_DENSE],
                    int16_t out[FFH_DENSE]);

#endif
