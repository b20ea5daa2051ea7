/*
 * The convolution kernel for one width of vectors. Included once for each, with these defined: KERNEL(name) its name,
 * TARGET its attribute, VECTOR its type, V(operation) an intrinsic on lanes, BITS(operation) one on whole vectors, and
 * MULTIPLY_ADD(sum, a, b) the sum and products of pairs.
 */

enum { KERNEL(COLUMNS) = sizeof(VECTOR) / sizeof(int32_t) };

TARGET static inline VECTOR KERNEL(pair_of)(const int16_t *weights)
{
    int32_t both;
    memcpy(&both, weights, sizeof(both));
    return V(set1_epi32)(both);
}

/* Two outputs side by side, as maps have them. */
TARGET static inline VECTOR KERNEL(finish_pair)(VECTOR even, VECTOR odd, int relu, const int16_t *added)
{
    even = V(srai_epi32)(even, FFH_SHIFT);
    odd = V(srai_epi32)(odd, FFH_SHIFT);
    VECTOR value = V(packs_epi32)(V(unpacklo_epi32)(even, odd), V(unpackhi_epi32)(even, odd));
    if (relu)
        value = V(max_epi16)(value, V(set1_epi32)(0));
    return added ? V(adds_epi16)(value, BITS(loadu)((const void *)added)) : value;
}

/* `count` outputs from `first` in `vectors` vectors of columns; constants where this is inlined, so that the sums are
 * registers. */
TARGET static inline __attribute__((always_inline)) void
KERNEL(convolve_tile)(const ffh_convolution *c, const int16_t *const *taps, const int16_t *const *added,
                      int16_t *const *out, int x, int first, const int count, const int vectors)
{
    VECTOR sums[FFH_OUT_GROUP][MOST_VECTORS];
    const int16_t *weights = c->weights + (ptrdiff_t)first * c->taps * 2;

    for (int o = 0; o < count; o++)
        for (int v = 0; v < vectors; v++)
            sums[o][v] = V(set1_epi32)(c->bias[first + o] + ROUNDING);
    for (int t = 0; t < c->taps; t++, weights += 2 * count) {
        const int16_t *in = taps[t] + 2 * (ptrdiff_t)x;
        VECTOR data[MOST_VECTORS];
        for (int v = 0; v < vectors; v++)
            data[v] = BITS(loadu)((const void *)(in + 2 * v * KERNEL(COLUMNS)));
        for (int o = 0; o < count; o++) {
            VECTOR weight = KERNEL(pair_of)(weights + 2 * o);
            for (int v = 0; v < vectors; v++) {
                sums[o][v] = MULTIPLY_ADD(sums[o][v], data[v], weight);
                PIN(sums[o][v]);
            }
        }
    }
    for (int o = 0; o < count; o += 2)
        for (int v = 0; v < vectors; v++) {
            ptrdiff_t at = 2 * (ptrdiff_t)(x + v * KERNEL(COLUMNS));
            int pair = (first + o) / 2;
            VECTOR value = KERNEL(finish_pair)(sums[o][v], sums[o + 1][v], c->relu, added ? added[pair] + at : NULL);
            BITS(storeu)((void *)(out[pair] + at), value);
        }
}

/* All outputs in `vectors` vectors of columns. */
TARGET static inline __attribute__((always_inline)) void
KERNEL(convolve_columns)(const ffh_convolution *c, const int16_t *const *taps, const int16_t *const *added,
                         int16_t *const *out, int x, const int vectors)
{
    int o = 0;

    for (; o + FFH_OUT_GROUP <= c->outputs; o += FFH_OUT_GROUP)
        KERNEL(convolve_tile)(c, taps, added, out, x, o, FFH_OUT_GROUP, vectors);
    if (o < c->outputs)
        KERNEL(convolve_tile)(c, taps, added, out, x, o, 2, vectors);
}

TARGET static void KERNEL(convolve)(const ffh_convolution *c, const int16_t *const *taps, const int16_t *const *added,
                                    int16_t *const *out, int columns)
{
    int x = 0;

    for (; x + (MOST_VECTORS - 1) * KERNEL(COLUMNS) < columns; x += MOST_VECTORS * KERNEL(COLUMNS))
        KERNEL(convolve_columns)(c, taps, added, out, x, MOST_VECTORS);
    for (; x < columns; x += KERNEL(COLUMNS))
        KERNEL(convolve_columns)(c, taps, added, out, x, 1);
}

#undef KERNEL
#undef TARGET
#undef VECTOR
#undef V
#undef BITS
#undef MULTIPLY_ADD
