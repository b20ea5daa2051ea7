#include "neural/entropy.h"

#include <string.h>

enum {
    ESCAPE = FFH_SYMBOLS,
    CENTRE = FFH_SYMBOLS / 2,
    FINE_STEPS = 32, /* of the decay table a latent unit */
    MAX_DISTANCE = FINE_STEPS * (CENTRE + 1),
    MEAN_SHIFT = FFH_ACTIVATION_BITS - 4,
    SCALE_SHIFT = FFH_ACTIVATION_BITS - 3,
    SCALE_OFFSET = 3 << FFH_ACTIVATION_BITS,
    ROUNDING = 1 << (FFH_WEIGHT_BITS - 1)
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

static void interleave(ffh_dense *dense, const int32_t (*weights)[FFH_DENSE])
{
    for (int o = 0; o < FFH_DENSE; o++)
        for (int i = 0; i < FFH_DENSE; i++)
            dense->weights[i / 2][o][i % 2] = (int16_t)weights[o][i];
}

void ffh_predictor_init(ffh_predictor *p, const int32_t weight1[FFH_ARM_HIDDEN][FFH_CONTEXT],
                        const int32_t weight2[FFH_ARM_HIDDEN][FFH_ARM_HIDDEN], const int32_t bias2[FFH_ARM_HIDDEN],
                        const int32_t weight3[2][FFH_ARM_HIDDEN], const int32_t linear[2][FFH_CONTEXT])
{
    interleave(&p->first, weight1);
    interleave(&p->second, weight2);
    ffh_scale_biases(p->bias2, bias2, FFH_ARM_HIDDEN);
    for (int o = 0; o < 2; o++) {
        for (int i = 0; i < FFH_ARM_HIDDEN; i++)
            p->last[o][i] = (int16_t)weight3[o][i];
        for (int i = 0; i < FFH_CONTEXT; i++)
            p->last[o][FFH_ARM_HIDDEN + i] = (int16_t)linear[o][i];
    }
}

static int32_t dot(const int16_t *weights, const int16_t *values, int count)
{
    int32_t sum = 0;

    for (int i = 0; i < count; i++)
        sum += weights[i] * values[i];
    return sum;
}

ffh_distribution ffh_predict(const ffh_predictor *p, const int32_t bias1[FFH_ARM_HIDDEN], const int32_t bias3[2],
                             int16_t values[FFH_PREDICTION])
{
    const int limit = FFH_MAX_LATENT * FFH_MEAN_STEPS;
    int16_t hidden[FFH_DENSE];
    int32_t out[2];

    ffh_dense_relu(&p->first, bias1, values + FFH_ARM_HIDDEN, hidden);
    ffh_dense_relu(&p->second, p->bias2, hidden, values);
    for (int o = 0; o < 2; o++)
        out[o] = (bias3[o] + dot(p->last[o], values, FFH_PREDICTION) + ROUNDING) >> FFH_WEIGHT_BITS;
    int mean = (out[0] + (1 << (MEAN_SHIFT - 1))) >> MEAN_SHIFT;
    int scale = (out[1] + SCALE_OFFSET + (1 << (SCALE_SHIFT - 1))) >> SCALE_SHIFT;
    return (ffh_distribution){ .mean = FFH_MIN(FFH_MAX(mean, -limit), limit),
                               .scale = FFH_MIN(FFH_MAX(scale, 0), FFH_SCALES - 1) };
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

void ffh_latent_coder_init(ffh_latent_coder *coder, ffh_range *range)
{
    coder->range = range;
    for (int i = 0; i < FFH_ESCAPE_MODELS; i++)
        coder->escape[i] = FFH_RANGE_EVEN;
    for (int scale = 0; scale < FFH_SCALES; scale++)
        tabulate_scale(coder->cumulative[scale], ffh_laplace_decay[scale]);
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
static int code_escape(ffh_latent_coder *c, int difference)
{
    unsigned below = ffh_range_code_bits(c->range, difference < 0, 1);
    uint32_t beyond = (uint32_t)(difference < 0 ? -CENTRE - 1 - difference : difference - CENTRE);

    beyond = ffh_range_code_golomb(c->range, c->escape, FFH_ESCAPE_MODELS, beyond);
    return below ? -CENTRE - 1 - (int)beyond : CENTRE + (int)beyond;
}

static int centre_of(ffh_distribution d)
{
    return (d.mean + FFH_MEAN_STEPS / 2) >> 4;
}

static const uint16_t *cumulative_of(const ffh_latent_coder *c, ffh_distribution d)
{
    return c->cumulative[d.scale][d.mean - FFH_MEAN_STEPS * centre_of(d) + FFH_MEAN_STEPS / 2];
}

static int symbol_of(int difference)
{
    return difference >= -CENTRE && difference < CENTRE ? difference + CENTRE : ESCAPE;
}

static uint32_t interval_width(const uint16_t *cumulative, int symbol)
{
    return interval_end(cumulative, symbol) - cumulative[symbol];
}

uint32_t ffh_latent_width(const ffh_latent_coder *c, ffh_distribution d, int latent)
{
    return interval_width(cumulative_of(c, d), symbol_of(latent - centre_of(d)));
}

int ffh_code_latent(ffh_latent_coder *c, ffh_distribution d, int latent)
{
    int centre = centre_of(d);
    const uint16_t *cumulative = cumulative_of(c, d);
    int symbol;

    if (c->range->out) {
        symbol = symbol_of(latent - centre);
        ffh_range_encode(c->range, cumulative[symbol], interval_width(cumulative, symbol));
    } else {
        symbol = find_symbol(cumulative, ffh_range_peek(c->range));
        ffh_range_consume(c->range, cumulative[symbol], interval_width(cumulative, symbol));
    }
    return centre + (symbol == ESCAPE ? code_escape(c, latent - centre) : symbol - CENTRE);
}
