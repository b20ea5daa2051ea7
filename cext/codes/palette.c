#include "codes/palette.h"

#include <stdlib.h>
#include <string.h>

#include "util/range.h"

enum {
    BORDER = 2, /* of zeros around the grid */
    CONTEXTS = 9,
    SLOT_BITS = 16,
    MOST_COUNT = 30,
    LOGIT_LIMIT = 2047, /* in 1 / 256 */
    LOGIT_STEP_BITS = 7,
    LOGIT_STEPS = 33,
    CHANCE_BITS = 12, /* of a chance whose logit is looked up */
    CERTAIN = 24,     /* least chance of either bit, in 1 / 65536 */
    WEIGHT_BITS = 16,
    FIRST_WEIGHT = 15000,
    WEIGHT_LIMIT = 1 << 20,
    RATE_BITS = 15,
    AGREEMENTS = 8
};

/* Chance of a one in 1 / 65536, and how often it was met. */
typedef struct slot {
    uint16_t one;
    uint16_t count;
} slot;

typedef struct palette_coder {
    ffh_range *range; /* borrowed */
    int depth;
    ptrdiff_t stride;
    uint8_t *values; /* owned, with a border */
    slot *slots;     /* owned, CONTEXTS tables */
    int16_t logits[1 << CHANCE_BITS];
    int32_t weights[AGREEMENTS][FFH_PALETTE_MAX_DEPTH][CONTEXTS];
} palette_coder;

/* 65536 / (1 + e^-x) at x = -8, -7.5 ... 8, but never certain. */
static const uint16_t logistic[LOGIT_STEPS] = {
    22, 36, 60, 98, 162, 267, 439, 720, 1179, 1921, 3108,
    4971, 7812, 11955, 17625, 24743, 32768, 40793, 47911, 53581, 57724, 60565,
    62428, 63615, 64357, 64816, 65097, 65269, 65374, 65438, 65476, 65500, 65514,
};

/* Chance of a one in 1 / 65536 of a logit within the limit. */
static int32_t squash(int32_t logit)
{
    int32_t at = logit + LOGIT_LIMIT + 1, part = at & ((1 << LOGIT_STEP_BITS) - 1), low = at >> LOGIT_STEP_BITS;

    return (logistic[low] * ((1 << LOGIT_STEP_BITS) - part) + logistic[low + 1] * part) >> LOGIT_STEP_BITS;
}

static void start_logits(palette_coder *c)
{
    int32_t logit = -LOGIT_LIMIT;

    for (int chance = 0; chance < 1 << CHANCE_BITS; chance++) {
        while (logit < LOGIT_LIMIT && squash(logit) < chance << (16 - CHANCE_BITS))
            logit++;
        c->logits[chance] = (int16_t)logit;
    }
}

static uint32_t hashed(uint32_t context, uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
    uint32_t hash = context * 0x9e3779b1u;

    hash = (hash + a + 1) * 0x85ebca77u;
    hash = (hash + b + 1) * 0xc2b2ae3du;
    hash = (hash + c + 1) * 0x7feb352du;
    hash = (hash + d + 1) * 0x846ca68bu;
    return hash ^ hash >> 15;
}

static void find_contexts(const palette_coder *c, const uint8_t *at, uint32_t hashes[CONTEXTS])
{
    uint32_t left = at[-1], above = at[-c->stride], corner = at[-c->stride - 1], right = at[-c->stride + 1];
    uint32_t next_left = at[-2], next_above = at[-2 * c->stride];
    int gradient = (int)left + (int)above - (int)corner, largest = (1 << c->depth) - 1;
    uint32_t plane = (uint32_t)FFH_MIN(FFH_MAX(gradient, 0), largest);

    hashes[0] = hashed(0, 0, 0, 0, 0);
    hashes[1] = hashed(1, left, 0, 0, 0);
    hashes[2] = hashed(2, above, 0, 0, 0);
    hashes[3] = hashed(3, left, above, 0, 0);
    hashes[4] = hashed(4, left, above, corner, 0);
    hashes[5] = hashed(5, left, above, right, 0);
    hashes[6] = hashed(6, left, above, corner, right);
    hashes[7] = hashed(7, left, next_left, above, next_above);
    hashes[8] = hashed(8, plane, (left + right) / 2, 0, 0);
}

/* Which neighbours are equal. */
static int agreement(const palette_coder *c, const uint8_t *at)
{
    int left = at[-1], above = at[-c->stride], corner = at[-c->stride - 1], right = at[-c->stride + 1];

    return (left == above) + 2 * (above == corner) + 4 * (above == right);
}

static void adapt_slot(slot *s, unsigned bit)
{
    int32_t error = (bit ? 65535 : 0) - s->one;

    s->one = (uint16_t)(s->one + error * 2 / (2 * s->count + 3));
    if (s->count < MOST_COUNT)
        s->count++;
}

static void adapt_weights(int32_t weights[CONTEXTS], const int32_t inputs[CONTEXTS], int32_t error)
{
    for (int i = 0; i < CONTEXTS; i++) {
        int32_t moved = weights[i] + (int32_t)(((int64_t)inputs[i] * error) >> RATE_BITS);
        weights[i] = FFH_MIN(FFH_MAX(moved, -WEIGHT_LIMIT), WEIGHT_LIMIT);
    }
}

/* Codes a bit whose chance to be a one is known. */
static unsigned code_bit(ffh_range *range, int32_t one, unsigned bit)
{
    uint32_t zero = FFH_RANGE_TOTAL - (uint32_t)one;

    if (range->out) {
        ffh_range_encode(range, bit ? zero : 0, bit ? (uint32_t)one : zero);
        return bit;
    }
    bit = ffh_range_peek(range) >= zero;
    ffh_range_consume(range, bit ? zero : 0, bit ? (uint32_t)one : zero);
    return bit;
}

static unsigned code_mixed(palette_coder *c, slot *const slots[CONTEXTS], int32_t weights[CONTEXTS], unsigned bit)
{
    int32_t inputs[CONTEXTS];
    int64_t sum = 0;

    for (int i = 0; i < CONTEXTS; i++) {
        inputs[i] = slots[i]->count ? c->logits[slots[i]->one >> (16 - CHANCE_BITS)] : 0;
        sum += (int64_t)inputs[i] * weights[i];
    }
    sum >>= WEIGHT_BITS;
    int32_t one = squash((int32_t)FFH_MIN(FFH_MAX(sum, -LOGIT_LIMIT), LOGIT_LIMIT));
    one = FFH_MIN(FFH_MAX(one, CERTAIN), FFH_RANGE_TOTAL - CERTAIN);
    bit = code_bit(c->range, one, bit);
    adapt_weights(weights, inputs, (bit ? FFH_RANGE_TOTAL : 0) - one);
    for (int i = 0; i < CONTEXTS; i++)
        adapt_slot(slots[i], bit);
    return bit;
}

static void code_index(palette_coder *c, uint8_t *at)
{
    uint32_t hashes[CONTEXTS], node = 1;
    int alike = agreement(c, at);

    find_contexts(c, at, hashes);
    for (int level = 0; level < c->depth; level++) {
        slot *slots[CONTEXTS];
        for (int i = 0; i < CONTEXTS; i++) {
            uint32_t place = (hashes[i] + node * 0x9e3779b1u) >> (32 - SLOT_BITS);
            slots[i] = c->slots + ((size_t)i << SLOT_BITS) + place;
        }
        unsigned bit = (unsigned)(*at >> (c->depth - 1 - level)) & 1u;
        node = 2 * node + code_mixed(c, slots, c->weights[alike][level], bit);
    }
    *at = (uint8_t)(node - (1u << c->depth));
}

static int check_size(int rows, int columns, int depth)
{
    if (rows < 1 || columns < 1 || columns > FFH_PALETTE_MAX_COUNT / rows)
        return FFH_EINVAL;
    return depth < 1 || depth > FFH_PALETTE_MAX_DEPTH ? FFH_EINVAL : 0;
}

static int coder_init(palette_coder *c, ffh_range *range, int rows, int columns, int depth)
{
    const size_t slots = (size_t)CONTEXTS << SLOT_BITS;

    c->range = range;
    c->depth = depth;
    c->stride = columns + 2 * BORDER;
    c->values = calloc((size_t)(rows + BORDER) * (size_t)c->stride, 1);
    c->slots = malloc(slots * sizeof(*c->slots));
    if (!c->values || !c->slots)
        return FFH_ENOMEM;
    for (size_t i = 0; i < slots; i++)
        c->slots[i] = (slot){ FFH_RANGE_EVEN, 0 };
    for (int i = 0; i < AGREEMENTS; i++)
        for (int j = 0; j < FFH_PALETTE_MAX_DEPTH; j++)
            for (int k = 0; k < CONTEXTS; k++)
                c->weights[i][j][k] = FIRST_WEIGHT;
    start_logits(c);
    return 0;
}

/* Codes a grid from `from`, or to `to` where that is NULL. */
static int code_grid(ffh_range *range, const uint8_t *from, uint8_t *to, int rows, int columns, int depth)
{
    palette_coder *c = calloc(1, sizeof(*c));
    int error = c ? coder_init(c, range, rows, columns, depth) : FFH_ENOMEM;

    for (int row = 0; !error && row < rows; row++) {
        uint8_t *at = c->values + (row + BORDER) * c->stride + BORDER;
        size_t place = (size_t)row * (size_t)columns;
        if (from)
            memcpy(at, from + place, (size_t)columns);
        for (int x = 0; x < columns; x++)
            code_index(c, at + x);
        if (to)
            memcpy(to + place, at, (size_t)columns);
    }
    if (c) {
        free(c->values);
        free(c->slots);
    }
    free(c);
    return error;
}

int ffh_palette_encode(const uint8_t *indices, int rows, int columns, int depth, ffh_buf *out)
{
    ffh_range range;
    int error = check_size(rows, columns, depth);

    if (error)
        return error;
    for (size_t i = 0; i < (size_t)rows * (size_t)columns; i++)
        if (indices[i] >> depth)
            return FFH_EINVAL;
    ffh_range_start_encoder(&range, out);
    error = code_grid(&range, indices, NULL, rows, columns, depth);
    ffh_range_finish(&range);
    return error ? error : out->error;
}

int ffh_palette_decode(const uint8_t *data, size_t size, int rows, int columns, int depth, uint8_t *indices)
{
    ffh_range range;
    int error = check_size(rows, columns, depth);

    if (error)
        return error;
    ffh_range_start_decoder(&range, data, size);
    return code_grid(&range, NULL, indices, rows, columns, depth);
}
