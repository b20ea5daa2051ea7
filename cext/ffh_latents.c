#include "ffh_latents.h"

#include <stdlib.h>
#include <string.h>

enum {
    ESCAPE = FFH_SYMBOLS,
    CENTRE = FFH_SYMBOLS / 2,
    FINE_STEPS = 32, /* of the decay table a latent unit */
    MAX_DISTANCE = FINE_STEPS * (CENTRE + 1),
    ESCAPE_MODELS = 9,
    MEAN_SHIFT = FFH_ACTIVATION_BITS - 4,
    SCALE_SHIFT = FFH_ACTIVATION_BITS - 3,
    SCALE_OFFSET = 3 << FFH_ACTIVATION_BITS
};

const uint32_t ffh_laplace_decay[FFH_SCALES] = {
    2292793429u, 2468287122u, 2634284728u, 2790026231u, 2935098475u, 3069377520u, 3192972165u, 3306171570u,
    3409398688u, 3503170247u, 3588063376u, 3664688528u, 3733668108u, 3795620087u, 3851145835u, 3900821471u,
    3945192045u, 3984767983u, 4020023267u, 4051394954u, 4079283667u, 4104054794u, 4126040155u, 4145539976u,
    4162825044u, 4178138919u, 4191700155u, 4203704461u, 4214326777u, 4223723231u, 4232032974u, 4239379876u,
    4245874087u, 4251613472u, 4256684905u, 4261165454u, 4265123442u, 4268619407u, 4271706966u, 4274433582u,
    4276841258u, 4278967151u, 4280844123u, 4282501229u, 4283964152u, 4285255593u, 4286395609u, 4287401921u,
    4288290184u, 4289074227u, 4289766262u, 4290377073u, 4290916184u, 4291392004u, 4291811957u, 4292182599u,
    4292509716u, 4292798416u, 4293053210u, 4293278076u, 4293476531u, 4293651673u, 4293806242u, 4293942653u,
};

typedef struct distribution {
    int mean;  /* in 1 / FFH_MEAN_STEPS */
    int scale; /* index */
} distribution;

typedef struct grid_coder {
    ffh_range *range;
    const ffh_entropy_model *model;
    ffh_range_bit escape[ESCAPE_MODELS];
    distribution quiet; /* where every context value but the rate class is zero */
    int kind;
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
    int error = 0;

    memset(latents, 0, sizeof(*latents));
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
    memset(latents, 0, sizeof(*latents));
}

/* Part of 2^32 of a Laplace distribution below a distance of n / FINE_STEPS from its mean. */
static uint64_t part_below(const uint64_t *decay, int n)
{
    return n < 0 ? decay[-n] / 2 : (UINT64_C(1) << 32) - decay[n] / 2;
}

static void tabulate(uint16_t *cumulative, const uint64_t *decay, int fraction)
{
    const uint64_t spread = FFH_RANGE_TOTAL - FFH_SYMBOLS - 1; /* every interval keeps one */
    int edge = -FINE_STEPS * CENTRE - FINE_STEPS / 2 - 2 * fraction;
    uint64_t start = part_below(decay, edge);

    for (int i = 0; i <= FFH_SYMBOLS; i++, edge += FINE_STEPS)
        cumulative[i] = (uint16_t)((((part_below(decay, edge) - start) * spread) >> 32) + (uint64_t)i);
}

static void tabulate_scale(uint16_t (*cumulative)[FFH_INTERVALS], uint32_t step)
{
    uint64_t decay[MAX_DISTANCE + 1];

    decay[0] = UINT64_C(1) << 32;
    for (int i = 1; i <= MAX_DISTANCE; i++)
        decay[i] = (decay[i - 1] * step) >> 32;
    for (int i = 0; i < FFH_MEAN_STEPS; i++)
        tabulate(cumulative[i], decay, i - FFH_MEAN_STEPS / 2);
}

static void interleave(ffh_dense *dense, const int32_t (*weights)[FFH_DENSE])
{
    for (int o = 0; o < FFH_DENSE; o++)
        for (int i = 0; i < FFH_DENSE; i++)
            dense->weights[i / 2][o][i % 2] = (int16_t)weights[o][i];
}

void ffh_entropy_model_init(ffh_entropy_model *model, const ffh_network *network, int16_t rate_class)
{
    const int32_t unit = 1 << FFH_ACTIVATION_BITS;

    interleave(&model->first, network->arm_weight1);
    interleave(&model->second, network->arm_weight2);
    for (int o = 0; o < FFH_ARM_HIDDEN; o++) {
        for (int kind = 0; kind < FFH_KINDS; kind++)
            model->bias1[kind][o] = network->arm_bias1[kind][o] * unit;
        model->bias2[o] = network->arm_bias2[o] * unit;
    }
    for (int o = 0; o < 2; o++) {
        for (int i = 0; i < FFH_ARM_HIDDEN; i++)
            model->last[o][i] = (int16_t)network->arm_weight3[o][i];
        for (int i = 0; i < FFH_CONTEXT; i++)
            model->last[o][FFH_ARM_HIDDEN + i] = (int16_t)network->arm_linear[o][i];
        model->bias3[o] = network->arm_bias3[o] * unit;
    }
    model->rate_class = rate_class;
    for (int scale = 0; scale < FFH_SCALES; scale++)
        tabulate_scale(model->cumulative[scale], ffh_laplace_decay[scale]);
}

static int32_t dot(const int16_t *weights, const int16_t *values, int count)
{
    int32_t sum = 0;

    for (int i = 0; i < count; i++)
        sum += weights[i] * values[i];
    return sum;
}

/* `values` holds room for the hidden layer, then the context. */
static distribution predict(const grid_coder *c, int16_t values[FFH_ARM_HIDDEN + FFH_CONTEXT])
{
    const ffh_entropy_model *m = c->model;
    const int32_t rounding = 1 << (FFH_WEIGHT_BITS - 1);
    const int limit = FFH_MAX_LATENT * FFH_MEAN_STEPS;
    int16_t hidden[FFH_DENSE];
    int32_t out[2];

    ffh_dense_relu(&m->first, m->bias1[c->kind], values + FFH_ARM_HIDDEN, hidden);
    ffh_dense_relu(&m->second, m->bias2, hidden, values);
    for (int o = 0; o < 2; o++)
        out[o] = (m->bias3[o] + dot(m->last[o], values, FFH_ARM_HIDDEN + FFH_CONTEXT) + rounding) >> FFH_WEIGHT_BITS;
    int mean = (out[0] + (1 << (MEAN_SHIFT - 1))) >> MEAN_SHIFT;
    int scale = (out[1] + SCALE_OFFSET + (1 << (SCALE_SHIFT - 1))) >> SCALE_SHIFT;
    return (distribution){ .mean = FFH_MIN(FFH_MAX(mean, -limit), limit),
                           .scale = FFH_MIN(FFH_MAX(scale, 0), FFH_SCALES - 1) };
}

static uint32_t interval_end(const uint16_t *cumulative, int symbol)
{
    return symbol == ESCAPE ? (uint32_t)FFH_RANGE_TOTAL : cumulative[symbol + 1];
}

static int find_symbol(const uint16_t *cumulative, uint32_t at)
{
    int symbol = CENTRE;

    while (at < cumulative[symbol])
        symbol--;
    while (at >= interval_end(cumulative, symbol))
        symbol++;
    return symbol;
}

/* What is beyond the table: a side, and how far. */
static int code_escape(grid_coder *c, int difference)
{
    unsigned below = ffh_range_code_bits(c->range, difference < 0, 1);
    uint32_t beyond = (uint32_t)(difference < 0 ? -CENTRE - 1 - difference : difference - CENTRE);

    beyond = ffh_range_code_golomb(c->range, c->escape, ESCAPE_MODELS, beyond);
    return below ? -CENTRE - 1 - (int)beyond : CENTRE + (int)beyond;
}

static int code_latent(grid_coder *c, distribution d, int latent)
{
    int centre = (d.mean + FFH_MEAN_STEPS / 2) >> 4;
    const uint16_t *cumulative = c->model->cumulative[d.scale][d.mean - FFH_MEAN_STEPS * centre + FFH_MEAN_STEPS / 2];
    int symbol;

    if (c->range->out) {
        int difference = latent - centre;
        symbol = difference >= -CENTRE && difference < CENTRE ? difference + CENTRE : ESCAPE;
        ffh_range_encode(c->range, cumulative[symbol], interval_end(cumulative, symbol) - cumulative[symbol]);
    } else {
        symbol = find_symbol(cumulative, ffh_range_peek(c->range));
        ffh_range_consume(c->range, cumulative[symbol], interval_end(cumulative, symbol) - cumulative[symbol]);
    }
    return centre + (symbol == ESCAPE ? code_escape(c, latent - centre) : symbol - CENTRE);
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
    int16_t values[FFH_ARM_HIDDEN + FFH_CONTEXT];
    int8_t *at = grid->at + row * grid->stride;
    const int8_t *above = parent ? parent->at + (row >> 1) * parent->stride : &nothing[4];

    values[FFH_ARM_HIDDEN + FFH_CONTEXT - 1] = c->model->rate_class;
    for (int x = 0; x < grid->columns; x++) {
        const int8_t *covering = parent ? above + (x >> 1) : above;
        int any = gather(values + FFH_ARM_HIDDEN, at + x, grid->stride, covering, parent ? parent->stride : 3);
        int latent = code_latent(c, any ? predict(c, values) : c->quiet, at[x]);
        if (latent < -FFH_MAX_LATENT || latent > FFH_MAX_LATENT)
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
    int16_t values[FFH_ARM_HIDDEN + FFH_CONTEXT] = { 0 };

    if (!ffh_range_code_bits(c->range, has_any(grid), 1))
        return 0;
    values[FFH_ARM_HIDDEN + FFH_CONTEXT - 1] = c->model->rate_class;
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

int ffh_latents_code(ffh_range *r, const ffh_entropy_model *model, ffh_latents *latents)
{
    grid_coder coder = { .range = r, .model = model };
    int error = 0;

    for (int i = 0; i < ESCAPE_MODELS; i++)
        coder.escape[i] = FFH_RANGE_EVEN;
    for (int level = FFH_LEVELS - 1; level >= 0 && !error; level--) {
        error = code_index(&coder, latents, level);
        for (int plane = 0; plane < FFH_CHROMA && level >= FFH_FIRST_CHROMA_LEVEL && !error; plane++)
            error = code_index(&coder, latents, ffh_chroma_grid(plane, level));
    }
    return error;
}
