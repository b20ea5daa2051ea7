#include "neural/enhance.h"

#include <stdlib.h>
#include <string.h>

#include "neural/passes.h"
#include "util/common.h"
#include "util/pages.h"

enum { MIN_SIDE = 2, BASE_PAIRS = FFH_ENHANCE_PLANES / 2, SCALES = FFH_ENHANCE_SCALES };

/* Everything that exists while the network runs: two sets of maps at 1/4 and 1/8, between which layers go back and
 * forth, and one at 1/2; the last layer's input is where the smaller ones were. */
typedef struct state {
    const ffh_enhancer *enhancer;
    const ffh_enhance_weights *after; /* the trunk */
    int32_t conditions[FFH_ENHANCE_CONDITIONS];
    ffh_passes passes;
    ffh_maps half;
    ffh_maps maps[SCALES][2]; /* from 1/4 on */
    uint8_t *shared;          /* their memory */
    size_t shared_size;
} state;

static int check_picture(const ffh_planes *base, int width, int height)
{
    if (width < MIN_SIDE || height < MIN_SIDE || width > FFH_ENHANCE_MAX_SIDE || height > FFH_ENHANCE_MAX_SIDE)
        return FFH_EDATA;
    if (width % 2 || height % 2 || width > FFH_ENHANCE_MAX_SAMPLES / height)
        return FFH_EDATA;
    return base->bit_depth < 8 || base->bit_depth > FFH_ENHANCE_MAX_DEPTH ? FFH_EDATA : 0;
}

static int find_conditions(const ffh_enhance_known *known, int32_t conditions[FFH_ENHANCE_CONDITIONS])
{
    if (known->qp < FFH_ENHANCE_MIN_QP || known->qp > FFH_ENHANCE_MAX_QP || known->distance < 0)
        return FFH_EDATA;
    conditions[0] = (known->qp - FFH_ENHANCE_QP_MIDDLE) * FFH_ENHANCE_QP_FACTOR;
    conditions[1] = known->predicted ? 1 << FFH_CONDITION_SHIFT : 0;
    conditions[2] = known->predicted ? FFH_MIN(known->distance, FFH_ENHANCE_MAX_DISTANCE) : 0;
    return 0;
}

/* Samples of one row as features around mid-grey, the last one repeated up to `columns`, `gap` features apart. */
static void read_row(const ffh_planes *base, int plane, int row, int width, int columns, int gap, int16_t *to)
{
    const uint8_t *at = base->planes[plane] + row * base->strides[plane];
    const uint16_t *deep = (const uint16_t *)(const void *)at;
    int middle = 1 << (base->bit_depth - 1), unit = 1 << (FFH_INPUT_SHIFT - (base->bit_depth - 8));

    if (base->bit_depth == 8)
        for (int x = 0; x < width; x++)
            to[gap * x] = (int16_t)((at[x] - middle) * unit);
    else
        for (int x = 0; x < width; x++)
            to[gap * x] = (int16_t)((FFH_MIN(deep[x], 2 * middle - 1) - middle) * unit);
    for (int x = width; x < columns; x++)
        to[gap * x] = to[gap * (width - 1)];
}

/* The base picture as maps of three pairs: two rows of luma, Cb and Cr. */
static void read_base(const ffh_planes *base, int width, int height, const ffh_maps *to)
{
    for (int y = 0; y < to->rows; y++) {
        int16_t *chroma = ffh_maps_at(to, 2, y);
        int row = FFH_MIN(y, height / 2 - 1);
        for (int i = 0; i < 2; i++) {
            int of_luma = FFH_MIN(2 * y + i, height - 1);
            read_row(base, 0, of_luma, width, 2 * to->columns, 1, ffh_maps_at(to, i, y));
            read_row(base, 1 + i, row, width / 2, to->columns, 2, chroma + i);
        }
    }
}

static void run_layer(const state *s, const ffh_enhance_weights *weights, const ffh_maps *from, const ffh_maps *added,
                      const ffh_maps *to)
{
    int32_t bias[FFH_ENHANCE_MAX_CHANNELS];

    for (int o = 0; o < weights->layer.outputs; o++) {
        int64_t sum = 1 << (FFH_CONDITION_SHIFT - 1);
        for (int i = 0; i < FFH_ENHANCE_CONDITIONS && weights->conditions; i++)
            sum += (int64_t)weights->conditions[o * FFH_ENHANCE_CONDITIONS + i] * s->conditions[i];
        bias[o] = weights->bias[o] + (int32_t)(sum >> FFH_CONDITION_SHIFT);
    }
    ffh_pass_layer(&s->passes, weights, bias, from, added, to);
}

/* Two layers, whose sum with their input is left where that was. */
static void run_block(const state *s, const ffh_enhance_weights *weights, int scale)
{
    const ffh_maps *maps = s->maps[scale];

    run_layer(s, weights, &maps[0], NULL, &maps[1]);
    run_layer(s, weights + 1, &maps[1], &maps[0], &maps[0]);
}

/* A layer at `scale`, enlarged and added to the maps of the next. */
static void run_up(const state *s, const ffh_enhance_weights *weights, int scale)
{
    ffh_maps narrow = ffh_maps_view(&s->maps[scale][1], weights->layer.outputs / 2);

    run_layer(s, weights, &s->maps[scale][0], NULL, &narrow);
    ffh_pass_enlarge(&s->passes, &narrow, scale == 1 ? &s->half : &s->maps[scale - 1][0]);
}

/* From the base picture, in the maps for detail, to detail and gains. */
static void run_network(const state *s, ffh_enhancement *found)
{
    const ffh_enhance_weights *layer = s->enhancer->layer, *after = s->after;
    const ffh_maps(*maps)[2] = s->maps;
    ffh_maps gains = ffh_maps_view(&maps[1][1], s->enhancer->size.gain_channels / 2), fused;

    run_layer(s, &layer[FFH_LAYER_STEM], &found->detail, NULL, &s->half);
    run_layer(s, &layer[FFH_LAYER_DOWN4], &s->half, NULL, &maps[1][0]);
    run_layer(s, &layer[FFH_LAYER_DOWN8], &maps[1][0], NULL, &maps[2][0]);
    for (int block = 0; block < s->enhancer->size.blocks; block++)
        run_block(s, &layer[FFH_LAYER_TRUNK + 2 * block], 2);
    run_up(s, &after[FFH_LAYER_UP4], 2);
    run_block(s, &after[FFH_LAYER_MERGE], 1);
    run_layer(s, &after[FFH_LAYER_GAIN], &maps[1][0], NULL, &gains);
    run_layer(s, &after[FFH_LAYER_GAIN + 1], &gains, NULL, &found->gains);
    run_up(s, &after[FFH_LAYER_UP2], 1);
    ffh_maps_place(&fused, s->half.pairs, s->half.rows, s->half.columns, s->shared);
    run_layer(s, &after[FFH_LAYER_FUSE], &s->half, &s->half, &fused);
    run_layer(s, &after[FFH_LAYER_DETAIL], &fused, NULL, &found->detail);
}

/* Places the maps from 1/4 on into the shared memory, or, where there is none, only counts; returns the bytes. */
static size_t place_maps(state *s, int rows, int columns)
{
    const ffh_enhance_size *size = &s->enhancer->size;
    size_t used = 0;

    for (int scale = 1; scale < SCALES; scale++) {
        int pairs = size->channels[scale] / 2, other = FFH_MAX(pairs, size->channels[scale - 1] / 2);
        if (scale == 1)
            other = FFH_MAX(other, size->gain_channels / 2);
        for (int i = 0; i < 2; i++) {
            int room = i ? other : pairs;
            if (s->shared)
                ffh_maps_place(&s->maps[scale][i], room, rows >> scale, columns >> scale, s->shared + used);
            used += ffh_maps_bytes(room, rows >> scale, columns >> scale);
        }
        s->maps[scale][1].pairs = pairs;
    }
    return used;
}

static int state_init(state *s, int rows, int columns, int threads)
{
    int pairs = s->enhancer->size.channels[0] / 2;

    s->shared_size = FFH_MAX(place_maps(s, rows, columns), ffh_maps_bytes(pairs, rows, columns));
    int error = ffh_maps_init(&s->half, pairs, rows, columns);

    if (error)
        return error;
    s->shared = ffh_pages_allocate(s->shared_size);
    if (!s->shared)
        return FFH_ENOMEM;
    place_maps(s, rows, columns);
    return ffh_passes_init(&s->passes, threads, FFH_MAX(pairs, s->maps[1][0].pairs), columns);
}

static void state_free(state *s)
{
    ffh_maps_free(&s->half);
    ffh_pages_free(s->shared, s->shared_size);
    ffh_passes_free(&s->passes);
}

/* Half of a side of the luma plane, extended. */
static int half_of(int side)
{
    return (side + FFH_ENHANCE_ALIGN - 1) / FFH_ENHANCE_ALIGN * (FFH_ENHANCE_ALIGN / 2);
}

static int look(const ffh_enhancer *enhancer, const int32_t conditions[FFH_ENHANCE_CONDITIONS], const ffh_planes *base,
                int threads, ffh_enhancement *found)
{
    state s = { .enhancer = enhancer, .after = enhancer->layer + enhancer->layers - FFH_LAYERS_AFTER };
    int rows = half_of(found->height), columns = half_of(found->width);
    int error = ffh_maps_init(&found->detail, BASE_PAIRS, rows, columns);

    memcpy(s.conditions, conditions, sizeof(s.conditions));
    error = error ? error : ffh_maps_init(&found->gains, enhancer->size.textures / 2, rows / 2, columns / 2);
    error = error ? error : state_init(&s, rows, columns, threads);
    if (!error) {
        read_base(base, found->width, found->height, &found->detail);
        run_network(&s, found);
    }
    state_free(&s);
    return error;
}

int ffh_enhance_look(const ffh_enhancer *enhancer, const ffh_enhance_known *known, const ffh_planes *base, int width,
                     int height, int threads, ffh_enhancement **enhancement)
{
    int32_t conditions[FFH_ENHANCE_CONDITIONS];
    int error = check_picture(base, width, height);

    *enhancement = NULL;
    error = error ? error : find_conditions(known, conditions);
    ffh_enhancement *found = error ? NULL : calloc(1, sizeof(*found));
    if (error || !found)
        return error ? error : FFH_ENOMEM;
    found->width = width;
    found->height = height;
    error = look(enhancer, conditions, base, threads, found);
    if (error) {
        ffh_enhancement_free(found);
        found = NULL;
    }
    *enhancement = found;
    return error;
}

void ffh_enhancement_free(ffh_enhancement *enhancement)
{
    if (!enhancement)
        return;
    ffh_maps_free(&enhancement->detail);
    ffh_maps_free(&enhancement->gains);
    free(enhancement);
}
