#include "neural/latents.h"

#include <stdlib.h>
#include <string.h>

typedef struct grid_coder {
    ffh_latent_coder *coder;
    ffh_predictor predictor;
    int32_t bias1[FFH_KINDS][FFH_ARM_HIDDEN];
    int32_t bias3[2];
    int16_t rate_class;
    int kind;
    ffh_distribution quiet; /* where every context value but the rate class is zero */
} grid_coder;

static int grid_init(ffh_grid *grid, int rows, int columns)
{
    size_t stride = (size_t)columns + 2 * FFH_GRID_BORDER;

    *grid = (ffh_grid){ .rows = rows, .columns = columns, .stride = (ptrdiff_t)stride };
    grid->memory = calloc((size_t)rows + 2 * FFH_GRID_BORDER, stride);
    if (!grid->memory)
        return FFH_ENOMEM;
    grid->at = grid->memory + FFH_GRID_BORDER * stride + FFH_GRID_BORDER;
    return 0;
}

int ffh_grid_level(int grid)
{
    return grid < FFH_LEVELS ? grid : FFH_FIRST_CHROMA_LEVEL + (grid - FFH_LEVELS) % FFH_CHROMA_LEVELS;
}

int ffh_chroma_grid(int plane, int level)
{
    return FFH_LEVELS + plane * FFH_CHROMA_LEVELS + level - FFH_FIRST_CHROMA_LEVEL;
}

int ffh_latents_init(ffh_latents *latents, int width, int height, int has_fine)
{
    int error;

    memset(latents, 0, sizeof(*latents));
    error = ffh_patterns_init(&latents->patterns, width / 2, height / 2);
    for (int i = 0; i < FFH_GRIDS && !error; i++) {
        int round_up = (1 << ffh_grid_level(i)) - 1;
        if (i || has_fine)
            error = grid_init(&latents->grids[i], (height + round_up) >> ffh_grid_level(i),
                              (width + round_up) >> ffh_grid_level(i));
    }
    if (error)
        ffh_latents_free(latents);
    return error;
}

void ffh_latents_free(ffh_latents *latents)
{
    for (int i = 0; i < FFH_GRIDS; i++)
        free(latents->grids[i].memory);
    ffh_patterns_free(&latents->patterns);
    memset(latents, 0, sizeof(*latents));
}

static ffh_distribution predict(const grid_coder *c, int16_t values[FFH_PREDICTION])
{
    return ffh_predict(&c->predictor, c->bias1[c->kind], c->bias3, values);
}

/* Gathers the context of one latent; returns whether anything in it is not zero. */
static int gather(int16_t *context, const int8_t *at, ptrdiff_t stride, const int8_t *parent, ptrdiff_t parent_stride)
{
    const int8_t values[FFH_NEIGHBOURS + FFH_PARENTS] = {
        at[-1],
        at[-2],
        at[-stride - 1],
        at[-stride],
        at[-stride + 1],
        at[-2 * stride],
        at[-stride - 2],
        at[-stride + 2],
        at[-2 * stride - 1],
        at[-2 * stride + 1],
        parent[0],
        parent[-1],
        parent[1],
        parent[-parent_stride],
        parent[parent_stride],
    };
    int any = 0;

    for (int i = 0; i < FFH_NEIGHBOURS + FFH_PARENTS; i++)
        any |= values[i];
    if (!any)
        return 0;
    for (int i = 0; i < FFH_NEIGHBOURS + FFH_PARENTS; i++)
        context[i] = (int16_t)(values[i] * (1 << FFH_ACTIVATION_BITS));
    return 1;
}

static int code_row(grid_coder *c, const ffh_grid *grid, int row, const ffh_grid *parent)
{
    static const int8_t nothing[3 * 3];
    int16_t values[FFH_PREDICTION];
    int8_t *at = grid->at + row * grid->stride;
    const int8_t *above = parent ? parent->at + (row >> 1) * parent->stride : &nothing[4];

    values[FFH_PREDICTION - 1] = c->rate_class;
    for (int x = 0; x < grid->columns; x++) {
        const int8_t *covering = parent ? above + (x >> 1) : above;
        int any = gather(values + FFH_ARM_HIDDEN, at + x, grid->stride, covering, parent ? parent->stride : 3);
        int latent = ffh_code_latent(c->coder, any ? predict(c, values) : c->quiet, at[x]);
        if (!ffh_is_latent(latent))
            return FFH_EDATA;
        at[x] = (int8_t)latent;
    }
    return 0;
}

static unsigned has_any(const ffh_grid *grid)
{
    int any = 0;

    for (int row = 0; row < grid->rows; row++)
        for (int x = 0; x < grid->columns; x++)
            any |= grid->at[row * grid->stride + x];
    return any != 0;
}

static int code_grid(grid_coder *c, const ffh_grid *grid, const ffh_grid *parent)
{
    int16_t values[FFH_PREDICTION] = { 0 };

    if (!ffh_range_code_bits(c->coder->range, has_any(grid), 1))
        return 0;
    values[FFH_PREDICTION - 1] = c->rate_class;
    c->quiet = predict(c, values);
    for (int row = 0; row < grid->rows; row++) {
        int error = code_row(c, grid, row, parent);
        if (error)
            return error;
    }
    return 0;
}

static int code_index(grid_coder *c, ffh_latents *latents, int index)
{
    int is_coarsest = ffh_grid_level(index) == FFH_LEVELS - 1;

    if (!latents->grids[index].memory)
        return 0;
    c->kind = index < FFH_LEVELS ? index : FFH_LEVELS + (index - FFH_LEVELS) % FFH_CHROMA_LEVELS;
    return code_grid(c, &latents->grids[index], is_coarsest ? NULL : &latents->grids[index + 1]);
}

int ffh_latents_code(ffh_latent_coder *coder, const ffh_network *network, const int16_t classes[FFH_CLASSES],
                     ffh_latents *latents)
{
    grid_coder c = { .coder = coder, .rate_class = classes[0] };
    int error = 0;

    ffh_predictor_init(&c.predictor, network->arm_weight1, network->arm_weight2, network->arm_bias2,
                       network->arm_weight3, network->arm_linear);
    ffh_scale_biases(c.bias1[0], network->arm_bias1[0], FFH_KINDS * FFH_ARM_HIDDEN);
    ffh_scale_biases(c.bias3, network->arm_bias3, 2);
    for (int level = FFH_LEVELS - 1; level >= 0 && !error; level--) {
        error = code_index(&c, latents, level);
        for (int plane = 0; plane < FFH_CHROMA && level >= FFH_FIRST_CHROMA_LEVEL && !error; plane++)
            error = code_index(&c, latents, ffh_chroma_grid(plane, level));
    }
    return error ? error : ffh_patterns_code(coder, network, classes, &latents->patterns);
}
