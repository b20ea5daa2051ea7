/*
 * libFuzzer target of the overfit decoder: the first two bytes choose the picture size and whether there is a base
 * picture, the rest is the latent behind it.
 *
 *     make fuzz    (clang; a million executions under AddressSanitizer and UndefinedBehaviorSanitizer)
 */
#include <stdlib.h>

#include "neural/overfit.h"

enum { MAX_WIDTH = 32, MAX_HEIGHT = 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t samples[3 * MAX_WIDTH * MAX_HEIGHT], below[3 * MAX_WIDTH * MAX_HEIGHT];

    if (size < 2)
        return 0;
    int width = 2 + data[0] % (MAX_WIDTH - 1) / 2 * 2;
    int height = 2 + data[1] % (MAX_HEIGHT - 1) / 2 * 2;
    int is_deep = data[1] >> 7;
    ptrdiff_t stride = width << is_deep;
    int has_base = data[0] >> 7;
    ffh_planes to = { .planes = { samples, samples + stride * height, samples + stride * height * 5 / 4 },
                      .strides = { stride, stride / 2, stride / 2 },
                      .bit_depth = is_deep ? 10 : 8 };
    ffh_planes base = to;

    for (int i = 0; i < 3; i++)
        base.planes[i] = below + (to.planes[i] - samples);
    for (size_t i = 0; i < sizeof(below); i++)
        below[i] = is_deep && i % 2 ? data[i % size] & 3 : data[i % size];
    ffh_overfit_decode(data + 2, size - 2, width, height, has_base ? &base : NULL, &to, 1 + data[0] % 2);
    return 0;
}
