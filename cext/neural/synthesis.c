#include "neural/synthesis.h"

#include <stdlib.h>
#include <string.h>

#include "neural/noise.h"
#include "util/threads.h"

enum { RING = 4, RESIDUAL_LAYERS = 2 };

/* One thread's rows, and its rolling buffers. */
typedef struct worker {
    const ffh_layers *layers;
    const ffh_pyramid *pyramid;
    const ffh_planes *base; /* or NULL */
    const ffh_planes *to;
    int first;
    int last;
    ffh_rows inputs;
    ffh_rows hidden;
    ffh_rows rings[RESIDUAL_LAYERS + 1]; /* features, and what each 3x3 layer makes of them */
    int next[RESIDUAL_LAYERS + 1];       /* rows below are in the rings */
    ffh_rows outputs;
    ffh_rows scratch;
    ffh_pattern_band band;
} worker;

static int sample_at(const ffh_planes *from, int plane, int row, int column)
{
    const uint8_t *at = from->planes[plane] + row * from->strides[plane];
    return from->bit_depth == 8 ? at[column] : ((const uint16_t *)(const void *)at)[column];
}

/* Samples of one plane, from `first` on and `gap` apart, as activations around mid-grey. */
static void read_samples(const ffh_planes *from, int plane, int row, int first, int gap, int16_t *to, int count)
{
    int middle = 1 << (from->bit_depth - 1);
    int unit = 1 << (FFH_ACTIVATION_BITS - (from->bit_depth - 8));

    for (int x = 0; x < count; x++)
        to[x] = (int16_t)((sample_at(from, plane, row, first + gap * x) - middle) * unit);
}

static void base_row(const worker *w, int row, int16_t *const *out)
{
    for (int phase = 0; phase < 4; phase++)
        read_samples(w->base, 0, 2 * row + phase / 2, phase % 2, 2, out[phase], w->inputs.columns);
    read_samples(w->base, 1, row, 0, 1, out[4], w->inputs.columns);
    read_samples(w->base, 2, row, 0, 1, out[5], w->inputs.columns);
}

static void input_row(worker *w, int row)
{
    const ffh_pyramid *p = w->pyramid;
    int16_t *out[FFH_INPUTS];
    int first_noise = w->layers->inputs - FFH_NOISE;

    for (int i = 0; i < w->layers->inputs; i++)
        out[i] = ffh_rows_at(&w->inputs, i, 0);
    ffh_pyramid_row(p, row, out, &w->scratch);
    ffh_patterns_add_row(&p->latents->patterns, &w->band, p->steps[0], row, w->inputs.columns, out + FFH_FIRST_DRAWN);
    if (w->base)
        base_row(w, row, out + FFH_FIRST_BASE);
    for (int i = 0; i < FFH_NOISE && w->layers->has_noise; i++)
        ffh_noise_row(i, row, w->inputs.columns, out[first_noise + i]);
}

/* The two 1x1 layers. */
static void feature_row(worker *w, int row)
{
    const ffh_layers *l = w->layers;
    const int16_t *taps[FFH_HIDDEN + FFH_INPUTS];
    int16_t *hidden[FFH_HIDDEN], *out[FFH_FEATURES];
    int columns = w->inputs.columns;

    input_row(w, row);
    for (int i = 0; i < FFH_HIDDEN; i++)
        taps[i] = hidden[i] = ffh_rows_at(&w->hidden, i, 0);
    for (int i = 0; i < l->inputs; i++)
        taps[FFH_HIDDEN + i] = ffh_rows_at(&w->inputs, i, 0);
    for (int i = 0; i < FFH_FEATURES; i++)
        out[i] = ffh_rows_at(&w->rings[0], i, row % RING);
    ffh_mac first = { l->inputs, FFH_HIDDEN, FFH_MAC_RELU, l->weights1, l->bias1 };
    ffh_mac_rows(&first, taps + FFH_HIDDEN, hidden, columns);
    ffh_mac second = { FFH_HIDDEN + l->inputs, FFH_FEATURES, 0, l->weights2, l->bias2 };
    ffh_mac_rows(&second, taps, out, columns);
    for (int i = 0; i < FFH_FEATURES; i++)
        ffh_extend_row(out[i], columns);
}

/* Taps of a 3x3 window over a ring of rows; rows beyond the picture repeat its edge. */
static void window_taps(const ffh_rows *ring, int row, int rows, const int16_t *taps[FFH_WINDOW_TAPS])
{
    for (int channel = 0; channel < FFH_FEATURES; channel++)
        for (int i = 0; i < FFH_WINDOW; i++) {
            int y = FFH_MIN(FFH_MAX(row + i / 3 - 1, 0), rows - 1);
            taps[channel * FFH_WINDOW + i] = ffh_rows_at(ring, channel, y % RING) + i % 3 - 1;
        }
}

static int picture_rows(const worker *w)
{
    return w->pyramid->latents->grids[1].rows;
}

static void residual_row(const worker *w, const ffh_mac *mac, const ffh_rows *from, int row, int16_t *const *out)
{
    const int16_t *taps[FFH_WINDOW_TAPS];
    int columns = w->inputs.columns;

    window_taps(from, row, picture_rows(w), taps);
    for (int i = 0; i < mac->outputs; i++)
        memcpy(out[i], ffh_rows_at(from, i, row % RING), (size_t)columns * sizeof(int16_t));
    ffh_mac_rows(mac, taps, out, columns);
}

static void layer_row(worker *w, int layer, int row);

/* Makes sure that everything a 3x3 window at `row` needs is in a ring. */
static void advance(worker *w, int layer, int row)
{
    int last = FFH_MIN(row + 1, picture_rows(w) - 1);

    for (; w->next[layer] <= last; w->next[layer]++)
        layer_row(w, layer, w->next[layer]);
}

static void layer_row(worker *w, int layer, int row)
{
    const ffh_layers *l = w->layers;
    const ffh_mac macs[RESIDUAL_LAYERS] = {
        { FFH_WINDOW_TAPS, FFH_FEATURES, FFH_MAC_RELU | FFH_MAC_RESIDUAL, l->weights3, l->bias3 },
        { FFH_WINDOW_TAPS, FFH_FEATURES, FFH_MAC_RELU | FFH_MAC_RESIDUAL, l->weights4, l->bias4 },
    };
    int16_t *out[FFH_FEATURES];

    if (layer == 0) {
        feature_row(w, row);
        return;
    }
    advance(w, layer - 1, row);
    for (int i = 0; i < FFH_FEATURES; i++)
        out[i] = ffh_rows_at(&w->rings[layer], i, row % RING);
    residual_row(w, &macs[layer - 1], &w->rings[layer - 1], row, out);
    for (int i = 0; i < FFH_FEATURES; i++)
        ffh_extend_row(out[i], w->inputs.columns);
}

/* Writes samples of one plane, from `first` on and `gap` apart: the base picture's, or mid-grey, and what is added. */
static void write_samples(const worker *w, int plane, int row, const int16_t *from, int first, int gap)
{
    const ffh_planes *to = w->to;
    int shift = FFH_ACTIVATION_BITS - (to->bit_depth - 8);
    int most = (1 << to->bit_depth) - 1;
    uint8_t *at = to->planes[plane] + row * to->strides[plane];
    uint16_t *deep = (uint16_t *)(void *)at;

    for (int x = 0; x < w->inputs.columns; x++) {
        int column = first + gap * x;
        int value = w->base ? sample_at(w->base, plane, row, column) : (most + 1) / 2;
        value += (from[x] + (1 << (shift - 1))) >> shift;
        value = FFH_MIN(FFH_MAX(value, 0), most);
        if (to->bit_depth == 8)
            at[column] = (uint8_t)value;
        else
            deep[column] = (uint16_t)value;
    }
}

static void output_row(worker *w, int row)
{
    const ffh_layers *l = w->layers;
    int16_t *out[FFH_OUTPUTS];

    advance(w, RESIDUAL_LAYERS, row);
    for (int i = 0; i < FFH_OUTPUTS; i++)
        out[i] = ffh_rows_at(&w->outputs, i, 0);
    ffh_mac mac = { FFH_WINDOW_TAPS, FFH_OUTPUTS, FFH_MAC_RESIDUAL, l->weights5, l->bias5 };
    residual_row(w, &mac, &w->rings[RESIDUAL_LAYERS], row, out);
    for (int phase = 0; phase < 4; phase++)
        write_samples(w, 0, 2 * row + phase / 2, out[phase], phase % 2, 2);
    write_samples(w, 1, row, out[4], 0, 1);
    write_samples(w, 2, row, out[5], 0, 1);
}

static void run_worker(void *workers, int index)
{
    worker *w = (worker *)workers + index;

    for (int layer = 0; layer <= RESIDUAL_LAYERS; layer++)
        w->next[layer] = FFH_MAX(w->first - 1 - (RESIDUAL_LAYERS - layer), 0);
    for (int row = w->first; row < w->last; row++)
        output_row(w, row);
}

static int worker_init(worker *w)
{
    int columns = w->pyramid->latents->grids[1].columns;
    int error = ffh_rows_init(&w->inputs, w->layers->inputs, 1, columns);

    error = error ? error : ffh_rows_init(&w->hidden, FFH_HIDDEN, 1, columns);
    for (int layer = 0; layer <= RESIDUAL_LAYERS; layer++)
        error = error ? error : ffh_rows_init(&w->rings[layer], FFH_FEATURES, RING, columns);
    error = error ? error : ffh_rows_init(&w->outputs, FFH_OUTPUTS, 1, columns);
    error = error ? error : ffh_rows_init(&w->scratch, 1, 3, columns);
    return error ? error : ffh_pattern_band_init(&w->band, &w->pyramid->latents->patterns);
}

static void worker_free(worker *w)
{
    ffh_rows_free(&w->inputs);
    ffh_rows_free(&w->hidden);
    for (int layer = 0; layer <= RESIDUAL_LAYERS; layer++)
        ffh_rows_free(&w->rings[layer]);
    ffh_rows_free(&w->outputs);
    ffh_rows_free(&w->scratch);
    ffh_pattern_band_free(&w->band);
}

int ffh_synthesise(const ffh_network *network, const ffh_pyramid *pyramid, const int16_t classes[FFH_CLASSES],
                   const ffh_planes *base, const ffh_planes *to, int threads)
{
    worker workers[FFH_MAX_THREADS] = { { 0 } };
    int rows = pyramid->latents->grids[1].rows;
    int count = FFH_MAX(1, FFH_MIN(FFH_MIN(threads, FFH_MAX_THREADS), rows));
    ffh_layers *l = calloc(1, sizeof(*l));
    int error = l ? 0 : FFH_ENOMEM;

    if (l)
        ffh_layers_init(l, network, classes, base != NULL);
    for (int i = 0; i < count && !error; i++) {
        workers[i] = (worker){ .layers = l, .pyramid = pyramid, .base = base, .to = to };
        workers[i].first = (int)((int64_t)rows * i / count);
        workers[i].last = (int)((int64_t)rows * (i + 1) / count);
        error = worker_init(&workers[i]);
    }
    if (!error)
        ffh_run_threads(count, run_worker, workers);
    for (int i = 0; i < count; i++)
        worker_free(&workers[i]);
    free(l);
    return error;
}
