/*
 * Passes over whole maps, rows shared by threads.
 */
#ifndef FFH_NEURAL_PASSES_H
#define FFH_NEURAL_PASSES_H

#include "neural/enhancer.h"
#include "neural/maps.h"

/* Rows beyond the maps are zeros. */
typedef struct ffh_passes {
    int threads;
    ffh_maps zeros; /* one row, as wide as any map */
    ffh_maps split; /* a row for each thread: pairs of every second column, for unshuffled inputs */
} ffh_passes;

/* For maps of at most `pairs` pairs and `columns` columns. Returns 0 or FFH_ENOMEM; release with ffh_passes_free. */
int ffh_passes_init(ffh_passes *passes, int threads, int pairs, int columns);
void ffh_passes_free(ffh_passes *passes);

/* One layer with a bias for the picture. `added` may be NULL or `to`; `from` may be `to` for kernels of 1x1. */
void ffh_pass_layer(const ffh_passes *passes, const ffh_enhance_weights *weights, const int32_t *bias,
                    const ffh_maps *from, const ffh_maps *added, const ffh_maps *to);

/* Adds `from`, enlarged bilinearly to twice its size, to `to`, saturating. */
void ffh_pass_enlarge(const ffh_passes *passes, const ffh_maps *from, const ffh_maps *to);

/* The part of `rows` that a thread works on. */
typedef struct ffh_share {
    int first;
    int last;
} ffh_share;
ffh_share ffh_share_of(int rows, int threads, int index);

#endif
