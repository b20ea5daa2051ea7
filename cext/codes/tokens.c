#include "codes/tokens.h"

#include <stdlib.h>
#include <string.h>

#include "util/range.h"

enum {
    SUCCESSORS = 4,               /* that are remembered of every token, the last one first */
    DIRECTIONS = 2,               /* left, above */
    MOST_TOTAL = FFH_RANGE_TOTAL, /* twice the kinds, so that halving makes room */
    CHUNK_BITS = 8
};

typedef struct successors {
    uint16_t token[SUCCESSORS];
    uint16_t count;
} successors;

typedef struct tokens_coder {
    ffh_range *range; /* borrowed */
    int kinds;
    int seen;            /* kinds that came before */
    uint32_t *counts;    /* owned; sums over powers of two, as in a Fenwick tree */
    uint32_t *frequency; /* owned */
    uint32_t total;
    successors *followed[DIRECTIONS]; /* owned; an entry a kind, and one for places outside the grid */
    ffh_range_bit is_successor[DIRECTIONS][SUCCESSORS + 1];
    ffh_range_bit rank[DIRECTIONS][SUCCESSORS];
    ffh_range_bit is_new;
} tokens_coder;

static void add(tokens_coder *c, int token, int amount)
{
    c->frequency[token] += (uint32_t)amount;
    c->total += (uint32_t)amount;
    for (int i = token + 1; i <= c->kinds; i += i & -i)
        c->counts[i] += (uint32_t)amount;
}

static uint32_t below(const tokens_coder *c, int token)
{
    uint32_t sum = 0;

    for (int i = token; i; i -= i & -i)
        sum += c->counts[i];
    return sum;
}

/* The token whose share of the counts holds a place. */
static int holder(const tokens_coder *c, uint32_t place)
{
    int token = 0, step = 1;

    while (step * 2 <= c->kinds)
        step *= 2;
    for (; step; step /= 2)
        if (token + step <= c->kinds && c->counts[token + step] <= place) {
            token += step;
            place -= c->counts[token];
        }
    return token;
}

static void halve(tokens_coder *c)
{
    for (int token = 0; token < c->kinds; token++) {
        int excess = (int)(c->frequency[token] / 2);
        if (excess)
            add(c, token, -excess);
    }
}

static uint32_t scaled(const tokens_coder *c, uint32_t sum)
{
    return (uint32_t)(((uint64_t)sum << FFH_RANGE_BITS) / c->total);
}

static int code_by_frequency(tokens_coder *c, int token)
{
    if (!c->range->out) {
        uint64_t at = ffh_range_peek(c->range);
        token = holder(c, (uint32_t)(((at + 1) * c->total - 1) >> FFH_RANGE_BITS));
    }
    uint32_t sum = below(c, token);
    uint32_t from = scaled(c, sum);
    uint32_t width = scaled(c, sum + c->frequency[token]) - from;
    if (c->range->out)
        ffh_range_encode(c->range, from, width);
    else
        ffh_range_consume(c->range, from, width);
    return token;
}

static int code_new(tokens_coder *c, int token)
{
    int found = 0;

    for (int shift = 0; (c->kinds - 1) >> shift; shift += CHUNK_BITS) {
        int bits = 0;
        while (bits < CHUNK_BITS && (c->kinds - 1) >> (shift + bits))
            bits++;
        uint32_t part = ((uint32_t)token >> shift) & ((1u << bits) - 1);
        found |= (int)ffh_range_code_bits(c->range, part, bits) << shift;
    }
    return found;
}

static int rank_of(const successors *list, int token)
{
    for (int i = 0; i < list->count; i++)
        if (list->token[i] == token)
            return i;
    return -1;
}

/* Codes a token if it follows a neighbour again; returns it, or -1. */
static int code_successor(tokens_coder *c, int direction, const successors *list, int token)
{
    int rank = c->range->out ? rank_of(list, token) : 0;
    int at = 0;

    if (!list->count)
        return -1;
    if (!ffh_range_code_bit(c->range, &c->is_successor[direction][list->count], rank >= 0))
        return -1;
    while (at < list->count - 1 && ffh_range_code_bit(c->range, &c->rank[direction][at], rank > at))
        at++;
    return list->token[at];
}

static void remember(successors *list, int token)
{
    int rank = rank_of(list, token);
    int last = rank >= 0 ? rank : FFH_MIN(list->count, SUCCESSORS - 1);

    if (rank < 0 && list->count < SUCCESSORS)
        list->count++;
    memmove(list->token + 1, list->token, (size_t)last * sizeof(list->token[0]));
    list->token[0] = (uint16_t)token;
}

static int code_token(tokens_coder *c, successors *const lists[DIRECTIONS], int token)
{
    for (int direction = 0; direction < DIRECTIONS; direction++) {
        int found = code_successor(c, direction, lists[direction], token);
        if (found >= 0)
            return found;
    }
    /* With no token seen, or all of them, there is nothing to say. */
    unsigned is_new = c->seen == 0;
    if (c->seen && c->seen < c->kinds)
        is_new = ffh_range_code_bit(c->range, &c->is_new, c->range->out && !c->frequency[token]);
    return is_new ? code_new(c, token) : code_by_frequency(c, token);
}

static int code_grid(tokens_coder *c, uint16_t *tokens, int rows, int columns)
{
    for (int row = 0; row < rows; row++)
        for (int x = 0; x < columns; x++) {
            uint16_t *at = tokens + (ptrdiff_t)row * columns + x;
            int left = x ? at[-1] : c->kinds, above = row ? at[-columns] : c->kinds;
            successors *const lists[DIRECTIONS] = { &c->followed[0][left], &c->followed[1][above] };
            int token = code_token(c, lists, *at);
            if (token >= c->kinds)
                return FFH_EDATA;
            *at = (uint16_t)token;
            c->seen += !c->frequency[token];
            add(c, token, 1);
            if (c->total >= MOST_TOTAL)
                halve(c);
            for (int i = 0; i < DIRECTIONS; i++)
                remember(lists[i], token);
        }
    return 0;
}

static int coder_init(tokens_coder *c, ffh_range *range, int kinds)
{
    *c = (tokens_coder){ .range = range, .kinds = kinds, .is_new = FFH_RANGE_EVEN };
    for (int i = 0; i < DIRECTIONS; i++) {
        for (int j = 0; j <= SUCCESSORS; j++)
            c->is_successor[i][j] = FFH_RANGE_EVEN;
        for (int j = 0; j < SUCCESSORS; j++)
            c->rank[i][j] = FFH_RANGE_EVEN;
        c->followed[i] = calloc((size_t)kinds + 1, sizeof(*c->followed[i]));
    }
    c->counts = calloc((size_t)kinds + 1, sizeof(*c->counts));
    c->frequency = calloc((size_t)kinds, sizeof(*c->frequency));
    return c->counts && c->frequency && c->followed[0] && c->followed[1] ? 0 : FFH_ENOMEM;
}

static void coder_free(tokens_coder *c)
{
    free(c->counts);
    free(c->frequency);
    free(c->followed[0]);
    free(c->followed[1]);
}

static int check_size(int rows, int columns, int kinds)
{
    if (rows < 1 || columns < 1 || columns > FFH_TOKENS_MAX_COUNT / rows)
        return FFH_EINVAL;
    return kinds < 1 || kinds > FFH_TOKENS_MAX_KINDS ? FFH_EINVAL : 0;
}

static int code(ffh_range *range, uint16_t *tokens, int rows, int columns, int kinds)
{
    tokens_coder c;
    int error = coder_init(&c, range, kinds);

    error = error ? error : code_grid(&c, tokens, rows, columns);
    coder_free(&c);
    return error;
}

int ffh_tokens_encode(const uint16_t *tokens, int rows, int columns, int kinds, ffh_buf *out)
{
    ffh_range range;
    size_t count, bytes;
    uint16_t *copy;
    int error = check_size(rows, columns, kinds);

    if (error)
        return error;
    count = (size_t)rows * (size_t)columns;
    bytes = count * sizeof(*tokens);
    for (size_t i = 0; i < count; i++)
        if (tokens[i] >= kinds)
            return FFH_EINVAL;
    copy = malloc(bytes);
    if (!copy)
        return FFH_ENOMEM;
    memcpy(copy, tokens, bytes);
    ffh_range_start_encoder(&range, out);
    error = code(&range, copy, rows, columns, kinds);
    ffh_range_finish(&range);
    free(copy);
    return error ? error : out->error;
}

int ffh_tokens_decode(const uint8_t *data, size_t size, int rows, int columns, int kinds, uint16_t *tokens)
{
    ffh_range range;
    int error = check_size(rows, columns, kinds);

    if (error)
        return error;
    memset(tokens, 0, (size_t)rows * (size_t)columns * sizeof(*tokens));
    ffh_range_start_decoder(&range, data, size);
    return code(&range, tokens, rows, columns, kinds);
}
