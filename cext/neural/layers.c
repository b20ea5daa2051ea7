#include "neural/layers.h"

static int has_noise(const ffh_network *n)
{
    int32_t any = 0;

    for (int i = FFH_FIRST_NOISE; i < FFH_FIRST_CLASS; i++) {
        for (int o = 0; o < FFH_HIDDEN; o++)
            any |= n->synthesis_weight1[o][i];
        for (int o = 0; o < FFH_FEATURES; o++)
            any |= n->synthesis_linear[o][i];
    }
    return any != 0;
}

/* Inputs that are the same everywhere in the picture are part of the bias. */
static void add_classes(int32_t *bias, const int32_t weights[FFH_INPUTS], const int16_t classes[FFH_CLASSES])
{
    for (int i = 0; i < FFH_CLASSES; i++)
        *bias += weights[FFH_FIRST_CLASS + i] * classes[i];
}

/* Copies the weights of the inputs that are there; returns how many. */
static int pick_inputs(const ffh_layers *l, int16_t *to, const int32_t weights[FFH_INPUTS])
{
    int count = 0;

    for (int i = 0; i < FFH_FIRST_CLASS; i++) {
        int is_there = i < FFH_FIRST_BASE || (i < FFH_FIRST_NOISE ? l->has_base : l->has_noise);
        if (is_there)
            to[count++] = (int16_t)weights[i];
    }
    return count;
}

static void copy_weights(int16_t *to, const int32_t *from, int count)
{
    for (int i = 0; i < count; i++)
        to[i] = (int16_t)from[i];
}

void ffh_layers_init(ffh_layers *l, const ffh_network *n, const int16_t classes[FFH_CLASSES], int has_base)
{
    l->has_base = has_base;
    l->has_noise = has_noise(n);
    for (int o = 0; o < FFH_HIDDEN; o++)
        l->inputs = pick_inputs(l, l->weights1 + o * l->inputs, n->synthesis_weight1[o]);
    for (int o = 0; o < FFH_FEATURES; o++) {
        int16_t *to = l->weights2 + o * (FFH_HIDDEN + l->inputs);
        copy_weights(to, n->synthesis_weight2[o], FFH_HIDDEN);
        pick_inputs(l, to + FFH_HIDDEN, n->synthesis_linear[o]);
    }
    copy_weights(l->weights3, n->synthesis_weight3[0][0], FFH_FEATURES * FFH_WINDOW_TAPS);
    copy_weights(l->weights4, n->synthesis_weight4[0][0], FFH_FEATURES * FFH_WINDOW_TAPS);
    copy_weights(l->weights5, n->synthesis_weight5[0][0], FFH_OUTPUTS * FFH_WINDOW_TAPS);
    ffh_scale_biases(l->bias1, n->synthesis_bias1, FFH_HIDDEN);
    ffh_scale_biases(l->bias2, n->synthesis_bias2, FFH_FEATURES);
    ffh_scale_biases(l->bias3, n->synthesis_bias3, FFH_FEATURES);
    ffh_scale_biases(l->bias4, n->synthesis_bias4, FFH_FEATURES);
    ffh_scale_biases(l->bias5, n->synthesis_bias5, FFH_OUTPUTS);
    for (int o = 0; o < FFH_HIDDEN; o++)
        add_classes(&l->bias1[o], n->synthesis_weight1[o], classes);
    for (int o = 0; o < FFH_FEATURES; o++)
        add_classes(&l->bias2[o], n->synthesis_linear[o], classes);
}
