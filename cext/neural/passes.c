#include "neural/passes.h"

#include <string.h>

#include "util/common.h"
#include "util/threads.h"

enum {
    PLACES = 9,
    UNSHUFFLED = 4,
    MAX_TAPS = FFH_ENHANCE_MAX_CHANNELS / 2 * PLACES,
    ENLARGING_SHIFT = 4 /* weights of 1/4 and 3/4 both ways */
};

typedef struct layer_pass {
    const ffh_passes *passes;
    const ffh_enhance_weights *weights;
    ffh_convolution convolution;
    const ffh_maps *from;
    const ffh_maps *added;
    const ffh_maps *to;
} layer_pass;

int ffh_passes_init(ffh_passes *passes, int threads, int pairs, int columns)
{
    *passes = (ffh_passes){ .threads = FFH_MAX(1, FFH_MIN(threads, FFH_MAX_THREADS)) };
    int error = ffh_maps_init(&passes->zeros, 1, 1, columns);
    error = error ? error : ffh_maps_init(&passes->split, UNSHUFFLED * pairs, passes->threads, columns / 2);
    if (!error)
        memset(passes->zeros.memory, 0, (size_t)passes->zeros.stride * sizeof(int16_t));
    else
        ffh_passes_free(passes);
    return error;
}

void ffh_passes_free(ffh_passes *passes)
{
    ffh_maps_free(&passes->zeros);
    ffh_maps_free(&passes->split);
}

ffh_share ffh_share_of(int rows, int threads, int index)
{
    return (ffh_share){ (int)((int64_t)rows * index / threads), (int)((int64_t)rows * (index + 1) / threads) };
}

static void window_taps(const layer_pass *p, int row, const int16_t **taps)
{
    const ffh_maps *from = p->from;
    int side = p->weights->layer.kernel, reach = side / 2;

    for (int pair = 0; pair < from->pairs; pair++)
        for (int y = row - reach; y <= row + reach; y++) {
            const int16_t *at = ffh_maps_at(&p->passes->zeros, 0, 0);
            if (y >= 0 && y < from->rows)
                at = ffh_maps_at(from, pair, y);
            for (int x = -reach; x <= reach; x++)
                *taps++ = at + 2 * x;
        }
}

/* Even and odd columns of two rows, after each other. */
static void unshuffled_taps(const layer_pass *p, int thread, int row, const int16_t **taps)
{
    for (int i = 0; i < UNSHUFFLED * p->from->pairs; i += 2, taps += 2) {
        const int16_t *at = ffh_maps_at(p->from, i / UNSHUFFLED, 2 * row + i % UNSHUFFLED / 2);
        int16_t *even = ffh_maps_at(&p->passes->split, i, thread), *odd = ffh_maps_at(&p->passes->split, i + 1, thread);
        for (int x = 0; x < p->to->columns; x++) {
            memcpy(even + 2 * x, at + 4 * (ptrdiff_t)x, 2 * sizeof(*at));
            memcpy(odd + 2 * x, at + 4 * (ptrdiff_t)x + 2, 2 * sizeof(*at));
        }
        taps[0] = even;
        taps[1] = odd;
    }
}

static void layer_rows(void *context, int index)
{
    const layer_pass *p = context;
    const int16_t *taps[MAX_TAPS], *added[FFH_ENHANCE_MAX_CHANNELS / 2];
    int16_t *out[FFH_ENHANCE_MAX_CHANNELS / 2];
    ffh_share share = ffh_share_of(p->to->rows, p->passes->threads, index);

    for (int row = share.first; row < share.last; row++) {
        if (p->weights->layer.unshuffled)
            unshuffled_taps(p, index, row, taps);
        else
            window_taps(p, row, taps);
        for (int pair = 0; pair < p->to->pairs; pair++) {
            out[pair] = ffh_maps_at(p->to, pair, row);
            added[pair] = p->added ? ffh_maps_at(p->added, pair, row) : NULL;
        }
        ffh_convolve_row(&p->convolution, taps, p->added ? added : NULL, out, p->to->columns);
        ffh_maps_close_row(p->to, row);
    }
}

void ffh_pass_layer(const ffh_passes *passes, const ffh_enhance_weights *weights, const int32_t *bias,
                    const ffh_maps *from, const ffh_maps *added, const ffh_maps *to)
{
    layer_pass pass = {
        .passes = passes,
        .weights = weights,
        .convolution = { weights->taps, weights->layer.outputs, weights->layer.relu, weights->weights, bias },
        .from = from,
        .added = added,
        .to = to,
    };

    ffh_run_threads(passes->threads, layer_rows, &pass);
}

typedef struct enlarging {
    const ffh_passes *passes;
    const ffh_maps *from;
    const ffh_maps *to;
} enlarging;

static int16_t added_to(int16_t value, int32_t sum)
{
    int32_t all = value + ((sum + (1 << (ENLARGING_SHIFT - 1))) >> ENLARGING_SHIFT);
    return (int16_t)FFH_MIN(FFH_MAX(all, INT16_MIN), INT16_MAX);
}

/* Columns between those of `near` and `far`, three times nearer to the row `near`, from the middle of each to the next;
 * so many samples as there are. */
static void enlarge_between(const int16_t *near, const int16_t *far, int columns, int16_t *to)
{
    for (int x = 0; x < columns; x++)
        for (int i = 0; i < 2; i++) {
            int32_t left = 3 * near[2 * x + i] + far[2 * x + i];
            int32_t right = 3 * near[2 * x + 2 + i] + far[2 * x + 2 + i];
            to[4 * x + i] = added_to(to[4 * x + i], 3 * left + right);
            to[4 * x + 2 + i] = added_to(to[4 * x + 2 + i], left + 3 * right);
        }
}

static void enlarge_row(const ffh_maps *from, const ffh_maps *to, int pair, int row)
{
    int last = from->columns - 1;
    int near_row = row / 2, far_row = FFH_MIN(FFH_MAX(row % 2 ? near_row + 1 : near_row - 1, 0), from->rows - 1);
    const int16_t *near = ffh_maps_at(from, pair, near_row), *far = ffh_maps_at(from, pair, far_row);
    int16_t *out = ffh_maps_at(to, pair, row), *end = out + 2 * (ptrdiff_t)(to->columns - 1);

    enlarge_between(near, far, last, out + 2);
    for (int i = 0; i < 2; i++) {
        out[i] = added_to(out[i], 4 * (3 * near[i] + far[i]));
        end[i] = added_to(end[i], 4 * (3 * near[2 * last + i] + far[2 * last + i]));
    }
}

static void enlarge_rows(void *context, int index)
{
    const enlarging *e = context;
    ffh_share share = ffh_share_of(e->to->rows, e->passes->threads, index);

    for (int row = share.first; row < share.last; row++)
        for (int pair = 0; pair < e->to->pairs; pair++)
            enlarge_row(e->from, e->to, pair, row);
}

void ffh_pass_enlarge(const ffh_passes *passes, const ffh_maps *from, const ffh_maps *to)
{
    enlarging e = { passes, from, to };
    ffh_run_threads(passes->threads, enlarge_rows, &e);
}
