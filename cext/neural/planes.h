/*
 * Planes of a 4:2:0 picture as they lie in memory.
 */
#ifndef FFH_NEURAL_PLANES_H
#define FFH_NEURAL_PLANES_H

#include <stddef.h>
#include <stdint.h>

/* Samples of one byte at 8 bits, two above; strides in bytes. */
typedef struct ffh_planes {
    uint8_t *planes[3];
    ptrdiff_t strides[3];
    int bit_depth;
} ffh_planes;

#endif
