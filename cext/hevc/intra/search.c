#include "hevc/intra/search.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = FFH_MAX_TB * FFH_MAX_TB };

/* The best prediction so far of one block, and room for the next one to be tried. */
typedef struct candidate {
    uint16_t predictions[2][BLOCK];
    int best; /* which of the two */
    int mode;
    int cost;
} candidate;

typedef struct search {
    const ffh_source *source;
    ffh_cu_map *map;
    ffh_residual_row *residual;
    int log2_leaf; /* blocks larger than this are split but for flat ones */
} search;

int ffh_residual_row_init(ffh_residual_row *row, const ffh_cu_map *map)
{
    int columns = map->width >> 2, rows = 1 << (map->log2_ctb - 2);
    size_t luma = (size_t)columns * (size_t)rows * 16;
    int chroma_columns = (columns + 1) / 2;
    size_t chroma = (size_t)chroma_columns * (size_t)(rows / 2) * 16;

    row->tiles[0] = malloc((luma + 2 * chroma) * sizeof(int16_t));
    if (!row->tiles[0])
        return FFH_ENOMEM;
    row->tiles[1] = row->tiles[0] + luma;
    row->tiles[2] = row->tiles[1] + chroma;
    row->stride[0] = columns;
    row->stride[1] = row->stride[2] = chroma_columns;
    row->log2_ctb = map->log2_ctb;
    return 0;
}

void ffh_residual_row_free(ffh_residual_row *row)
{
    free(row->tiles[0]);
    memset(row, 0, sizeof(*row));
}

static void gather(const search *s, int plane, int x, int y, int size, ffh_intra_edge *edge)
{
    ffh_intra_available available;
    ffh_cu_available(s->map, x, y, size, plane == 0, &available);
    ffh_intra_gather(edge, &s->source->planes[plane], x, y, size, plane == 0, s->source->strong_intra_smoothing,
                     &available);
}

static const uint16_t *samples_at(const search *s, int plane, int x, int y)
{
    const ffh_plane *from = &s->source->planes[plane];
    return from->samples + y * from->stride + x;
}

static inline int sum_of_rows(const uint16_t *row, ptrdiff_t stride, const uint16_t *prediction, int size)
{
    int sum = 0;
    for (int j = 0; j < size; j++, row += stride, prediction += size) {
        for (int i = 0; i < size; i++) {
            uint16_t difference = (uint16_t)(FFH_MAX(row[i], prediction[i]) - FFH_MIN(row[i], prediction[i]));
            sum += difference;
        }
    }
    return sum;
}

/* Inlined once for every size, whose loops the compiler then vectorises. */
static int absolute_residual(const search *s, int plane, int x, int y, int size, const uint16_t *prediction)
{
    const uint16_t *row = samples_at(s, plane, x, y);
    ptrdiff_t stride = s->source->planes[plane].stride;

    switch (size) {
    case 4:
        return sum_of_rows(row, stride, prediction, 4);
    case 8:
        return sum_of_rows(row, stride, prediction, 8);
    case 16:
        return sum_of_rows(row, stride, prediction, 16);
    default:
        return sum_of_rows(row, stride, prediction, 32);
    }
}

static void try_mode(const search *s, const ffh_intra_edge *edge, int x, int y, int mode, candidate *c)
{
    uint16_t *prediction = c->predictions[!c->best];
    ffh_intra_predict(edge, mode, prediction);
    int cost = absolute_residual(s, 0, x, y, edge->size, prediction);
    if (cost < c->cost) {
        c->cost = cost;
        c->mode = mode;
        c->best = !c->best;
    }
}

/* Some modes, and with more effort the directions around the best of them. */
static void search_modes(const search *s, int x, int y, int size, candidate *c)
{
    static const int8_t few[] = { FFH_INTRA_DC, FFH_INTRA_HORIZONTAL, FFH_INTRA_VERTICAL, 18 };
    static const int8_t more[] = { FFH_INTRA_PLANAR, FFH_INTRA_DC, 2, 6, 10, 14, 18, 22, 26, 30, 34 };
    int is_fast = s->source->effort == FFH_EFFORT_FAST;
    const int8_t *first = is_fast ? few : more;
    size_t count = is_fast ? sizeof(few) : sizeof(more);
    ffh_intra_edge edge;

    c->cost = INT_MAX;
    c->best = 0;
    gather(s, 0, x, y, size, &edge);
    for (size_t i = 0; i < count && c->cost; i++)
        try_mode(s, &edge, x, y, first[i], c);
    for (int step = is_fast ? 0 : 2; step && c->cost && c->mode > FFH_INTRA_DC; step >>= 1) {
        int centre = c->mode;
        if (centre - step >= 2)
            try_mode(s, &edge, x, y, centre - step, c);
        if (centre + step <= 34)
            try_mode(s, &edge, x, y, centre + step, c);
    }
}

static void keep_residual(const search *s, int plane, int x, int y, int size, const uint16_t *prediction)
{
    const uint16_t *row = samples_at(s, plane, x, y);
    ptrdiff_t stride = s->source->planes[plane].stride;

    for (int j = 0; j < size; j++, row += stride, prediction += size) {
        int16_t *to = ffh_residual_tile(s->residual, plane, x, y + j) + (j & 3) * 4;
        for (int i = 0; i < size; i += 4, to += 16)
            for (int k = 0; k < 4; k++)
                to[k] = (int16_t)(row[i + k] - prediction[i + k]);
    }
}

static void search_luma(const search *s, int x, int y, int log2_size)
{
    candidate c;
    search_modes(s, x, y, 1 << log2_size, &c);
    ffh_cu_map_set(s->map, x, y, log2_size, c.mode);
    keep_residual(s, 0, x, y, 1 << log2_size, c.predictions[c.best]);
}

/* Predicts the chroma of a coding block, one transform block after the other; returns its cost. */
static int predict_chroma(const search *s, int x, int y, int log2_cb, int coded, int keep)
{
    uint16_t prediction[BLOCK];
    ffh_intra_edge edge;
    int mode = ffh_cu_chroma_pred_mode(coded, s->map->luma_mode[ffh_cu_at(s->map, x, y)]);
    int is_split = s->map->log2_pu[ffh_cu_at(s->map, x, y)] < log2_cb;
    int side = 1 << (log2_cb - 1), size = FFH_MAX(is_split ? side / 2 : side, 4), cost = 0;

    for (int plane = 1; plane < 3; plane++) {
        for (int at = 0; at < side * side / size / size; at++) {
            int tx = x / 2 + at % (side / size) * size, ty = y / 2 + at / (side / size) * size;
            gather(s, plane, tx, ty, size, &edge);
            ffh_intra_predict(&edge, mode, prediction);
            if (keep)
                keep_residual(s, plane, tx, ty, size, prediction);
            else
                cost += absolute_residual(s, plane, tx, ty, size, prediction);
        }
    }
    return cost;
}

static void search_chroma(const search *s, int x, int y, int log2_cb)
{
    int best = FFH_CHROMA_DERIVED;
    if (s->source->effort != FFH_EFFORT_FAST) {
        int least = INT_MAX;
        for (int coded = FFH_CHROMA_DERIVED; coded >= FFH_CHROMA_PLANAR && least; coded--) {
            int cost = predict_chroma(s, x, y, log2_cb, coded, 0);
            best = cost < least ? coded : best;
            least = FFH_MIN(cost, least);
        }
    }
    s->map->chroma_mode[ffh_cu_at(s->map, x, y)] = (uint8_t)best;
    predict_chroma(s, x, y, log2_cb, best, 1);
}

/* Whether every row of a block is the one above it, or every column the one to its left. */
static int is_flat_in(const search *s, int plane, int x, int y, int size)
{
    const uint16_t *first = samples_at(s, plane, x, y), *row = first;
    ptrdiff_t stride = s->source->planes[plane].stride;
    size_t bytes = (size_t)size * sizeof(*row);
    int j = 0;

    for (; y && j < size && !memcmp(row, row - stride, bytes); j++)
        row += stride;
    if (j == size || !x)
        return j == size;
    for (row = first, j = 0; j < size && !memcmp(row, row - 1, bytes); j++)
        row += stride;
    return j == size;
}

static int is_flat(const search *s, int x, int y, int size)
{
    return is_flat_in(s, 0, x, y, size) && is_flat_in(s, 1, x / 2, y / 2, size / 2) &&
           is_flat_in(s, 2, x / 2, y / 2, size / 2);
}

static void search_coding_block(const search *s, int x, int y, int log2_cb, int is_split)
{
    int half = 1 << (log2_cb - 1);
    if (!is_split)
        search_luma(s, x, y, log2_cb);
    for (int i = 0; is_split && i < 4; i++)
        search_luma(s, x + (i & 1) * half, y + (i >> 1) * half, log2_cb - 1);
    search_chroma(s, x, y, log2_cb);
}

static void search_quadtree(const search *s, int x, int y, int log2_size)
{
    const ffh_cu_map *map = s->map;
    int size = 1 << log2_size, half = size >> 1;
    if (x >= map->width || y >= map->height)
        return;

    int fits = x + size <= map->width && y + size <= map->height && log2_size <= map->log2_max_tb;
    if (fits && (log2_size <= s->log2_leaf || is_flat(s, x, y, size))) {
        search_coding_block(s, x, y, log2_size, 0);
        return;
    }
    if (log2_size == map->log2_min_cb) {
        search_coding_block(s, x, y, log2_size, 1);
        return;
    }
    for (int i = 0; i < 4; i++)
        search_quadtree(s, x + (i & 1) * half, y + (i >> 1) * half, log2_size - 1);
}

void ffh_search_ctu_row(const ffh_source *source, ffh_cu_map *map, ffh_residual_row *residual, int y)
{
    search s = { source, map, residual, source->effort == FFH_EFFORT_SLOW ? 2 : 3 };
    for (int x = 0; x < map->width; x += 1 << map->log2_ctb)
        search_quadtree(&s, x, y, map->log2_ctb);
}
