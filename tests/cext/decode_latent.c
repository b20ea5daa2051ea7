/*
 * Decodes one latent of generator `overfit` without Python, so that builds for other machines can be compared:
 *
 *     decode_latent WIDTH HEIGHT BIT_DEPTH THREADS LATENT BASE > PICTURE
 *
 * LATENT is what follows version and prior digest in a latent of the format; BASE and PICTURE are Y, Cb and Cr after
 * each other, samples of more than 8 bits in two bytes of this machine.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "neural/overfit.h"

enum { LARGEST_LATENT = 1 << 20 };

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
    if (count < 7)
        return EXIT_FAILURE;
    int width = atoi(arguments[1]), height = atoi(arguments[2]);
    int bit_depth = atoi(arguments[3]), threads = atoi(arguments[4]);
    size_t size = (size_t)width * (size_t)height * 3 / 2 * (bit_depth > 8 ? 2 : 1);
    uint8_t *latent = malloc(LARGEST_LATENT), *base = malloc(size), *picture = malloc(size);
    ffh_planes from, to;

    if (!latent || !base || !picture)
        return EXIT_FAILURE;
    size_t latent_size = read_file(arguments[5], latent, LARGEST_LATENT);
    if (read_file(arguments[6], base, size) != size)
        return EXIT_FAILURE;
    lay_out(base, width, height, bit_depth, &from);
    lay_out(picture, width, height, bit_depth, &to);
    if (ffh_overfit_decode(latent, latent_size, width, height, &from, &to, threads))
        return EXIT_FAILURE;
    return fwrite(picture, 1, size, stdout) == size ? EXIT_SUCCESS : EXIT_FAILURE;
}
