/*
 * libFuzzer target of the enhancement decoder: the first five bytes choose the picture's size and depth, what is known
 * of it, and strengths, of the one block as well; the rest is the file of the network. One whose sums could overflow
 * has to be refused.
 *
 *     make fuzz    (clang; under AddressSanitizer and UndefinedBehaviorSanitizer)
 */
#include "neural/enhance.h"

enum { HEAD = 5, MAX_WIDTH = 32, MAX_HEIGHT = 16, BYTES = 3 * MAX_WIDTH * MAX_HEIGHT };

static void lay_out(uint8_t *samples, int width, int height, int is_deep, ffh_planes *planes)
{
    ptrdiff_t stride = (ptrdiff_t)width << is_deep;

    *planes = (ffh_planes){ .planes = { samples, samples + stride * height, samples + stride * height * 5 / 4 },
                            .strides = { stride, stride / 2, stride / 2 },
                            .bit_depth = is_deep ? 10 : 8 };
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _Alignas(uint16_t) uint8_t samples[BYTES], below[BYTES];
    ffh_planes to, base;
    ffh_enhancer *enhancer;
    ffh_enhancement *found;

    if (size < HEAD || ffh_enhancer_read(data + HEAD, size - HEAD, &enhancer))
        return 0;
    int width = 2 + data[0] % (MAX_WIDTH - 1) / 2 * 2;
    int height = 2 + data[1] % (MAX_HEIGHT - 1) / 2 * 2;
    int is_deep = data[1] >> 7, threads = 1 + data[0] % 2;
    ffh_enhance_known known = { (int8_t)data[2], data[2] & 1, data[3] };
    ffh_enhance_strengths strengths = { data[3], data[4], data[2] };

    lay_out(samples, width, height, is_deep, &to);
    lay_out(below, width, height, is_deep, &base);
    for (int i = 0; i < BYTES; i++)
        below[i] = is_deep && i % 2 ? data[(size_t)i % size] & 3 : data[(size_t)i % size];
    if (!ffh_enhance_look(enhancer, &known, &base, width, height, threads, &found)) {
        ffh_enhance_compose(enhancer, found, &strengths, data[4] & 1 ? &data[2] : NULL, &base, &to, threads);
        ffh_enhancement_free(found);
    }
    ffh_enhancer_free(enhancer);
    return 0;
}
