#include "neural/patterns.h"

#include <stdlib.h>
#include <string.h>

enum {
    UNIT = 1 << FFH_ACTIVATION_BITS,
    RECENT = 4, /* earlier amplitudes of the same place that are looked at */
    LARGEST = INT16_MAX
};

int ffh_patterns_init(ffh_patterns *p, int block_columns, int block_rows)
{
    *p = (ffh_patterns){
        .rows = (block_rows + FFH_PATTERN_STRIDE - 1) / FFH_PATTERN_STRIDE + 1,
        .columns = (block_columns + FFH_PATTERN_STRIDE - 1) / FFH_PATTERN_STRIDE + 1,
    };
    p->at = calloc((size_t)p->rows * (size_t)p->columns, FFH_PATTERNS);
    return p->at ? 0 : FFH_ENOMEM;
}

void ffh_patterns_free(ffh_patterns *p)
{
    free(p->at);
    p->at = NULL;
}

/* One place, and the sums of magnitudes from each pattern on. */
typedef struct place {
    const int8_t *amplitudes;
    int16_t rest[FFH_PATTERNS + 1];
} place;

static const int8_t nothing[FFH_PATTERNS];

typedef struct pattern_coder {
    ffh_latent_coder *coder;
    ffh_predictor predictor;
    int32_t bias1[FFH_PATTERNS][FFH_ARM_HIDDEN];
    int32_t bias3[FFH_PATTERNS][2];
    const int16_t *classes;
    ffh_distribution quiet[FFH_PATTERNS]; /* where there is nothing around */
} pattern_coder;

static void sum_rest(place *p)
{
    p->rest[FFH_PATTERNS] = 0;
    for (int i = FFH_PATTERNS - 1; i >= 0; i--)
        p->rest[i] = (int16_t)(p->rest[i + 1] + abs(p->amplitudes[i]));
}

static int16_t limited(int value)
{
    return (int16_t)FFH_MIN(value, LARGEST);
}

static int earlier(const place *p, int pattern)
{
    return p->rest[0] - p->rest[pattern];
}

static int amplitude(const int8_t *amplitudes, int pattern)
{
    return pattern < 0 ? 0 : amplitudes[pattern];
}

/* `around`: left, above, above left, above right. */
static void gather(const pattern_coder *c, const place *const around[4], const int8_t *here, int sum, int pattern,
                   int16_t context[FFH_CONTEXT])
{
    int recent = 0, magnitudes[4];

    for (int i = 1; i <= RECENT; i++)
        recent += abs(amplitude(here, pattern - i));
    for (int i = 0; i < 4; i++) {
        context[i] = (int16_t)(around[i]->amplitudes[pattern] * UNIT);
        magnitudes[i] = abs(around[i]->amplitudes[pattern]);
    }
    context[4] = (int16_t)((magnitudes[0] + magnitudes[1]) * UNIT);
    context[5] = (int16_t)((magnitudes[2] + magnitudes[3]) * UNIT);
    context[6] = (int16_t)(amplitude(here, pattern - 1) * UNIT);
    context[7] = (int16_t)(amplitude(here, pattern - 2) * UNIT);
    context[8] = limited(recent * UNIT);
    context[9] = limited(sum * (UNIT / 4));
    context[10] = limited(around[0]->rest[pattern] * (UNIT / 4));
    context[11] = limited(around[1]->rest[pattern] * (UNIT / 4));
    context[12] = limited((around[2]->rest[pattern] + around[3]->rest[pattern]) * (UNIT / 8));
    context[13] = limited((earlier(around[0], pattern) + earlier(around[1], pattern)) * (UNIT / 8));
    context[14] = c->classes[0];
    context[15] = c->classes[1];
}

static ffh_distribution predict(const pattern_coder *c, int pattern, int16_t values[FFH_PREDICTION])
{
    return ffh_predict(&c->predictor, c->bias1[pattern], c->bias3[pattern], values);
}

static int code_place(pattern_coder *c, const place *const around[4], int8_t *here)
{
    int16_t values[FFH_PREDICTION];
    int is_quiet = !(around[0]->rest[0] | around[1]->rest[0] | around[2]->rest[0] | around[3]->rest[0]);
    int sum = 0;

    for (int pattern = 0; pattern < FFH_PATTERNS; pattern++) {
        ffh_distribution d = c->quiet[pattern];
        if (sum || !is_quiet) {
            gather(c, around, here, sum, pattern, values + FFH_ARM_HIDDEN);
            d = predict(c, pattern, values);
        }
        int value = ffh_code_latent(c->coder, d, here[pattern]);
        if (!ffh_is_latent(value))
            return FFH_EDATA;
        here[pattern] = (int8_t)value;
        sum += abs(value);
    }
    return 0;
}

/* `above` and `current` have a place more on both sides. */
static int code_row(pattern_coder *c, const ffh_patterns *p, int row, const place *above, place *current)
{
    for (int x = 0; x < p->columns; x++) {
        int8_t *here = p->at + ((ptrdiff_t)row * p->columns + x) * FFH_PATTERNS;
        const place *around[4] = { &current[x], &above[x + 1], &above[x], &above[x + 2] };
        int error = code_place(c, around, here);
        if (error)
            return error;
        current[x + 1].amplitudes = here;
        sum_rest(&current[x + 1]);
    }
    return 0;
}

static unsigned has_any(const ffh_patterns *p)
{
    size_t count = (size_t)p->rows * (size_t)p->columns * FFH_PATTERNS;

    for (size_t i = 0; i < count; i++)
        if (p->at[i])
            return 1;
    return 0;
}

static void predict_quiet(pattern_coder *c)
{
    const place empty = { .amplitudes = nothing };
    const place *around[4] = { &empty, &empty, &empty, &empty };
    int16_t values[FFH_PREDICTION];

    for (int pattern = 0; pattern < FFH_PATTERNS; pattern++) {
        gather(c, around, nothing, 0, pattern, values + FFH_ARM_HIDDEN);
        c->quiet[pattern] = predict(c, pattern, values);
    }
}

int ffh_patterns_code(ffh_latent_coder *coder, const ffh_network *n, const int16_t classes[FFH_CLASSES],
                      ffh_patterns *p)
{
    pattern_coder c = { .coder = coder, .classes = classes };
    size_t width = (size_t)p->columns + 2;
    int error = 0;

    if (!ffh_range_code_bits(coder->range, has_any(p), 1))
        return 0;
    place *places = calloc(2 * width, sizeof(*places));
    if (!places)
        return FFH_ENOMEM;
    for (size_t i = 0; i < 2 * width; i++)
        places[i].amplitudes = nothing;
    ffh_predictor_init(&c.predictor, n->patterns_weight1, n->patterns_weight2, n->patterns_bias2, n->patterns_weight3,
                       n->patterns_linear);
    ffh_scale_biases(c.bias1[0], n->patterns_bias1[0], FFH_PATTERNS * FFH_ARM_HIDDEN);
    ffh_scale_biases(c.bias3[0], n->patterns_bias3[0], FFH_PATTERNS * 2);
    predict_quiet(&c);
    for (int row = 0; row < p->rows && !error; row++) {
        size_t odd = (size_t)row & 1;
        error = code_row(&c, p, row, places + width * !odd, places + width * odd);
    }
    free(places);
    return error;
}

int ffh_pattern_band_init(ffh_pattern_band *band, const ffh_patterns *p)
{
    size_t stride = (size_t)(p->columns + 1) * FFH_PATTERN_STRIDE;

    *band = (ffh_pattern_band){ .stride = (ptrdiff_t)stride, .index = -1 };
    band->sums = malloc(FFH_OUTPUTS * FFH_PATTERN_STRIDE * stride * sizeof(*band->sums));
    return band->sums ? 0 : FFH_ENOMEM;
}

void ffh_pattern_band_free(ffh_pattern_band *band)
{
    free(band->sums);
    band->sums = NULL;
}

/* Adds half of a pattern, the rows from `first` on. */
static void add_pattern(int32_t *sums, ptrdiff_t stride, int pattern, int first, int32_t value)
{
    for (int plane = 0; plane < FFH_OUTPUTS; plane++)
        for (int y = 0; y < FFH_PATTERN_STRIDE; y++, sums += stride) {
            const int8_t *from = ffh_pattern_basis[pattern][plane][first + y];
            for (int x = 0; x < FFH_PATTERN_SIDE; x++)
                sums[x] += value * from[x];
        }
}

static void add_place(int32_t *sums, ptrdiff_t stride, const int8_t *amplitudes, int first)
{
    for (int group = 0; group < FFH_PATTERNS; group += 8) {
        uint64_t any;
        memcpy(&any, amplitudes + group, sizeof(any));
        for (int i = group; i < group + 8 && any; i++)
            if (amplitudes[i])
                add_pattern(sums, stride, i, first, amplitudes[i]);
    }
}

static void draw_band(const ffh_patterns *p, ffh_pattern_band *band, int index)
{
    memset(band->sums, 0, FFH_OUTPUTS * FFH_PATTERN_STRIDE * (size_t)band->stride * sizeof(*band->sums));
    for (int below = 0; below < 2; below++) {
        const int8_t *at = p->at + (ptrdiff_t)(index + below) * p->columns * FFH_PATTERNS;
        for (int x = 0; x < p->columns; x++, at += FFH_PATTERNS)
            add_place(band->sums + x * FFH_PATTERN_STRIDE, band->stride, at, below ? 0 : FFH_PATTERN_STRIDE);
    }
    band->index = index;
}

static void add_sums(const int32_t *sums, int32_t step, int columns, int16_t *out)
{
    const int32_t rounding = 1 << (FFH_PATTERN_BITS - 1);
    const int32_t limit = (INT32_MAX - rounding) / step; /* products beyond it saturate in any case */

    for (int x = 0; x < columns; x++) {
        int32_t sum = FFH_MIN(FFH_MAX(sums[x], -limit), limit);
        int32_t value = out[x] + ((sum * step + rounding) >> FFH_PATTERN_BITS);
        out[x] = (int16_t)FFH_MIN(FFH_MAX(value, INT16_MIN), INT16_MAX);
    }
}

void ffh_patterns_add_row(const ffh_patterns *p, ffh_pattern_band *band, int32_t step, int row, int columns,
                          int16_t *const *out)
{
    if (band->index != row / FFH_PATTERN_STRIDE)
        draw_band(p, band, row / FFH_PATTERN_STRIDE);
    for (int plane = 0; plane < FFH_OUTPUTS; plane++) {
        ptrdiff_t line = plane * FFH_PATTERN_STRIDE + row % FFH_PATTERN_STRIDE;
        add_sums(band->sums + line * band->stride + FFH_PATTERN_STRIDE, step, columns, out[plane]);
    }
}
