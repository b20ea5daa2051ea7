#include "ffh_intra_search.h"

#include <limits.h>
#include <stdlib.h>

/* What coding one more prediction block costs, in units of absolute residual. */
enum { BLOCK_COST = 12 };

static void gather(const ffh_source *source, const ffh_cu_map *map, int plane, int x, int y, int size,
                   ffh_intra_edge *edge)
{
    ffh_intra_available available;
    ffh_cu_available(map, x, y, size, plane == 0, &available);
    ffh_intra_gather(edge, &source->planes[plane], x, y, size, plane == 0, source->strong_intra_smoothing, &available);
}

void ffh_predict_block(const ffh_source *source, const ffh_cu_map *map, int plane, int x, int y, int size, int mode,
                       uint16_t *prediction)
{
    ffh_intra_edge edge;
    gather(source, map, plane, x, y, size, &edge);
    ffh_intra_predict(&edge, mode, prediction);
}

static int absolute_residual(const ffh_plane *plane, int x, int y, int size, const uint16_t *prediction)
{
    const uint16_t *row = plane->samples + y * plane->stride + x;
    int sum = 0;

    for (int j = 0; j < size; j++, row += plane->stride, prediction += size)
        for (int i = 0; i < size; i++)
            sum += abs(row[i] - prediction[i]);
    return sum;
}

typedef struct choice {
    int mode;
    int cost;
} choice;

static void try_mode(const ffh_source *source, const ffh_intra_edge *edge, int plane, int x, int y, int mode,
                     choice *best)
{
    uint16_t prediction[FFH_MAX_TB * FFH_MAX_TB];
    ffh_intra_predict(edge, mode, prediction);
    int cost = absolute_residual(&source->planes[plane], x, y, edge->size, prediction);
    if (cost < best->cost) {
        best->cost = cost;
        best->mode = mode;
    }
}

/* The best luma mode: planar, DC and nine directions, then the directions around the best one. */
static choice best_luma_mode(const ffh_source *source, const ffh_cu_map *map, int x, int y, int size)
{
    static const int8_t first[] = { FFH_INTRA_PLANAR, FFH_INTRA_DC, 2, 6, 10, 14, 18, 22, 26, 30, 34 };
    ffh_intra_edge edge;
    choice best = { .cost = INT_MAX };

    gather(source, map, 0, x, y, size, &edge);
    for (size_t i = 0; i < sizeof(first) && best.cost; i++)
        try_mode(source, &edge, 0, x, y, first[i], &best);
    for (int step = 2; step && best.cost && best.mode > FFH_INTRA_DC; step >>= 1) {
        int centre = best.mode;
        if (centre - step >= 2)
            try_mode(source, &edge, 0, x, y, centre - step, &best);
        if (centre + step <= 34)
            try_mode(source, &edge, 0, x, y, centre + step, &best);
    }
    return best;
}

static int search_leaf(const ffh_source *source, ffh_cu_map *map, int x, int y, int log2_size)
{
    choice best = best_luma_mode(source, map, x, y, 1 << log2_size);
    ffh_cu_map_set(map, x, y, log2_size, best.mode);
    return best.cost + BLOCK_COST;
}

static int search_quadtree(const ffh_source *source, ffh_cu_map *map, int x, int y, int log2_size)
{
    int size = 1 << log2_size, half = size >> 1;
    if (x >= map->width || y >= map->height)
        return 0;
    int crosses_edge = x + size > map->width || y + size > map->height;
    int may_be_leaf = !crosses_edge && log2_size <= map->log2_max_tb;
    if (log2_size < map->log2_min_cb)
        return search_leaf(source, map, x, y, log2_size);

    int split_cost = 0;
    for (int i = 0; i < 4; i++)
        split_cost += search_quadtree(source, map, x + (i & 1) * half, y + (i >> 1) * half, log2_size - 1);
    if (!may_be_leaf)
        return split_cost;

    choice whole = best_luma_mode(source, map, x, y, size);
    if (whole.cost + BLOCK_COST > split_cost)
        return split_cost;
    ffh_cu_map_set(map, x, y, log2_size, whole.mode);
    return whole.cost + BLOCK_COST;
}

static int chroma_cost(const ffh_source *source, const ffh_intra_edge edges[2], int x, int y, int mode)
{
    uint16_t prediction[FFH_MAX_TB * FFH_MAX_TB];
    int cost = 0;
    for (int plane = 1; plane < 3; plane++) {
        ffh_intra_predict(&edges[plane - 1], mode, prediction);
        cost += absolute_residual(&source->planes[plane], x, y, edges[0].size, prediction);
    }
    return cost;
}

static void search_chroma(const ffh_source *source, ffh_cu_map *map, int x, int y, int log2_cb)
{
    int size = 1 << (log2_cb - 1), best = INT_MAX;
    size_t at = ffh_cu_at(map, x, y);
    ffh_intra_edge edges[2];

    for (int plane = 1; plane < 3; plane++)
        gather(source, map, plane, x / 2, y / 2, size, &edges[plane - 1]);
    for (int coded = FFH_CHROMA_DERIVED; coded >= FFH_CHROMA_PLANAR && best; coded--) {
        int mode = ffh_cu_chroma_pred_mode(coded, map->luma_mode[at]);
        int cost = chroma_cost(source, edges, x / 2, y / 2, mode);
        if (cost < best) {
            best = cost;
            map->chroma_mode[at] = (uint8_t)coded;
        }
    }
}

void ffh_search_ctu(const ffh_source *source, ffh_cu_map *map, int x, int y)
{
    search_quadtree(source, map, x, y, map->log2_ctb);

    int step = 1 << map->log2_min_cb;
    int right = FFH_MIN(x + (1 << map->log2_ctb), map->width), bottom = FFH_MIN(y + (1 << map->log2_ctb), map->height);
    for (int cy = y; cy < bottom; cy += step) {
        for (int cx = x; cx < right; cx += step) {
            int log2_cb = ffh_cu_log2(map, cx, cy);
            if (!((cx | cy) & ((1 << log2_cb) - 1)))
                search_chroma(source, map, cx, cy, log2_cb);
        }
    }
}
