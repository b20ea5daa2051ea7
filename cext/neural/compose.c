#include "neural/enhance.h"

#include <stdlib.h>

#include "neural/noise.h"
#include "neural/passes.h"
#include "util/common.h"
#include "util/threads.h"

enum {
    PHASES = 4,                   /* of luma columns between those of gains */
    RING = 8,                     /* pairs of rows of noise that are kept */
    REACH = FFH_TEXTURE_SIDE / 2, /* rows and columns of noise on either side */
    GAIN_SHIFT = 6 + 3,           /* weights of eighths both ways; 8 fractional bits are left */
    TEXTURE_SHIFT = 8,            /* of 4 samples with 18 fractional bits; 8 of samples are left */
    SUM_SHIFT = 8 + FFH_STRENGTH_BITS,
    MAX_PAIRS = FFH_ENHANCE_MAX_TEXTURES / 2,
    BLOCK_COLUMNS = FFH_ENHANCE_BLOCK / PHASES, /* of gains */
    BLOCK_SHIFT = 7 + 5                         /* weights of strengths of blocks, both ways */
};

/* One thread's rows, and its buffers. */
typedef struct worker {
    const ffh_enhancer *enhancer;
    const ffh_enhancement *found;
    const ffh_enhance_strengths *strengths;
    const uint8_t *blocks; /* strengths of texture by block, or NULL */
    const ffh_planes *base;
    const ffh_planes *to;
    ffh_share share;   /* of rows of half the height */
    int next;          /* the next pair of rows of noise for the ring */
    int newest;        /* which of the rows of `noise` is the lower one */
    ffh_maps noise;    /* two rows */
    ffh_maps ring;     /* pairs of rows of noise, every fourth column of them */
    ffh_maps patterns; /* filtered noise, a row for every phase */
    int32_t *narrow;   /* gains of a pair between two of their rows, with a column more on either side */
    int32_t *strong;   /* strengths at gains, between those of blocks */
    int32_t *sums;     /* of every phase */
    int16_t *texture;  /* a row of luma */
} worker;

static int16_t saturate(int32_t value)
{
    return (int16_t)FFH_MIN(FFH_MAX(value, INT16_MIN), INT16_MAX);
}

static int quarter_columns(const worker *w)
{
    return w->found->gains.columns;
}

/* Noise is zero beyond the extended picture. */
static void noise_row(const worker *w, int row, int16_t *out)
{
    int rows = PHASES * w->found->gains.rows, columns = PHASES * quarter_columns(w);

    if (row >= 0 && row < rows) {
        ffh_noise_row(w->strengths->noise, row, columns, out);
        return;
    }
    for (int x = 0; x < columns; x++)
        out[x] = 0;
}

static int ring_row(int row)
{
    return (row + RING) % RING;
}

/* Puts one more pair of rows into the ring. */
static void advance_noise(worker *w)
{
    int row = w->next++;
    const int16_t *upper = ffh_maps_at(&w->noise, 0, w->newest), *lower;

    w->newest = !w->newest;
    noise_row(w, row + 1, ffh_maps_at(&w->noise, 0, w->newest));
    lower = ffh_maps_at(&w->noise, 0, w->newest);
    for (int phase = 0; phase < PHASES; phase++) {
        int16_t *to = ffh_maps_at(&w->ring, phase, ring_row(row));
        for (int x = 0; x < quarter_columns(w); x++) {
            to[2 * x] = upper[PHASES * x + phase];
            to[2 * x + 1] = lower[PHASES * x + phase];
        }
    }
}

static void start_noise(worker *w, int row)
{
    w->next = row - REACH;
    noise_row(w, w->next, ffh_maps_at(&w->noise, 0, w->newest));
}

/* The filters' answers to noise at every fourth column of a row. */
static void pattern_row(const worker *w, int row, int phase)
{
    static const int32_t no_bias[FFH_ENHANCE_MAX_TEXTURES];
    const int16_t *taps[FFH_TEXTURE_TAPS];
    int16_t *out[MAX_PAIRS];
    ffh_convolution filters = { FFH_TEXTURE_TAPS, w->enhancer->size.textures, 0, w->enhancer->textures, no_bias };

    for (int i = 0; i < FFH_TEXTURE_TAPS; i++) {
        int y = row - REACH + 2 * (i / FFH_TEXTURE_SIDE), x = phase - REACH + i % FFH_TEXTURE_SIDE + PHASES;
        taps[i] = ffh_maps_at(&w->ring, x % PHASES, ring_row(y)) + 2 * (x / PHASES - 1);
    }
    for (int pair = 0; pair < w->patterns.pairs; pair++)
        out[pair] = ffh_maps_at(&w->patterns, pair, phase);
    ffh_convolve_row(&filters, taps, NULL, out, quarter_columns(w));
}

static int blocks_of(int side)
{
    return (side + FFH_ENHANCE_BLOCK - 1) / FFH_ENHANCE_BLOCK;
}

/* The unit of `side` samples whose middle comes before a sample, -1 in the first half of the first, and how far behind
 * that middle the sample is, in halves of samples. */
static int unit_before(int at, int side, int *part)
{
    int halves = 2 * at + side + 1; /* from the middle of the unit before the first */

    *part = halves % (2 * side);
    return halves / (2 * side) - 1;
}

/* Strengths of texture at the gains of a row of luma: straight between the middles of blocks. */
static void strength_row(const worker *w, int row)
{
    int rows = blocks_of(w->found->height), columns = blocks_of(w->found->width), below, right;
    int above = unit_before(row, FFH_ENHANCE_BLOCK, &below);
    const uint8_t *upper = w->blocks + FFH_MIN(FFH_MAX(above, 0), rows - 1) * columns;
    const uint8_t *lower = w->blocks + FFH_MIN(above + 1, rows - 1) * columns;

    for (int x = 0; x < quarter_columns(w); x++) {
        int before = unit_before(x, BLOCK_COLUMNS, &right);
        int near = FFH_MIN(FFH_MAX(before, 0), columns - 1), far = FFH_MIN(before + 1, columns - 1);
        int left = 2 * FFH_ENHANCE_BLOCK - below;
        int32_t first = left * upper[near] + below * lower[near], second = left * upper[far] + below * lower[far];
        int32_t sum = (2 * BLOCK_COLUMNS - right) * first + right * second;
        w->strong[x] = (sum + (1 << (BLOCK_SHIFT - 1))) >> BLOCK_SHIFT;
    }
}

/* Gains in eighths by the strengths at their columns, a pair side by side. */
static void strengthen(const worker *w, int32_t *gains)
{
    for (int x = 0; x < quarter_columns(w); x++)
        for (int i = 0; i < 2; i++) {
            int32_t gain = (gains[2 * x + i] * w->strong[x] + (1 << (FFH_STRENGTH_BITS - 1))) >> FFH_STRENGTH_BITS;
            gains[2 * x + i] = FFH_MIN(gain, 8 * INT16_MAX);
        }
}

/* Gains of a pair at the height of a row of luma, in eighths. */
static void narrow_gains(const worker *w, int pair, int row)
{
    const ffh_maps *gains = &w->found->gains;
    int below, above = unit_before(row, PHASES, &below);
    const int16_t *upper = ffh_maps_at(gains, pair, FFH_MAX(above, 0));
    const int16_t *lower = ffh_maps_at(gains, pair, FFH_MIN(above + 1, gains->rows - 1));
    int32_t *to = w->narrow + 2;
    ptrdiff_t end = 2 * (ptrdiff_t)gains->columns;

    for (ptrdiff_t i = 0; i < end; i++)
        to[i] = (8 - below) * upper[i] + below * lower[i];
    if (w->blocks)
        strengthen(w, to);
    for (int i = 0; i < 2; i++) {
        to[i - 2] = to[i];
        to[end + i] = to[end - 2 + i];
    }
}

/* Adds what textures of a pair give to every fourth column of a row; `phase` is a constant where this is inlined, so
 * that weights are shifts. */
static inline __attribute__((always_inline)) void add_phase(const worker *w, int pair, const int phase)
{
    int right = 1 + 2 * ((phase + PHASES / 2) % PHASES);
    int columns = quarter_columns(w);
    const int32_t *before = w->narrow + 2 * ((phase + PHASES / 2) / PHASES), *after = before + 2;
    const int16_t *pattern = ffh_maps_at(&w->patterns, pair, phase);
    int32_t *restrict sums = w->sums + (ptrdiff_t)phase * columns;

    for (int x = 0; x < columns; x++) {
        int32_t sum = 0;
        for (int i = 0; i < 2; i++) {
            int32_t gain = (8 - right) * before[2 * x + i] + right * after[2 * x + i];
            sum += (int16_t)((gain + (1 << (GAIN_SHIFT - 1))) >> GAIN_SHIFT) * pattern[2 * x + i];
        }
        sums[x] += sum;
    }
}

/* One row of texture of luma. */
static void texture_row(worker *w, int row)
{
    int columns = quarter_columns(w);

    while (w->next <= row + REACH)
        advance_noise(w);
    for (int i = 0; i < PHASES * columns; i++)
        w->sums[i] = 1 << (TEXTURE_SHIFT - 1);
    for (int phase = 0; phase < PHASES; phase++)
        pattern_row(w, row, phase);
    if (w->blocks)
        strength_row(w, row);
    for (int pair = 0; pair < w->patterns.pairs; pair++) {
        narrow_gains(w, pair, row);
        add_phase(w, pair, 0);
        add_phase(w, pair, 1);
        add_phase(w, pair, 2);
        add_phase(w, pair, 3);
    }
    for (int phase = 0; phase < PHASES; phase++)
        for (int x = 0; x < columns; x++)
            w->texture[PHASES * x + phase] = saturate(w->sums[phase * columns + x] >> TEXTURE_SHIFT);
}

/* Writes a row of a plane: its base plus detail, `gap` apart, and texture by their strengths. */
static void write_row(const worker *w, int plane, int row, int columns, const int16_t *detail, int gap,
                      const int16_t *texture, int of_texture)
{
    int shift = SUM_SHIFT - (w->to->bit_depth - 8), most = (1 << w->to->bit_depth) - 1;
    int of_detail = w->strengths->detail, rounding = 1 << (shift - 1);
    const uint8_t *from = w->base->planes[plane] + row * w->base->strides[plane];
    uint8_t *to = w->to->planes[plane] + row * w->to->strides[plane];
    const uint16_t *deep_from = (const uint16_t *)(const void *)from;
    uint16_t *deep_to = (uint16_t *)(void *)to;

    if (w->to->bit_depth == 8)
        for (int x = 0; x < columns; x++) {
            int value = from[x] + ((detail[gap * x] * of_detail + texture[x] * of_texture + rounding) >> shift);
            to[x] = (uint8_t)FFH_MIN(FFH_MAX(value, 0), most);
        }
    else
        for (int x = 0; x < columns; x++) {
            int value = deep_from[x] + ((detail[gap * x] * of_detail + texture[x] * of_texture + rounding) >> shift);
            deep_to[x] = (uint16_t)FFH_MIN(FFH_MAX(value, 0), most);
        }
}

static void compose_rows(void *workers, int index)
{
    worker *w = (worker *)workers + index;
    const ffh_maps *detail = &w->found->detail;
    int width = w->found->width, of_texture = w->blocks ? 1 << FFH_STRENGTH_BITS : w->strengths->texture;

    if (of_texture)
        start_noise(w, 2 * w->share.first);
    for (int y = w->share.first; y < w->share.last; y++)
        for (int i = 0; i < 2; i++) {
            if (of_texture)
                texture_row(w, 2 * y + i);
            write_row(w, 0, 2 * y + i, width, ffh_maps_at(detail, i, y), 1, w->texture, of_texture);
            write_row(w, 1 + i, y, width / 2, ffh_maps_at(detail, 2, y) + i, 2, w->texture, 0);
        }
}

static int worker_init(worker *w)
{
    int columns = quarter_columns(w), error = ffh_maps_init(&w->noise, 1, 2, PHASES * columns);

    error = error ? error : ffh_maps_init(&w->ring, PHASES, RING, columns);
    error = error ? error : ffh_maps_init(&w->patterns, w->enhancer->size.textures / 2, PHASES, columns);
    w->narrow = malloc(2 * ((size_t)columns + 2) * sizeof(*w->narrow));
    w->strong = malloc((size_t)columns * sizeof(*w->strong));
    w->sums = malloc(PHASES * (size_t)columns * sizeof(*w->sums));
    w->texture = calloc(PHASES * (size_t)columns, sizeof(*w->texture));
    return error || (w->narrow && w->strong && w->sums && w->texture) ? error : FFH_ENOMEM;
}

static void worker_free(worker *w)
{
    ffh_maps_free(&w->noise);
    ffh_maps_free(&w->ring);
    ffh_maps_free(&w->patterns);
    free(w->narrow);
    free(w->strong);
    free(w->sums);
    free(w->texture);
}

int ffh_enhance_compose(const ffh_enhancer *enhancer, const ffh_enhancement *enhancement,
                        const ffh_enhance_strengths *strengths, const uint8_t *blocks, const ffh_planes *base,
                        const ffh_planes *to, int threads)
{
    worker workers[FFH_MAX_THREADS] = { { 0 } };
    int rows = enhancement->height / 2, error = 0;
    int count = FFH_MAX(1, FFH_MIN(FFH_MIN(threads, FFH_MAX_THREADS), rows));

    for (int i = 0; i < count && !error; i++) {
        workers[i] = (worker){ .enhancer = enhancer,
                               .found = enhancement,
                               .strengths = strengths,
                               .blocks = blocks,
                               .base = base,
                               .to = to,
                               .share = ffh_share_of(rows, count, i) };
        error = worker_init(&workers[i]);
    }
    if (!error)
        ffh_run_threads(count, compose_rows, workers);
    for (int i = 0; i < count; i++)
        worker_free(&workers[i]);
    return error;
}
