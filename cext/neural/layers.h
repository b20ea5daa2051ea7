/*
 * The layers of the synthesis network as the kernels take them.
 */
#ifndef FFH_NEURAL_LAYERS_H
#define FFH_NEURAL_LAYERS_H

#include "neural/network.h"

enum {
    FFH_FIRST_DRAWN = FFH_LEVELS - 1, /* input that patterns are added to, and the five after it */
    FFH_FIRST_BASE = FFH_FIRST_DRAWN + FFH_OUTPUTS,
    FFH_FIRST_NOISE = FFH_FIRST_BASE + FFH_OUTPUTS,
    FFH_FIRST_CLASS = FFH_FIRST_NOISE + FFH_NOISE,
    FFH_WINDOW_TAPS = FFH_FEATURES * FFH_WINDOW
};

/* Without a base picture's inputs if there is none, and without noise if no weight of it is set; the classes are part
 * of the biases. */
typedef struct ffh_layers {
    int inputs;
    int has_base;
    int has_noise;
    int16_t weights1[FFH_HIDDEN * FFH_INPUTS];
    int16_t weights2[FFH_FEATURES * (FFH_HIDDEN + FFH_INPUTS)];
    int16_t weights3[FFH_FEATURES * FFH_WINDOW_TAPS];
    int16_t weights4[FFH_FEATURES * FFH_WINDOW_TAPS];
    int16_t weights5[FFH_OUTPUTS * FFH_WINDOW_TAPS];
    int32_t bias1[FFH_HIDDEN];
    int32_t bias2[FFH_FEATURES];
    int32_t bias3[FFH_FEATURES];
    int32_t bias4[FFH_FEATURES];
    int32_t bias5[FFH_OUTPUTS];
} ffh_layers;

/* The network must have passed ffh_network_check; `classes` have FFH_ACTIVATION_BITS fractional bits. */
void ffh_layers_init(ffh_layers *layers, const ffh_network *network, const int16_t classes[FFH_CLASSES], int has_base);

#endif
