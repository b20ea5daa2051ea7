/*
 * libFuzzer target of the overfit decoder: the first two bytes choose the picture size, the rest is the latent.
 *
 *     make fuzz    (clang; a million executions under AddressSanitizer and UndefinedBehaviorSanitizer)
 */
#include <stdlib.h>

#include "ffh_overfit.h"

enum { MAX_WIDTH = 32, MAX_HEIGHT = 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t samples[3 * MAX_WIDTH * MAX_HEIGHT];

    if (size < 2)
        return 0;
    int width = 2 + data[0] % (MAX_WIDTH - 1) / 2 * 2;
    int height = 2 + data[1] % (MAX_HEIGHT - 1) / 2 * 2;
    int is_deep = data[1] >> 7;
    ptrdiff_t stride = width << is_deep;
    ffh_planes to = { .planes = { samples, samples + stride * height, samples + stride * height * 5 / 4 },
                      .strides = { stride, stride / 2, stride / 2 },
                      .bit_depth = is_deep ? 10 : 8 };

    ffh_overfit_decode(data + 2, size - 2, width, height, &to, 1 + data[0] % 2);
    return 0;
}
