#include "neural/enhancer.h"

#include <stdlib.h>
#include <string.h>

#include "neural/noise.h"
#include "util/common.h"

enum {
    VERSION = 1,
    HEADER_SIZE = 12,
    LARGEST_ACTIVATION = 1 << 15,
    TEXTURE_PARTS = FFH_TEXTURE_SIDE * FFH_TEXTURE_SIDE
};

/* The largest magnitudes of the conditions. */
static const int64_t condition_reach[FFH_ENHANCE_CONDITIONS] = { (FFH_ENHANCE_QP_MIDDLE - FFH_ENHANCE_MIN_QP) *
                                                                     FFH_ENHANCE_QP_FACTOR,
                                                                 1 << FFH_CONDITION_SHIFT, FFH_ENHANCE_MAX_DISTANCE };

static int is_count(int count, int most)
{
    return count >= 2 && count <= most && count % 2 == 0;
}

static int is_size(const ffh_enhance_size *size)
{
    int is_good = is_count(size->gain_channels, FFH_ENHANCE_MAX_CHANNELS) &&
                  is_count(size->textures, FFH_ENHANCE_MAX_TEXTURES) && size->blocks <= FFH_ENHANCE_MAX_BLOCKS;

    for (int i = 0; i < FFH_ENHANCE_SCALES; i++)
        is_good &= is_count(size->channels[i], FFH_ENHANCE_MAX_CHANNELS);
    return is_good;
}

int ffh_enhance_layers(const ffh_enhance_size *size, ffh_enhance_layer layers[FFH_ENHANCE_MAX_LAYERS])
{
    int half = size->channels[0], quarter = size->channels[1], eighth = size->channels[2];
    int count = FFH_LAYER_TRUNK;

    if (!is_size(size))
        return FFH_EDATA;
    layers[FFH_LAYER_STEM] = (ffh_enhance_layer){ FFH_ENHANCE_PLANES, half, 3, 1, 0, 1 };
    layers[FFH_LAYER_DOWN4] = (ffh_enhance_layer){ 4 * half, quarter, 1, 1, 1, 1 };
    layers[FFH_LAYER_DOWN8] = (ffh_enhance_layer){ 4 * quarter, eighth, 1, 1, 1, 1 };
    for (int i = 0; i < 2 * size->blocks; i++)
        layers[count++] = (ffh_enhance_layer){ eighth, eighth, 3, i % 2 == 0, 0, 0 };
    ffh_enhance_layer *after = layers + count;
    after[FFH_LAYER_UP4] = (ffh_enhance_layer){ eighth, quarter, 1, 0, 0, 0 };
    after[FFH_LAYER_MERGE] = (ffh_enhance_layer){ quarter, quarter, 3, 1, 0, 0 };
    after[FFH_LAYER_MERGE + 1] = (ffh_enhance_layer){ quarter, quarter, 3, 0, 0, 0 };
    after[FFH_LAYER_GAIN] = (ffh_enhance_layer){ quarter, size->gain_channels, 3, 1, 0, 0 };
    after[FFH_LAYER_GAIN + 1] = (ffh_enhance_layer){ size->gain_channels, size->textures, 1, 1, 0, 0 };
    after[FFH_LAYER_UP2] = (ffh_enhance_layer){ quarter, half, 1, 0, 0, 0 };
    after[FFH_LAYER_FUSE] = (ffh_enhance_layer){ half, half, 3, 1, 0, 0 };
    after[FFH_LAYER_DETAIL] = (ffh_enhance_layer){ half, FFH_ENHANCE_PLANES, 3, 0, 0, 0 };
    return count + FFH_LAYERS_AFTER;
}

static int16_t read16(const uint8_t *at)
{
    return (int16_t)(at[0] | at[1] << 8);
}

static int32_t read32(const uint8_t *at)
{
    return (int32_t)((uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24);
}

static size_t weight_count(const ffh_enhance_layer *layer)
{
    return (size_t)layer->outputs * (size_t)layer->inputs * (size_t)layer->kernel * (size_t)layer->kernel;
}

static size_t layer_bytes(const ffh_enhance_layer *layer)
{
    size_t numbers = 1 + (layer->conditioned ? FFH_ENHANCE_CONDITIONS : 0);

    return weight_count(layer) * sizeof(int16_t) + (size_t)layer->outputs * numbers * sizeof(int32_t);
}

/* Where the weight for `input` at a place of the window lies among the taps that the network's passes lay out. */
static void place_weight(const ffh_enhance_layer *layer, int input, int place, int *tap, int *of_pair)
{
    int channel = layer->unshuffled ? input / 4 : input;

    if (layer->unshuffled)
        place = input % 4;
    *tap = channel / 2 * (layer->unshuffled ? 4 : layer->kernel * layer->kernel) + place;
    *of_pair = channel % 2;
}

static void read_weights(ffh_enhance_weights *w, const uint8_t *data)
{
    const ffh_enhance_layer *l = &w->layer;
    int places = l->kernel * l->kernel;

    for (int o = 0; o < l->outputs; o++)
        for (int i = 0; i < l->inputs; i++)
            for (int place = 0; place < places; place++, data += sizeof(int16_t)) {
                int tap, of_pair;
                place_weight(l, i, place, &tap, &of_pair);
                w->weights[ffh_weight_index(w->taps, l->outputs, o, tap, of_pair)] = read16(data);
            }
}

/* The largest magnitude of a sum of an output, rounding included. */
static int64_t reach(const ffh_enhance_weights *w, int output)
{
    int64_t sum = llabs((long long)w->bias[output]) + (1 << FFH_SHIFT), of_conditions = 0;

    for (int tap = 0; tap < w->taps; tap++)
        for (int i = 0; i < 2; i++) {
            int16_t weight = w->weights[ffh_weight_index(w->taps, w->layer.outputs, output, tap, i)];
            sum += (int64_t)abs(weight) * LARGEST_ACTIVATION;
        }
    for (int i = 0; i < FFH_ENHANCE_CONDITIONS && w->conditions; i++)
        of_conditions += llabs((long long)w->conditions[output * FFH_ENHANCE_CONDITIONS + i]) * condition_reach[i];
    return sum + (of_conditions >> FFH_CONDITION_SHIFT) + 1;
}

/* Reads one layer and moves `data` behind it. */
static int read_layer(ffh_enhance_weights *w, const ffh_enhance_layer *layer, const uint8_t **data)
{
    int outputs = layer->outputs, conditions = layer->conditioned ? outputs * FFH_ENHANCE_CONDITIONS : 0;

    w->layer = *layer;
    w->taps = layer->inputs * layer->kernel * layer->kernel / 2;
    w->weights = malloc(weight_count(layer) * sizeof(*w->weights));
    w->bias = malloc((size_t)outputs * sizeof(*w->bias));
    w->conditions = conditions ? malloc((size_t)conditions * sizeof(*w->conditions)) : NULL;
    if (!w->weights || !w->bias || (conditions && !w->conditions))
        return FFH_ENOMEM;
    read_weights(w, *data);
    *data += weight_count(layer) * sizeof(int16_t);
    for (int o = 0; o < outputs; o++, *data += sizeof(int32_t))
        w->bias[o] = read32(*data);
    for (int i = 0; i < conditions; i++, *data += sizeof(int32_t))
        w->conditions[i] = read32(*data);
    for (int o = 0; o < outputs; o++)
        if (reach(w, o) > INT32_MAX)
            return FFH_EDATA;
    return 0;
}

/* Filters for noise: pairs of rows, of which the last has nothing in its second. */
static int read_textures(ffh_enhancer *e, const uint8_t *data)
{
    int count = e->size.textures;

    e->textures = calloc((size_t)count * FFH_TEXTURE_TAPS * 2, sizeof(*e->textures));
    if (!e->textures)
        return FFH_ENOMEM;
    for (int o = 0; o < count; o++)
        for (int i = 0; i < TEXTURE_PARTS; i++, data += sizeof(int16_t)) {
            int row = i / FFH_TEXTURE_SIDE, tap = row / 2 * FFH_TEXTURE_SIDE + i % FFH_TEXTURE_SIDE;
            e->textures[ffh_weight_index(FFH_TEXTURE_TAPS, count, o, tap, row % 2)] = read16(data);
        }
    return 0; /* sums of 49 weights times FFH_NOISE_REACH fit */
}

static int read_size(const uint8_t *data, size_t size, ffh_enhance_size *to)
{
    if (size < HEADER_SIZE || memcmp(data, "FFHE", 4) != 0 || data[4] != VERSION || data[HEADER_SIZE - 1] != 0)
        return FFH_EDATA;
    memcpy(to->channels, data + 5, FFH_ENHANCE_SCALES);
    to->blocks = data[8];
    to->gain_channels = data[9];
    to->textures = data[10];
    return 0;
}

static int read_all(ffh_enhancer *e, const uint8_t *data, size_t size)
{
    ffh_enhance_layer layers[FFH_ENHANCE_MAX_LAYERS];
    int error = read_size(data, size, &e->size);
    int count = error ? error : ffh_enhance_layers(&e->size, layers);

    if (count < 0)
        return count;
    size_t needed = HEADER_SIZE + (size_t)e->size.textures * TEXTURE_PARTS * sizeof(int16_t);
    for (int i = 0; i < count; i++)
        needed += layer_bytes(&layers[i]);
    if (size != needed)
        return FFH_EDATA;
    data += HEADER_SIZE;
    for (e->layers = 0; e->layers < count && !error; e->layers++)
        error = read_layer(&e->layer[e->layers], &layers[e->layers], &data);
    return error ? error : read_textures(e, data);
}

int ffh_enhancer_read(const uint8_t *data, size_t size, ffh_enhancer **enhancer)
{
    ffh_enhancer *e = calloc(1, sizeof(*e));
    int error = e ? read_all(e, data, size) : FFH_ENOMEM;

    if (error) {
        ffh_enhancer_free(e);
        e = NULL;
    }
    *enhancer = e;
    return error;
}

void ffh_enhancer_free(ffh_enhancer *e)
{
    if (!e)
        return;
    for (int i = 0; i < e->layers; i++) {
        free(e->layer[i].weights);
        free(e->layer[i].bias);
        free(e->layer[i].conditions);
    }
    free(e->textures);
    free(e);
}
