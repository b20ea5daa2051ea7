/*
 * The parameters of one picture's network: built-in prior, coded differences to it, and the proof that no accumulator
 * of the decoder can overflow.
 */
#ifndef FFH_NEURAL_NETWORK_H
#define FFH_NEURAL_NETWORK_H

#include "neural/kernels.h"
#include "util/range.h"

enum {
    FFH_LEVELS = 7,
    FFH_FIRST_CHROMA_LEVEL = 2,
    FFH_CHROMA_LEVELS = FFH_LEVELS - FFH_FIRST_CHROMA_LEVEL,
    FFH_GRIDS = FFH_LEVELS + 2 * FFH_CHROMA_LEVELS, /* luma levels, then those of Cb, then of Cr */
    FFH_KINDS = FFH_LEVELS + FFH_CHROMA_LEVELS,
    FFH_CHROMA = 2,
    FFH_NEIGHBOURS = 10,
    FFH_PARENTS = 5,
    FFH_CONTEXT = FFH_NEIGHBOURS + FFH_PARENTS + 1,
    FFH_ARM_HIDDEN = FFH_DENSE,
    FFH_NOISE = 4,
    FFH_FINE = 4,    /* level 0 at half size: its four phases */
    FFH_CLASSES = 2, /* constants of the picture: rate class, texture class */
    FFH_OUTPUTS = 6, /* of 2x2 luma samples: the four phases, Cb, Cr; as many inputs are the base picture */
    FFH_INPUTS = FFH_LEVELS - 1 + FFH_CHROMA + FFH_FINE + FFH_OUTPUTS + FFH_NOISE + FFH_CLASSES,
    FFH_HIDDEN = 32,
    FFH_FEATURES = 16,
    FFH_TAPS = 4,
    FFH_WINDOW = 9,
    FFH_PATTERNS = 64,
    FFH_PATTERN_STRIDE = 8, /* in 2x2 luma blocks, as are their sides */
    FFH_PATTERN_SIDE = 2 * FFH_PATTERN_STRIDE,
    FFH_PATTERN_BITS = 9 /* fractional, of the built-in patterns */
};

/* In file order, with FFH_WEIGHT_BITS fractional bits; every array is one module of the syntax. */
typedef struct ffh_network {
    int32_t arm_weight1[FFH_ARM_HIDDEN][FFH_CONTEXT];
    int32_t arm_bias1[FFH_KINDS][FFH_ARM_HIDDEN];
    int32_t arm_weight2[FFH_ARM_HIDDEN][FFH_ARM_HIDDEN];
    int32_t arm_bias2[FFH_ARM_HIDDEN];
    int32_t arm_weight3[2][FFH_ARM_HIDDEN];
    int32_t arm_linear[2][FFH_CONTEXT];
    int32_t arm_bias3[2];
    int32_t patterns_weight1[FFH_ARM_HIDDEN][FFH_CONTEXT];
    int32_t patterns_bias1[FFH_PATTERNS][FFH_ARM_HIDDEN];
    int32_t patterns_weight2[FFH_ARM_HIDDEN][FFH_ARM_HIDDEN];
    int32_t patterns_bias2[FFH_ARM_HIDDEN];
    int32_t patterns_weight3[2][FFH_ARM_HIDDEN];
    int32_t patterns_linear[2][FFH_CONTEXT];
    int32_t patterns_bias3[FFH_PATTERNS][2];
    int32_t upsampling_taps[FFH_LEVELS - 2][FFH_TAPS];
    int32_t synthesis_weight1[FFH_HIDDEN][FFH_INPUTS];
    int32_t synthesis_bias1[FFH_HIDDEN];
    int32_t synthesis_weight2[FFH_FEATURES][FFH_HIDDEN];
    int32_t synthesis_linear[FFH_FEATURES][FFH_INPUTS];
    int32_t synthesis_bias2[FFH_FEATURES];
    int32_t synthesis_weight3[FFH_FEATURES][FFH_FEATURES][FFH_WINDOW];
    int32_t synthesis_bias3[FFH_FEATURES];
    int32_t synthesis_weight4[FFH_FEATURES][FFH_FEATURES][FFH_WINDOW];
    int32_t synthesis_bias4[FFH_FEATURES];
    int32_t synthesis_weight5[FFH_OUTPUTS][FFH_FEATURES][FFH_WINDOW];
    int32_t synthesis_bias5[FFH_OUTPUTS];
} ffh_network;

enum { FFH_PARAMETER_COUNT = sizeof(ffh_network) / sizeof(int32_t), FFH_MODULES = 26 };

extern const ffh_network ffh_network_prior;

/* What a pattern adds to Cb, Cr and the four luma phases, the same in all pictures. */
extern const int8_t ffh_pattern_basis[FFH_PATTERNS][FFH_OUTPUTS][FFH_PATTERN_SIDE][FFH_PATTERN_SIDE];

/* The prior as FFH_PARAMETER_COUNT values in file order. */
const int32_t *ffh_network_prior_values(void);

/* Brings biases that passed ffh_network_check to accumulator units. */
void ffh_scale_biases(int32_t *to, const int32_t *from, int count);

/*
 * Encodes the differences of `network` to the prior, each module in steps of 2^shifts[module], or decodes them into it.
 * Encoding also rounds `network` to what a decoder will have. Returns 0, or FFH_EDATA for values out of range.
 */
int ffh_network_code(ffh_range *r, ffh_network *network, const uint8_t shifts[FFH_MODULES]);

/* Returns 0 if every weight fits 16 bits and no accumulator can leave 32 bits whatever the activations, or FFH_EDATA.
 */
int ffh_network_check(const ffh_network *network);

#endif
