#include "codes/codes.h"

#include <stdlib.h>
#include <string.h>

#include "neural/entropy.h"

enum {
    BORDER = 2,
    EARLIER = 3, /* channels before its own that an integer is predicted from */
    NEAR = 6,    /* places in its own */
    INPUTS = NEAR + 3 * EARLIER + 1,
    QUIET = 4, /* added to squares, so that steps stay small where nearly all is zero */
    WEIGHT_BITS = 16,
    FIRST_WEIGHT = 22000,
    RATE_BITS = 4,
    MEAN_LIMIT = FFH_MAX_LATENT * FFH_MEAN_STEPS,
    CLASSES = 7, /* of unrest around an integer */
    SCALE_BITS = 8,
    LAST_SCALE = (FFH_SCALES - 1) << SCALE_BITS,
    PROBE = 5, /* how far from a scale another is tried */
    FIRST_COUNT = 4,
    MOST_COUNT = 48,
    GAIN = 10
};

/* Integers and the magnitudes of their prediction errors in 1 / FFH_MEAN_STEPS, with a border of zeros. */
typedef struct codes_coder {
    ffh_latent_coder *coder;
    int channels;
    int rows;
    int columns;
    ptrdiff_t stride;
    size_t plane;
    int16_t *values;  /* owned */
    uint16_t *errors; /* owned */
    int32_t weights[INPUTS];
    int32_t scales[CLASSES];
    int counts[CLASSES];
} codes_coder;

/* log2 in 1 / 256, exact at powers of two and straight between them. */
static int32_t log2_of(uint32_t value)
{
    int whole = 0;

    while (value >> (whole + 1))
        whole++;
    return whole * 256 + (int32_t)((((uint64_t)value << 8) >> whole) & 255);
}

static void start_channel(codes_coder *c)
{
    memset(c->weights, 0, sizeof(c->weights));
    c->weights[0] = c->weights[1] = FIRST_WEIGHT; /* left, above */
    for (int i = 0; i < CLASSES; i++) {
        c->scales[i] = (8 + 4 * i) << SCALE_BITS;
        c->counts[i] = FIRST_COUNT;
    }
}

/* What an integer is predicted from. */
static void gather(const codes_coder *c, int channel, ptrdiff_t at, int32_t inputs[INPUTS])
{
    const int16_t *own = c->values + at;
    int count = 0;

    memset(inputs, 0, INPUTS * sizeof(*inputs));
    inputs[count++] = own[-1];
    inputs[count++] = own[-c->stride];
    inputs[count++] = own[-c->stride - 1];
    inputs[count++] = own[-c->stride + 1];
    inputs[count++] = own[-2];
    inputs[count++] = own[-2 * c->stride];
    for (int before = 1; before <= FFH_MIN(channel, EARLIER); before++) {
        const int16_t *other = own - before * (ptrdiff_t)c->plane;
        inputs[count++] = other[0];
        inputs[count++] = other[-1];
        inputs[count++] = other[-c->stride];
    }
    inputs[INPUTS - 1] = 1;
}

static int predict(const codes_coder *c, const int32_t inputs[INPUTS])
{
    int64_t sum = 0;

    for (int i = 0; i < INPUTS; i++)
        sum += (int64_t)c->weights[i] * inputs[i];
    sum >>= WEIGHT_BITS - 4;
    return (int)FFH_MIN(FFH_MAX(sum, -MEAN_LIMIT), MEAN_LIMIT);
}

static void adapt_weights(codes_coder *c, const int32_t inputs[INPUTS], int error)
{
    const int32_t limit = 1 << 20;
    int64_t power = QUIET;

    for (int i = 0; i < INPUTS; i++)
        power += inputs[i] * inputs[i];
    for (int i = 0; i < INPUTS; i++) {
        int64_t step = (int64_t)error * inputs[i] * (1 << (WEIGHT_BITS - 4)) / (power << RATE_BITS);
        c->weights[i] = (int32_t)FFH_MIN(FFH_MAX(c->weights[i] + step, -limit), limit);
    }
}

/* Unrest around a place, as a class. */
static int class_at(const codes_coder *c, int channel, ptrdiff_t at)
{
    const uint16_t *own = c->errors + at;
    uint32_t sum = 2u * own[-1] + 2u * own[-c->stride] + own[-c->stride - 1] + own[-c->stride + 1];

    sum += channel ? 2u * (own - c->plane)[0] : sum / 3;
    int class = (log2_of(sum + 8) - log2_of(8)) / 160;
    return FFH_MIN(class, CLASSES - 1);
}

/* Moves the scale of a class to where the integer would have cost less. */
static void adapt_scale(codes_coder *c, int class, ffh_distribution d, int value)
{
    ffh_distribution narrow = { d.mean, FFH_MAX(d.scale - PROBE, 0) };
    ffh_distribution wide = { d.mean, FFH_MIN(d.scale + PROBE, FFH_SCALES - 1) };
    int32_t gain =
        log2_of(ffh_latent_width(c->coder, wide, value)) - log2_of(ffh_latent_width(c->coder, narrow, value));
    int32_t scale = c->scales[class] + GAIN * gain / c->counts[class];

    c->scales[class] = FFH_MIN(FFH_MAX(scale, 0), LAST_SCALE);
    c->counts[class] = FFH_MIN(c->counts[class] + 1, MOST_COUNT);
}

static int code_one(codes_coder *c, int channel, ptrdiff_t at)
{
    int32_t inputs[INPUTS];
    int class = class_at(c, channel, at);

    gather(c, channel, at, inputs);
    ffh_distribution d = { predict(c, inputs), c->scales[class] >> SCALE_BITS };
    int value = ffh_code_latent(c->coder, d, c->values[at]);
    if (!ffh_is_latent(value))
        return FFH_EDATA;
    c->values[at] = (int16_t)value;
    int error = FFH_MEAN_STEPS * value - d.mean;
    c->errors[at] = (uint16_t)abs(error);
    adapt_weights(c, inputs, error);
    adapt_scale(c, class, d, value);
    return 0;
}

static int code_all(codes_coder *c)
{
    for (int channel = 0; channel < c->channels; channel++) {
        start_channel(c);
        for (int row = 0; row < c->rows; row++) {
            ptrdiff_t at = (ptrdiff_t)c->plane * channel + (row + BORDER) * c->stride + BORDER;
            for (int x = 0; x < c->columns; x++) {
                int error = code_one(c, channel, at + x);
                if (error)
                    return error;
            }
        }
    }
    return 0;
}

static int codes_init(codes_coder *c, int channels, int rows, int columns)
{
    if (channels < 1 || rows < 1 || columns < 1 || channels > FFH_CODES_MAX_CHANNELS)
        return FFH_EINVAL;
    if (rows > FFH_CODES_MAX_COUNT / channels || columns > FFH_CODES_MAX_COUNT / channels / rows)
        return FFH_EINVAL;
    *c = (codes_coder){ .channels = channels, .rows = rows, .columns = columns, .stride = columns + 2 * BORDER };
    c->plane = (size_t)(rows + BORDER) * (size_t)c->stride;
    /* Another row lets the last place look right of itself in the row above without a case of its own. */
    size_t count = c->plane * (size_t)channels + (size_t)c->stride;
    c->coder = malloc(sizeof(*c->coder));
    c->values = calloc(count, sizeof(*c->values));
    c->errors = calloc(count, sizeof(*c->errors));
    return c->coder && c->values && c->errors ? 0 : FFH_ENOMEM;
}

static void codes_free(codes_coder *c)
{
    free(c->coder);
    free(c->values);
    free(c->errors);
}

static int16_t *place_of(const codes_coder *c, int channel, int row)
{
    return c->values + (ptrdiff_t)c->plane * channel + (row + BORDER) * c->stride + BORDER;
}

static int load(codes_coder *c, const int8_t *codes)
{
    for (int channel = 0; channel < c->channels; channel++)
        for (int row = 0; row < c->rows; row++) {
            int16_t *to = place_of(c, channel, row);
            for (int x = 0; x < c->columns; x++, codes++) {
                if (!ffh_is_latent(*codes))
                    return FFH_EINVAL;
                to[x] = *codes;
            }
        }
    return 0;
}

static void store(const codes_coder *c, int8_t *codes)
{
    for (int channel = 0; channel < c->channels; channel++)
        for (int row = 0; row < c->rows; row++) {
            const int16_t *from = place_of(c, channel, row);
            for (int x = 0; x < c->columns; x++)
                *codes++ = (int8_t)from[x];
        }
}

int ffh_codes_encode(const int8_t *codes, int channels, int rows, int columns, ffh_buf *out)
{
    codes_coder c = { 0 };
    ffh_range range;
    int error = codes_init(&c, channels, rows, columns);

    error = error ? error : load(&c, codes);
    if (!error) {
        ffh_range_start_encoder(&range, out);
        ffh_latent_coder_init(c.coder, &range);
        error = code_all(&c);
        ffh_range_finish(&range);
    }
    codes_free(&c);
    return error ? error : out->error;
}

int ffh_codes_decode(const uint8_t *data, size_t size, int channels, int rows, int columns, int8_t *codes)
{
    codes_coder c = { 0 };
    ffh_range range;
    int error = codes_init(&c, channels, rows, columns);

    if (!error) {
        ffh_range_start_decoder(&range, data, size);
        ffh_latent_coder_init(c.coder, &range);
        error = code_all(&c);
    }
    if (!error)
        store(&c, codes);
    codes_free(&c);
    return error;
}
