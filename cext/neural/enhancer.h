/*
 * The enhancement network of generator `enhance`: its layers, its file (docs/FORMAT.md section 4), and the proof that
 * no sum can leave 32 bits.
 */
#ifndef FFH_NEURAL_ENHANCER_H
#define FFH_NEURAL_ENHANCER_H

#include "neural/convolution.h"

enum {
    FFH_ENHANCE_SCALES = 3, /* 1/2, 1/4 and 1/8 of the luma plane */
    FFH_ENHANCE_PLANES = 6, /* 2x2 luma blocks: four samples in the order of rows, Cb, Cr */
    FFH_ENHANCE_CONDITIONS = 3,
    FFH_CONDITION_SHIFT = 6, /* fractional bits of conditions */
    FFH_TEXTURE_SIDE = 7,
    FFH_TEXTURE_TAPS = (FFH_TEXTURE_SIDE + 1) / 2 * FFH_TEXTURE_SIDE, /* of pairs of rows */
    FFH_ENHANCE_MAX_CHANNELS = 128,
    FFH_ENHANCE_MAX_BLOCKS = 16,
    FFH_ENHANCE_MAX_TEXTURES = 12,
    FFH_ENHANCE_MAX_LAYERS = 11 + 2 * FFH_ENHANCE_MAX_BLOCKS,
    FFH_ENHANCE_MIN_QP = -48, /* at 16 bits */
    FFH_ENHANCE_MAX_QP = 51,
    FFH_ENHANCE_QP_MIDDLE = 32,
    FFH_ENHANCE_QP_FACTOR = 4, /* (QP - 32) / 16 with FFH_CONDITION_SHIFT fractional bits */
    FFH_ENHANCE_MAX_DISTANCE = 128
};

typedef struct ffh_enhance_size {
    uint8_t channels[FFH_ENHANCE_SCALES];
    uint8_t blocks; /* of the trunk */
    uint8_t gain_channels;
    uint8_t textures;
} ffh_enhance_size;

typedef struct ffh_enhance_layer {
    int inputs; /* those of four places where `unshuffled` */
    int outputs;
    int kernel; /* rows and columns */
    int relu;
    int unshuffled;
    int conditioned;
} ffh_enhance_layer;

/* Where layers are among all; those of the trunk are between. */
enum { FFH_LAYER_STEM, FFH_LAYER_DOWN4, FFH_LAYER_DOWN8, FFH_LAYER_TRUNK };
enum { /* after the trunk */
       FFH_LAYER_UP4,
       FFH_LAYER_MERGE,
       FFH_LAYER_GAIN = FFH_LAYER_MERGE + 2,
       FFH_LAYER_UP2 = FFH_LAYER_GAIN + 2,
       FFH_LAYER_FUSE,
       FFH_LAYER_DETAIL,
       FFH_LAYERS_AFTER
};

/* Lists the layers of a network in file order; returns how many, or FFH_EDATA for a size beyond the bounds. */
int ffh_enhance_layers(const ffh_enhance_size *size, ffh_enhance_layer layers[FFH_ENHANCE_MAX_LAYERS]);

/* A layer as the kernels take it; `conditions` of every output are NULL if there are none. */
typedef struct ffh_enhance_weights {
    ffh_enhance_layer layer;
    int taps;
    int16_t *weights;
    int32_t *bias;
    int32_t *conditions;
} ffh_enhance_weights;

typedef struct ffh_enhancer {
    ffh_enhance_size size;
    int layers;
    ffh_enhance_weights layer[FFH_ENHANCE_MAX_LAYERS];
    int16_t *textures; /* weights for noise, FFH_TEXTURE_TAPS taps */
} ffh_enhancer;

/*
 * Reads a network. Returns 0, FFH_ENOMEM, or FFH_EDATA for bytes that are none, or one whose sums could leave 32 bits.
 * Release it with ffh_enhancer_free, which takes NULL.
 */
int ffh_enhancer_read(const uint8_t *data, size_t size, ffh_enhancer **enhancer);
void ffh_enhancer_free(ffh_enhancer *enhancer);

#endif
