/*
 * Makes a picture of generator `enhance` without Python, so that builds can be compared:
 *
 *     enhance_picture NETWORK BASE WIDTH HEIGHT BIT_DEPTH QP PREDICTED DISTANCE TEXTURE DETAIL NOISE THREADS \
 *         [TEXTURE OF EVERY BLOCK ...] > PICTURE
 *
 * BASE and PICTURE are Y, Cb and Cr after each other, samples of more than 8 bits in two bytes of this machine;
 * strengths are in steps of 1/32.
 */
#include <stdio.h>
#include <stdlib.h>

#include "neural/enhance.h"

enum { LARGEST_NETWORK = 1 << 20, ARGUMENTS = 13, MOST_BLOCKS = 64 };

static size_t read_file(const char *path, uint8_t *data, size_t capacity)
{
    FILE *file = fopen(path, "rb");
    size_t size = file ? fread(data, 1, capacity, file) : 0;

    if (file)
        fclose(file);
    return size;
}

static void lay_out(uint8_t *samples, int width, int height, int bit_depth, ffh_planes *planes)
{
    size_t bytes = bit_depth > 8 ? 2 : 1;

    planes->bit_depth = bit_depth;
    for (int i = 0; i < 3; i++) {
        int shift = i ? 1 : 0;
        planes->planes[i] = samples;
        planes->strides[i] = (ptrdiff_t)(bytes * (size_t)(width >> shift));
        samples += planes->strides[i] * (height >> shift);
    }
}

int main(int count, char **arguments)
{
    int numbers[ARGUMENTS] = { 0 };
    uint8_t blocks[MOST_BLOCKS];

    if (count < ARGUMENTS || count > ARGUMENTS + MOST_BLOCKS)
        return EXIT_FAILURE;
    for (int i = 3; i < ARGUMENTS; i++)
        numbers[i] = atoi(arguments[i]);
    for (int i = ARGUMENTS; i < count; i++)
        blocks[i - ARGUMENTS] = (uint8_t)atoi(arguments[i]);
    int width = numbers[3], height = numbers[4], bit_depth = numbers[5], threads = numbers[12];
    size_t size = (size_t)width * (size_t)height * 3 / 2 * (bit_depth > 8 ? 2 : 1);
    uint8_t *network = malloc(LARGEST_NETWORK), *base = malloc(size), *picture = malloc(size);
    ffh_enhance_known known = { numbers[6], numbers[7], numbers[8] };
    ffh_enhance_strengths strengths = { (uint8_t)numbers[9], (uint8_t)numbers[10], (uint8_t)numbers[11] };
    ffh_planes from, to;
    ffh_enhancer *enhancer;
    ffh_enhancement *found;

    if (!network || !base || !picture || read_file(arguments[2], base, size) != size)
        return EXIT_FAILURE;
    if (ffh_enhancer_read(network, read_file(arguments[1], network, LARGEST_NETWORK), &enhancer))
        return EXIT_FAILURE;
    lay_out(base, width, height, bit_depth, &from);
    lay_out(picture, width, height, bit_depth, &to);
    if (ffh_enhance_look(enhancer, &known, &from, width, height, threads, &found) ||
        ffh_enhance_compose(enhancer, found, &strengths, count > ARGUMENTS ? blocks : NULL, &from, &to, threads))
        return EXIT_FAILURE;
    return fwrite(picture, 1, size, stdout) == size ? EXIT_SUCCESS : EXIT_FAILURE;
}
