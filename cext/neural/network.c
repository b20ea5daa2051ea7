#include "neural/network.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_BIAS = 1 << 20, SHIFT_BITS = 4, MAX_SHIFT = 12, PREFIX_MODELS = 17, MAX_MAGNITUDE = 1 << 16 };

#define MODULE(member)                                                                                                 \
    {                                                                                                                  \
        offsetof(ffh_network, member) / sizeof(int32_t), sizeof(((ffh_network *)0)->member) / sizeof(int32_t)          \
    }
static const struct {
    size_t first;
    size_t count;
} modules[FFH_MODULES] = {
    MODULE(arm_weight1),       MODULE(arm_bias1),         MODULE(arm_weight2),       MODULE(arm_bias2),
    MODULE(arm_weight3),       MODULE(arm_linear),        MODULE(arm_bias3),         MODULE(patterns_weight1),
    MODULE(patterns_bias1),    MODULE(patterns_weight2),  MODULE(patterns_bias2),    MODULE(patterns_weight3),
    MODULE(patterns_linear),   MODULE(patterns_bias3),    MODULE(upsampling_taps),   MODULE(synthesis_weight1),
    MODULE(synthesis_bias1),   MODULE(synthesis_weight2), MODULE(synthesis_linear),  MODULE(synthesis_bias2),
    MODULE(synthesis_weight3), MODULE(synthesis_bias3),   MODULE(synthesis_weight4), MODULE(synthesis_bias4),
    MODULE(synthesis_weight5), MODULE(synthesis_bias5),
};

const int32_t *ffh_network_prior_values(void)
{
    return (const int32_t *)&ffh_network_prior;
}

void ffh_scale_biases(int32_t *to, const int32_t *from, int count)
{
    for (int i = 0; i < count; i++)
        to[i] = from[i] * (1 << FFH_ACTIVATION_BITS);
}

typedef struct delta_models {
    ffh_range_bit zero;
    ffh_range_bit prefix[PREFIX_MODELS];
} delta_models;

static int32_t code_delta(ffh_range *r, delta_models *models, int32_t delta)
{
    uint32_t magnitude = (uint32_t)abs(delta);

    if (!ffh_range_code_bit(r, &models->zero, magnitude != 0))
        return 0;
    unsigned negative = ffh_range_code_bits(r, delta < 0, 1);
    magnitude = 1 + ffh_range_code_golomb(r, models->prefix, PREFIX_MODELS, magnitude - 1);
    return negative ? -(int32_t)magnitude : (int32_t)magnitude;
}

static int32_t quantised(int32_t difference, int shift)
{
    int32_t half = shift ? 1 << (shift - 1) : 0;
    int32_t magnitude = (abs(difference) + half) >> shift;

    return difference < 0 ? -magnitude : magnitude;
}

/* Returns whether any difference is left at this step. */
static unsigned is_changed(const int32_t *values, const int32_t *prior, size_t count, int shift)
{
    for (size_t i = 0; i < count; i++)
        if (quantised(values[i] - prior[i], shift))
            return 1;
    return 0;
}

static int code_module(ffh_range *r, ffh_range_bit *changed, int32_t *values, const int32_t *prior, size_t count,
                       int shift)
{
    delta_models models = { .zero = FFH_RANGE_EVEN };

    for (int i = 0; i < PREFIX_MODELS; i++)
        models.prefix[i] = FFH_RANGE_EVEN;
    if (!ffh_range_code_bit(r, changed, r->out && is_changed(values, prior, count, shift))) {
        memcpy(values, prior, count * sizeof(*values));
        return 0;
    }
    shift = (int)ffh_range_code_bits(r, (uint32_t)shift, SHIFT_BITS);
    if (shift > MAX_SHIFT)
        return FFH_EDATA;
    for (size_t i = 0; i < count; i++) {
        int32_t delta = r->out ? quantised(values[i] - prior[i], shift) : 0;
        if (abs(delta) > MAX_MAGNITUDE)
            return FFH_EDATA;
        values[i] = prior[i] + code_delta(r, &models, delta) * (1 << shift);
    }
    return 0;
}

int ffh_network_code(ffh_range *r, ffh_network *network, const uint8_t shifts[FFH_MODULES])
{
    ffh_range_bit changed = FFH_RANGE_EVEN;
    int32_t *values = (int32_t *)network;
    const int32_t *prior = ffh_network_prior_values();

    for (int i = 0; i < FFH_MODULES; i++) {
        size_t first = modules[i].first;
        int error = code_module(r, &changed, values + first, prior + first, modules[i].count, shifts ? shifts[i] : 0);
        if (error)
            return error;
    }
    return ffh_network_check(network);
}

/* Adds what `count` weights and one bias can contribute in accumulator units; a large number if one is out of range. */
static int64_t reach(const int32_t *weights, size_t count, int32_t bias)
{
    int64_t sum = (int64_t)llabs((long long)bias) << FFH_ACTIVATION_BITS;

    if (llabs((long long)bias) > MAX_BIAS)
        return INT64_MAX / 4;
    for (size_t i = 0; i < count; i++) {
        if (weights[i] < INT16_MIN || weights[i] > INT16_MAX)
            return INT64_MAX / 4;
        sum += (int64_t)labs((long)weights[i]) << 15;
    }
    return sum;
}

static int is_safe(int64_t sum)
{
    return sum + (1 << FFH_WEIGHT_BITS) <= INT32_MAX;
}

/* The layers of one kind of latents, with `kinds` first biases and `outputs` last ones, each of its own. */
static int check_predictor(const int32_t weight1[FFH_ARM_HIDDEN][FFH_CONTEXT], const int32_t (*bias1)[FFH_ARM_HIDDEN],
                           int kinds, const int32_t weight2[FFH_ARM_HIDDEN][FFH_ARM_HIDDEN],
                           const int32_t bias2[FFH_ARM_HIDDEN], const int32_t weight3[2][FFH_ARM_HIDDEN],
                           const int32_t linear[2][FFH_CONTEXT], const int32_t (*bias3)[2], int outputs)
{
    int safe = 1;

    for (int o = 0; o < FFH_ARM_HIDDEN; o++) {
        for (int kind = 0; kind < kinds; kind++)
            safe &= is_safe(reach(weight1[o], FFH_CONTEXT, bias1[kind][o]));
        safe &= is_safe(reach(weight2[o], FFH_ARM_HIDDEN, bias2[o]));
    }
    for (int o = 0; o < 2; o++)
        for (int kind = 0; kind < outputs; kind++)
            safe &= is_safe(reach(weight3[o], FFH_ARM_HIDDEN, bias3[kind][o]) + reach(linear[o], FFH_CONTEXT, 0));
    return safe;
}

static int check_predictors(const ffh_network *n)
{
    return check_predictor(n->arm_weight1, n->arm_bias1, FFH_KINDS, n->arm_weight2, n->arm_bias2, n->arm_weight3,
                           n->arm_linear, &n->arm_bias3, 1) &&
           check_predictor(n->patterns_weight1, n->patterns_bias1, FFH_PATTERNS, n->patterns_weight2, n->patterns_bias2,
                           n->patterns_weight3, n->patterns_linear, n->patterns_bias3, FFH_PATTERNS);
}

static int check_synthesis(const ffh_network *n)
{
    int safe = 1;

    for (int step = 0; step < FFH_LEVELS - 2; step++)
        safe &= is_safe(reach(n->upsampling_taps[step], FFH_TAPS, 0));
    for (int o = 0; o < FFH_HIDDEN; o++)
        safe &= is_safe(reach(n->synthesis_weight1[o], FFH_INPUTS, n->synthesis_bias1[o]));
    for (int o = 0; o < FFH_FEATURES; o++) {
        safe &= is_safe(reach(n->synthesis_weight2[o], FFH_HIDDEN, n->synthesis_bias2[o]) +
                        reach(n->synthesis_linear[o], FFH_INPUTS, 0));
        safe &= is_safe(reach(n->synthesis_weight3[o][0], FFH_FEATURES * FFH_WINDOW, n->synthesis_bias3[o]));
        safe &= is_safe(reach(n->synthesis_weight4[o][0], FFH_FEATURES * FFH_WINDOW, n->synthesis_bias4[o]));
    }
    for (int o = 0; o < FFH_OUTPUTS; o++)
        safe &= is_safe(reach(n->synthesis_weight5[o][0], FFH_FEATURES * FFH_WINDOW, n->synthesis_bias5[o]));
    return safe;
}

int ffh_network_check(const ffh_network *network)
{
    return check_predictors(network) && check_synthesis(network) ? 0 : FFH_EDATA;
}
