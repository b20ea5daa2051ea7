/*
 * The kernel of rows for one width of vectors. Included once for each, with these defined: KERNEL(name) its name,
 * TARGET its attribute, VECTOR its type, V(operation) an intrinsic on lanes, BITS(operation) one on whole vectors, and
 * MULTIPLY_ADD(sum, a, b) the sum and products of pairs.
 */

enum { KERNEL(COLUMNS) = sizeof(VECTOR) / sizeof(int16_t) };

TARGET static inline VECTOR KERNEL(pair_of)(const int16_t *weights)
{
    int32_t both;
    memcpy(&both, weights, sizeof(both));
    return V(set1_epi32)(both);
}

TARGET static inline void KERNEL(finish_output)(const ffh_mac *mac, VECTOR low, VECTOR high, int16_t *out)
{
    VECTOR value = V(packs_epi32)(V(srai_epi32)(low, FFH_WEIGHT_BITS), V(srai_epi32)(high, FFH_WEIGHT_BITS));

    if (mac->flags & FFH_MAC_RELU)
        value = V(max_epi16)(value, V(set1_epi32)(0));
    if (mac->flags & FFH_MAC_RESIDUAL)
        value = V(adds_epi16)(value, BITS(loadu)((const void *)out));
    BITS(storeu)((void *)out, value);
}

/* `count` outputs from `first`; a constant where this is inlined, so that the accumulators are registers. */
TARGET static inline __attribute__((always_inline)) void KERNEL(mac_block)(const ffh_mac *mac,
                                                                           const int16_t *const *taps,
                                                                           int16_t *const *out, int x, int first,
                                                                           const int count)
{
    VECTOR low[BLOCK], high[BLOCK];
    const int16_t *weights = mac->weights + (ptrdiff_t)first * mac->taps;

    for (int o = 0; o < count; o++)
        low[o] = high[o] = V(set1_epi32)(mac->bias[first + o] + ROUNDING);
    for (int t = 0; t < mac->taps; t += 2) {
        VECTOR a = BITS(loadu)((const void *)(taps[t] + x));
        VECTOR b = BITS(loadu)((const void *)(taps[t + 1] + x));
        VECTOR near = V(unpacklo_epi16)(a, b), far = V(unpackhi_epi16)(a, b);
        for (int o = 0; o < count; o++) {
            VECTOR weight = KERNEL(pair_of)(weights + o * mac->taps + t);
            low[o] = MULTIPLY_ADD(low[o], near, weight);
            high[o] = MULTIPLY_ADD(high[o], far, weight);
        }
    }
    for (int o = 0; o < count; o++)
        KERNEL(finish_output)(mac, low[o], high[o], out[first + o] + x);
}

/* All outputs in columns from `begin` until `end` is reached. */
TARGET static void KERNEL(mac_rows)(const ffh_mac *mac, const int16_t *const *taps, int16_t *const *out, int begin,
                                    int end)
{
    for (int x = begin; x < end; x += KERNEL(COLUMNS)) {
        int o = 0;
        for (; o + BLOCK <= mac->outputs; o += BLOCK)
            KERNEL(mac_block)(mac, taps, out, x, o, BLOCK);
        for (; o + 2 <= mac->outputs; o += 2)
            KERNEL(mac_block)(mac, taps, out, x, o, 2);
        if (o < mac->outputs)
            KERNEL(mac_block)(mac, taps, out, x, o, 1);
    }
}

#undef KERNEL
#undef TARGET
#undef VECTOR
#undef V
#undef BITS
#undef MULTIPLY_ADD
