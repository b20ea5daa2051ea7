#include "neural/overfit.h"

#include <stdlib.h>
#include <string.h>

enum {
    HEADER_SIZE = 1 + FFH_CLASSES + FFH_CHROMA,
    MIN_SIDE = 2,
    MIN_STEP = 3 << (FFH_ACTIVATION_BITS - 1),
    CLASS_ZERO = 128,
    CLASS_SHIFT = FFH_ACTIVATION_BITS - 5
};

/* Everything that is read from a latent before a picture is made. */
typedef struct contents {
    ffh_overfit_header header;
    ffh_network network;
    ffh_latents latents;
} contents;

int32_t ffh_overfit_step(uint8_t step, int level)
{
    /* round(2^(12 + i / 8)) */
    static const int32_t eighths[8] = { 4096, 4467, 4871, 5312, 5793, 6317, 6889, 7512 };
    return FFH_MAX((eighths[step & 7] << (step >> 3)) >> (8 + level), MIN_STEP);
}

static int16_t class_of(const ffh_overfit_header *header, int i)
{
    return (int16_t)((header->classes[i] - CLASS_ZERO) * (1 << CLASS_SHIFT));
}

static int check_size(int width, int height)
{
    if (width < MIN_SIDE || height < MIN_SIDE || width > FFH_OVERFIT_MAX_SIDE || height > FFH_OVERFIT_MAX_SIDE)
        return FFH_EDATA;
    return width % 2 || height % 2 || width > FFH_OVERFIT_MAX_SAMPLES / height ? FFH_EDATA : 0;
}

static int check_header(const ffh_overfit_header *header)
{
    for (int i = 0; i < FFH_CHROMA; i++)
        if (header->steps[i] > FFH_OVERFIT_MAX_STEP)
            return FFH_EDATA;
    return header->has_fine > 1 ? FFH_EDATA : 0;
}

static int code_body(ffh_range *r, contents *c, const uint8_t *shifts)
{
    const int16_t classes[FFH_CLASSES] = { class_of(&c->header, 0), class_of(&c->header, 1) };
    int error = ffh_network_code(r, &c->network, shifts);
    ffh_latent_coder *coder = error ? NULL : malloc(sizeof(*coder));

    if (error)
        return error;
    if (!coder)
        return FFH_ENOMEM;
    ffh_latent_coder_init(coder, r);
    error = ffh_latents_code(coder, &c->network, classes, &c->latents);
    free(coder);
    return error;
}

static void copy_grid(int8_t *to, ptrdiff_t to_stride, const int8_t *from, ptrdiff_t from_stride, int rows, int columns)
{
    for (int y = 0; y < rows; y++)
        memcpy(to + y * to_stride, from + y * from_stride, (size_t)columns);
}

static size_t pattern_bytes(const ffh_patterns *patterns)
{
    return (size_t)patterns->rows * (size_t)patterns->columns * FFH_PATTERNS;
}

int ffh_overfit_encode(const ffh_overfit_header *header, int width, int height, int32_t *values,
                       const uint8_t shifts[FFH_MODULES], const int8_t *const arrays[FFH_ARRAYS], ffh_buf *out)
{
    contents c = { .header = *header };
    ffh_range range;
    int error = check_size(width, height);

    memcpy(&c.network, values, sizeof(c.network));
    error = error ? error : check_header(header);
    error = error ? error : ffh_network_check(&c.network);
    error = error ? error : ffh_latents_init(&c.latents, width, height, header->has_fine);
    if (error)
        return error;
    for (int i = header->has_fine ? 0 : 1; i < FFH_GRIDS; i++) {
        const ffh_grid *grid = &c.latents.grids[i];
        copy_grid(grid->at, grid->stride, arrays[i], grid->columns, grid->rows, grid->columns);
    }
    memcpy(c.latents.patterns.at, arrays[FFH_GRIDS], pattern_bytes(&c.latents.patterns));
    ffh_buf_append_byte(out, header->has_fine);
    ffh_buf_append(out, header->classes, FFH_CLASSES);
    ffh_buf_append(out, header->steps, FFH_CHROMA);
    ffh_range_start_encoder(&range, out);
    error = code_body(&range, &c, shifts);
    ffh_range_finish(&range);
    memcpy(values, &c.network, sizeof(c.network));
    ffh_latents_free(&c.latents);
    return error ? error : out->error;
}

/* On success the caller frees the latents. */
static int read_contents(const uint8_t *data, size_t size, int width, int height, contents *c)
{
    ffh_range range;
    int error = check_size(width, height);

    if (error || size < HEADER_SIZE)
        return FFH_EDATA;
    c->header.has_fine = data[0];
    memcpy(c->header.classes, data + 1, FFH_CLASSES);
    memcpy(c->header.steps, data + 1 + FFH_CLASSES, FFH_CHROMA);
    error = check_header(&c->header);
    error = error ? error : ffh_latents_init(&c->latents, width, height, c->header.has_fine);
    if (error)
        return error;
    ffh_range_start_decoder(&range, data + HEADER_SIZE, size - HEADER_SIZE);
    error = code_body(&range, c, NULL);
    if (error)
        ffh_latents_free(&c->latents);
    return error;
}

int ffh_overfit_decode(const uint8_t *data, size_t size, int width, int height, const ffh_planes *base,
                       const ffh_planes *to, int threads)
{
    contents c;
    ffh_pyramid pyramid;
    int32_t steps[FFH_GRIDS];
    int16_t classes[FFH_CLASSES];
    int error = read_contents(data, size, width, height, &c);

    if (error)
        return error;
    for (int i = 0; i < FFH_CLASSES; i++)
        classes[i] = class_of(&c.header, i);
    for (int i = 0; i < FFH_GRIDS; i++)
        steps[i] = ffh_overfit_step(c.header.steps[i >= FFH_LEVELS], ffh_grid_level(i));
    error = ffh_pyramid_init(&pyramid, &c.network, &c.latents, steps);
    if (!error) {
        error = ffh_synthesise(&c.network, &pyramid, classes, base, to, threads);
        ffh_pyramid_free(&pyramid);
    }
    ffh_latents_free(&c.latents);
    return error;
}

int ffh_overfit_read(const uint8_t *data, size_t size, int width, int height, ffh_overfit_header *header,
                     int32_t *values, int8_t *const arrays[FFH_ARRAYS])
{
    contents c;
    int error = read_contents(data, size, width, height, &c);

    if (error)
        return error;
    *header = c.header;
    memcpy(values, &c.network, sizeof(c.network));
    for (int i = c.header.has_fine ? 0 : 1; i < FFH_GRIDS; i++) {
        const ffh_grid *grid = &c.latents.grids[i];
        copy_grid(arrays[i], grid->columns, grid->at, grid->stride, grid->rows, grid->columns);
    }
    memcpy(arrays[FFH_GRIDS], c.latents.patterns.at, pattern_bytes(&c.latents.patterns));
    ffh_latents_free(&c.latents);
    return 0;
}
