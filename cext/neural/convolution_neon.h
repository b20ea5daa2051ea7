/*
 * The convolution kernel for NEON; included once.
 */

enum { NEON_COLUMNS = 8, HALVES = 2 };

/* The sums of one output over the halves of eight columns, to which the products of its pair of weights are added. */
static inline void add_products(int32x4_t sums[HALVES], int16x8x2_t data, const int16_t *weights)
{
    for (int i = 0; i < 2; i++) {
        sums[0] = vmlal_n_s16(sums[0], vget_low_s16(data.val[i]), weights[i]);
        sums[1] = vmlal_n_s16(sums[1], vget_high_s16(data.val[i]), weights[i]);
    }
}

static inline int16x8_t finish_output(const int32x4_t sums[HALVES], int relu)
{
    int16x8_t value = vcombine_s16(vqshrn_n_s32(sums[0], FFH_SHIFT), vqshrn_n_s32(sums[1], FFH_SHIFT));

    return relu ? vmaxq_s16(value, vdupq_n_s16(0)) : value;
}

/* `count` outputs from `first`; a constant where this is inlined, so that the sums are registers. */
static inline __attribute__((always_inline)) void convolve_tile_neon(const ffh_convolution *c,
                                                                     const int16_t *const *taps,
                                                                     const int16_t *const *added, int16_t *const *out,
                                                                     int x, int first, const int count)
{
    int32x4_t sums[FFH_OUT_GROUP][HALVES];
    const int16_t *weights = c->weights + (ptrdiff_t)first * c->taps * 2;

    for (int o = 0; o < count; o++)
        sums[o][0] = sums[o][1] = vdupq_n_s32(c->bias[first + o] + ROUNDING);
    for (int t = 0; t < c->taps; t++, weights += 2 * count) {
        int16x8x2_t data = vld2q_s16(taps[t] + 2 * (ptrdiff_t)x);
        for (int o = 0; o < count; o++)
            add_products(sums[o], data, weights + 2 * o);
    }
    for (int o = 0; o < count; o += 2) {
        int pair = (first + o) / 2;
        int16x8x2_t value = { { finish_output(sums[o], c->relu), finish_output(sums[o + 1], c->relu) } };
        if (added) {
            int16x8x2_t more = vld2q_s16(added[pair] + 2 * (ptrdiff_t)x);
            value.val[0] = vqaddq_s16(value.val[0], more.val[0]);
            value.val[1] = vqaddq_s16(value.val[1], more.val[1]);
        }
        vst2q_s16(out[pair] + 2 * (ptrdiff_t)x, value);
    }
}

static void convolve_neon(const ffh_convolution *c, const int16_t *const *taps, const int16_t *const *added,
                          int16_t *const *out, int columns)
{
    for (int x = 0; x < columns; x += NEON_COLUMNS) {
        int o = 0;
        for (; o + FFH_OUT_GROUP <= c->outputs; o += FFH_OUT_GROUP)
            convolve_tile_neon(c, taps, added, out, x, o, FFH_OUT_GROUP);
        if (o < c->outputs)
            convolve_tile_neon(c, taps, added, out, x, o, 2);
    }
}
