/*
 * Generator `enhance`: what the enhancement network sees in a base picture, and the picture made of both
 * (docs/FORMAT.md section 4). All arithmetic is on integers: the same samples on every machine, for any number of
 * threads.
 */
#ifndef FFH_NEURAL_ENHANCE_H
#define FFH_NEURAL_ENHANCE_H

#include "neural/enhancer.h"
#include "neural/maps.h"
#include "neural/planes.h"

enum {
    FFH_ENHANCE_ALIGN = 8, /* both sides of the luma plane are extended to multiples of it */
    FFH_ENHANCE_MAX_SIDE = 16384,
    FFH_ENHANCE_MAX_SAMPLES = 1 << 26, /* luma; about 25 bytes are allocated for each */
    FFH_ENHANCE_MAX_DEPTH = 12,
    FFH_FEATURE_BITS = 11, /* fractional, of features */
    FFH_INPUT_SHIFT = 6,   /* a step of 8 bits as a feature: 2^11 / 32 */
    FFH_STRENGTH_BITS = 5, /* fractional, of strengths */
    FFH_ENHANCE_BLOCK = 64 /* luma samples on a side of the blocks that may have strengths of their own */
};

/* What is known of a picture: the QP of its first slice; of P pictures how far they are from the last generated one. */
typedef struct ffh_enhance_known {
    int qp;
    int predicted;
    int distance;
} ffh_enhance_known;

typedef struct ffh_enhance_strengths {
    uint8_t texture;
    uint8_t detail;
    uint8_t noise; /* which noise */
} ffh_enhance_strengths;

/* What the network sees: detail at half the size, gains of textures at a quarter, of the extended picture. */
typedef struct ffh_enhancement {
    int width; /* of the picture */
    int height;
    ffh_maps detail;
    ffh_maps gains;
} ffh_enhancement;

/* Returns 0, FFH_ENOMEM, or FFH_EDATA for a picture beyond the format's bounds. Release with ffh_enhancement_free. */
int ffh_enhance_look(const ffh_enhancer *enhancer, const ffh_enhance_known *known, const ffh_planes *base, int width,
                     int height, int threads, ffh_enhancement **enhancement);
void ffh_enhancement_free(ffh_enhancement *enhancement);

/* Adds what was seen to its base picture, of the size and depth of `to`. `blocks`, which are borrowed, are strengths of
 * texture block by block, rows from the top, in place of that of the whole picture, or NULL. Returns 0 or FFH_ENOMEM. */
int ffh_enhance_compose(const ffh_enhancer *enhancer, const ffh_enhancement *enhancement,
                        const ffh_enhance_strengths *strengths, const uint8_t *blocks, const ffh_planes *base,
                        const ffh_planes *to, int threads);

#endif
