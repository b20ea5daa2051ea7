/*
 * The entropy model of latents: from 16 context values a small network predicts a Laplace distribution; a table turns
 * that into intervals of the range coder.
 */
#ifndef FFH_NEURAL_ENTROPY_H
#define FFH_NEURAL_ENTROPY_H

#include "neural/network.h"

enum {
    FFH_MAX_LATENT = 127,
    FFH_SCALES = 64,
    FFH_MEAN_STEPS = 16, /* means a latent unit */
    FFH_SYMBOLS = 32,    /* latents -16 to 15 around the mean, the escape after them */
    FFH_INTERVALS = FFH_SYMBOLS + 1,
    FFH_ESCAPE_MODELS = 9,
    FFH_PREDICTION = FFH_ARM_HIDDEN + FFH_CONTEXT
};

typedef struct ffh_distribution {
    int mean;  /* in 1 / FFH_MEAN_STEPS */
    int scale; /* index */
} ffh_distribution;

/* The layers that all latents of a kind share. */
typedef struct ffh_predictor {
    ffh_dense first;
    ffh_dense second;
    int32_t bias2[FFH_ARM_HIDDEN];
    int16_t last[2][FFH_PREDICTION];
} ffh_predictor;

/* Weights as ffh_network has them; they must have passed ffh_network_check. */
void ffh_predictor_init(ffh_predictor *predictor, const int32_t weight1[FFH_ARM_HIDDEN][FFH_CONTEXT],
                        const int32_t weight2[FFH_ARM_HIDDEN][FFH_ARM_HIDDEN], const int32_t bias2[FFH_ARM_HIDDEN],
                        const int32_t weight3[2][FFH_ARM_HIDDEN], const int32_t linear[2][FFH_CONTEXT]);

/*
 * Predicts from a context, whose values lie in the last FFH_CONTEXT of `values`; the others are room for a layer.
 * Biases are in accumulator units.
 */
ffh_distribution ffh_predict(const ffh_predictor *predictor, const int32_t bias1[FFH_ARM_HIDDEN],
                             const int32_t bias3[2], int16_t values[FFH_PREDICTION]);

typedef struct ffh_latent_coder {
    ffh_range *range; /* borrowed */
    uint16_t cumulative[FFH_SCALES][FFH_MEAN_STEPS][FFH_INTERVALS];
    ffh_range_bit escape[FFH_ESCAPE_MODELS];
} ffh_latent_coder;

void ffh_latent_coder_init(ffh_latent_coder *coder, ffh_range *range);

/* Encodes a latent, or decodes one, which may be out of range in damaged data. */
int ffh_code_latent(ffh_latent_coder *coder, ffh_distribution distribution, int latent);

/* How much of FFH_RANGE_TOTAL a distribution gives to a latent, escapes sharing theirs. */
uint32_t ffh_latent_width(const ffh_latent_coder *coder, ffh_distribution distribution, int latent);

static inline int ffh_is_latent(int value)
{
    return value >= -FFH_MAX_LATENT && value <= FFH_MAX_LATENT;
}

/* round(2^32 exp(-1 / (32 b))) for the scales b = exp(-3 + i / 8) */
extern const uint32_t ffh_laplace_decay[FFH_SCALES];

#endif
