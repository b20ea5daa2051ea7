#include "neural/enhance.h"

#include <stdlib.h>
#include <string.h>

#include "neural/passes.h"
#include "util/common.h"

enum { MIN_SIDE = 2, BASE_PAIRS = FFH_ENHANCE_PLANES / 2, SCALES = FFH_ENHANCE_SCALES };

/* Everything that exists while the network runs: two sets of maps at each scale, between which layers go back and
 * forth. */
typedef struct state {
    const ffh_enhancer *enhancer;
    const ffh_enhance_weights *after; /* the trunk */
    int32_t conditions[FFH_ENHANCE_CONDITIONS];
    ffh_passes passes;
    ffh_maps maps[SCALES][2];
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
    ffh_pass_enlarge(&s->passes, &narrow, &s->maps[scale - 1][0]);
}

/* From the base picture, in the maps for detail, to detail and gains. */
static void run_network(const state *s, ffh_enhancement *found)
{
    const ffh_enhance_weights *layer = s->enhancer->layer, *after = s->after;
    const ffh_maps(*maps)[2] = s->maps;
    ffh_maps gains = ffh_maps_view(&maps[1][1], s->enhancer->size.gain_channels / 2);

    run_layer(s, &layer[FFH_LAYER_STEM], &found->detail, NULL, &maps[0][0]);
    run_layer(s, &layer[FFH_LAYER_DOWN4], &maps[0][0], NULL, &maps[1][0]);
    run_layer(s, &layer[FFH_LAYER_DOWN8], &maps[1][0], NULL, &maps[2][0]);
    for (int block = 0; block < s->enhancer->size.blocks; block++)
        run_block(s, &layer[FFH_LAYER_TRUNK + 2 * block], 2);
    run_up(s, &after[FFH_LAYER_UP4], 2);
    run_block(s, &after[FFH_LAYER_MERGE], 1);
    run_layer(s, &after[FFH_LAYER_GAIN], &maps[1][0], NULL, &gains);
    run_layer(s, &after[FFH_LAYER_GAIN + 1], &gains, NULL, &found->gains);
    run_up(s, &after[FFH_LAYER_UP2], 1);
    run_layer(s, &after[FFH_LAYER_FUSE], &maps[0][0], &maps[0][0], &maps[0][1]);
    run_layer(s, &after[FFH_LAYER_DETAIL], &maps[0][1], NULL, &found->detail);
}

static int state_init(state *s, int rows, int columns, int threads)
{
    const ffh_enhance_size *size = &s->enhancer->size;
    int pairs[SCALES], most = BASE_PAIRS, error = 0;

    for (int scale = 0; scale < SCALES; scale++)
        pairs[scale] = size->channels[scale] / 2;
    for (int scale = 0; scale < SCALES && !error; scale++) {
        int also = scale == 0 ? 0 : FFH_MAX(pairs[scale - 1], scale == 1 ? size->gain_channels / 2 : 0);
        error = ffh_maps_init(&s->maps[scale][0], pairs[scale], rows >> scale, columns >> scale);
        if (!error)
            error = ffh_maps_init(&s->maps[scale][1], FFH_MAX(pairs[scale], also), rows >> scale, columns >> scale);
        s->maps[scale][1].pairs = pairs[scale];
        most = FFH_MAX(most, pairs[scale]);
    }
    return error ? error : ffh_passes_init(&s->passes, threads, most, columns);
}

static void state_free(state *s)
{
    for (int scale = 0; scale < SCALES; scale++)
        for (int i = 0; i < 2; i++)
            ffh_maps_free(&s->maps[scale][i]);
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
