#include "neural/upsampling.h"

#include <stdlib.h>
#include <string.h>

enum { REACH = 2, WINDOW = 2 * REACH + 1 };

int ffh_rows_init(ffh_rows *rows, int channels, int count, int columns)
{
    size_t aligned = ((size_t)columns + FFH_ROW_ALIGN - 1) / FFH_ROW_ALIGN * FFH_ROW_ALIGN;
    size_t stride = aligned + 2 * FFH_ROW_MARGIN;

    *rows = (ffh_rows){ .channels = channels, .rows = count, .columns = columns, .stride = (ptrdiff_t)stride };
    rows->memory = calloc((size_t)channels * (size_t)count * stride, sizeof(int16_t));
    return rows->memory ? 0 : FFH_ENOMEM;
}

void ffh_rows_free(ffh_rows *rows)
{
    free(rows->memory);
    rows->memory = NULL;
}

void ffh_extend_row(int16_t *row, int columns)
{
    for (int i = 1; i <= REACH; i++) {
        row[-i] = row[0];
        row[columns - 1 + i] = row[columns - 1];
    }
}

static int16_t feature(int latent, int32_t step)
{
    int32_t value = latent * step;
    return (int16_t)FFH_MIN(FFH_MAX(value, INT16_MIN), INT16_MAX);
}

static void scale_row(int16_t *out, const int8_t *latents, int count, int32_t step)
{
    for (int x = 0; x < count; x++)
        out[x] = feature(latents[x], step);
}

/* One row of `channel` of `from` at twice its size; `taps` of both phases. */
static void double_row(const ffh_rows *from, int channel, const int16_t taps[2][FFH_TAPS + 2], int row, int columns,
                       int16_t *out, const ffh_rows *scratch)
{
    const int32_t no_bias[2] = { 0 };
    int phase = row & 1;
    int16_t *narrow = ffh_rows_at(scratch, 0, 0);
    int16_t *phases[2] = { ffh_rows_at(scratch, 0, 1), ffh_rows_at(scratch, 0, 2) };
    const int16_t *window[WINDOW + 1];

    for (int i = 0; i < WINDOW; i++) {
        int y = FFH_MIN(FFH_MAX((row >> 1) + i - REACH, 0), from->rows - 1);
        window[i] = ffh_rows_at(from, channel, y);
    }
    window[WINDOW] = window[0];
    ffh_mac vertical = { .taps = WINDOW + 1, .outputs = 1, .weights = taps[phase], .bias = no_bias };
    ffh_mac_rows(&vertical, window, &narrow, from->columns);
    ffh_extend_row(narrow, from->columns);

    for (int i = 0; i < WINDOW; i++)
        window[i] = narrow + i - REACH;
    window[WINDOW] = narrow;
    ffh_mac horizontal = { .taps = WINDOW + 1, .outputs = 2, .weights = taps[0], .bias = no_bias };
    ffh_mac_rows(&horizontal, window, phases, from->columns);
    for (int x = 0; x < columns / 2; x++) {
        out[2 * x] = phases[0][x];
        out[2 * x + 1] = phases[1][x];
    }
    if (columns & 1)
        out[columns - 1] = phases[0][columns / 2];
}

static void add_row(int16_t *to, const int8_t *latents, int count, int32_t step)
{
    for (int x = 0; x < count; x++) {
        int32_t sum = to[x] + feature(latents[x], step);
        to[x] = (int16_t)FFH_MIN(FFH_MAX(sum, INT16_MIN), INT16_MAX);
    }
}

/* One row of luma level `level`, of all coarser ones, and of Cb and Cr, from `coarser` at half the size. */
static void level_row(const ffh_pyramid *p, int level, const ffh_rows *coarser, int row, int16_t *const *out,
                      const ffh_rows *scratch)
{
    const ffh_grid *luma = &p->latents->grids[level];

    scale_row(out[0], luma->at + row * luma->stride, luma->columns, p->steps[level]);
    for (int c = 0; c < coarser->channels; c++)
        double_row(coarser, c, p->taps[level - 1], row, luma->columns, out[c + 1], scratch);
    for (int plane = 0; plane < FFH_CHROMA && level >= FFH_FIRST_CHROMA_LEVEL; plane++) {
        int index = ffh_chroma_grid(plane, level);
        const ffh_grid *grid = &p->latents->grids[index];
        add_row(out[coarser->channels - FFH_CHROMA + 1 + plane], grid->at + row * grid->stride, grid->columns,
                p->steps[index]);
    }
}

static int double_level(const ffh_pyramid *p, int level, const ffh_rows *coarser, ffh_rows *out)
{
    const ffh_grid *grid = &p->latents->grids[level];
    ffh_rows scratch = { 0 };
    int error = ffh_rows_init(out, coarser->channels + 1, grid->rows, grid->columns);
    int16_t *rows[FFH_LEVELS + FFH_CHROMA];

    if (!error)
        error = ffh_rows_init(&scratch, 1, 3, coarser->columns);
    for (int y = 0; y < grid->rows && !error; y++) {
        for (int c = 0; c < out->channels; c++)
            rows[c] = ffh_rows_at(out, c, y);
        level_row(p, level, coarser, y, rows, &scratch);
    }
    ffh_rows_free(&scratch);
    return error;
}

static int coarsest(const ffh_pyramid *p, ffh_rows *out)
{
    const int level = FFH_LEVELS - 1;
    const int indices[1 + FFH_CHROMA] = { level, ffh_chroma_grid(0, level), ffh_chroma_grid(1, level) };
    const ffh_grid *luma = &p->latents->grids[level];
    int error = ffh_rows_init(out, 1 + FFH_CHROMA, luma->rows, luma->columns);

    for (int c = 0; c < 1 + FFH_CHROMA && !error; c++) {
        const ffh_grid *grid = &p->latents->grids[indices[c]];
        for (int y = 0; y < grid->rows; y++)
            scale_row(ffh_rows_at(out, c, y), grid->at + y * grid->stride, grid->columns, p->steps[indices[c]]);
    }
    return error;
}

int ffh_pyramid_init(ffh_pyramid *p, const ffh_network *network, const ffh_latents *latents,
                     const int32_t steps[FFH_GRIDS])
{
    *p = (ffh_pyramid){ .latents = latents };
    memcpy(p->steps, steps, sizeof(p->steps));
    for (int step = 0; step < FFH_LEVELS - 2; step++)
        for (int i = 0; i < FFH_TAPS; i++) {
            p->taps[step][0][i] = (int16_t)network->upsampling_taps[step][i];
            p->taps[step][1][WINDOW - 1 - i] = (int16_t)network->upsampling_taps[step][i];
        }
    int error = coarsest(p, &p->coarse);
    for (int level = FFH_LEVELS - 2; level >= 2 && !error; level--) {
        ffh_rows finer = { 0 };
        error = double_level(p, level, &p->coarse, &finer);
        ffh_rows_free(&p->coarse);
        p->coarse = finer;
    }
    if (error)
        ffh_pyramid_free(p);
    return error;
}

void ffh_pyramid_free(ffh_pyramid *p)
{
    ffh_rows_free(&p->coarse);
}

void ffh_pyramid_row(const ffh_pyramid *p, int row, int16_t *const *out, const ffh_rows *scratch)
{
    const ffh_grid *fine = &p->latents->grids[0];

    level_row(p, 1, &p->coarse, row, out, scratch);
    for (int phase = 0; phase < FFH_FINE; phase++) {
        int16_t *to = out[FFH_LEVELS - 1 + FFH_CHROMA + phase];
        if (!fine->memory) {
            memset(to, 0, (size_t)p->latents->grids[1].columns * sizeof(*to));
            continue;
        }
        const int8_t *from = fine->at + (2 * row + phase / 2) * fine->stride + phase % 2;
        for (int x = 0; x < fine->columns / 2; x++)
            to[x] = feature(from[2 * x], p->steps[0]);
    }
}
