#include "neural/kernels.h"

#include "util/common.h"

enum { ROUNDING = 1 << (FFH_WEIGHT_BITS - 1), BLOCK = 4 };

static int16_t saturate(int32_t value)
{
    return (int16_t)FFH_MIN(FFH_MAX(value, INT16_MIN), INT16_MAX);
}

static void mac_output(const ffh_mac *mac, const int16_t *const *taps, int o, int16_t *out, int x)
{
    int32_t acc[FFH_ROW_ALIGN];

    for (int i = 0; i < FFH_ROW_ALIGN; i++)
        acc[i] = mac->bias[o] + ROUNDING;
    for (int t = 0; t < mac->taps; t++) {
        const int16_t *in = taps[t] + x;
        int16_t weight = mac->weights[o * mac->taps + t];
        for (int i = 0; i < FFH_ROW_ALIGN; i++)
            acc[i] += weight * in[i];
    }
    for (int i = 0; i < FFH_ROW_ALIGN; i++) {
        int32_t value = saturate(acc[i] >> FFH_WEIGHT_BITS);
        if (mac->flags & FFH_MAC_RELU)
            value = FFH_MAX(value, 0);
        if (mac->flags & FFH_MAC_RESIDUAL)
            value = saturate(value + out[x + i]);
        out[x + i] = (int16_t)value;
    }
}

static void mac_rows_plain(const ffh_mac *mac, const int16_t *const *taps, int16_t *const *out, int width)
{
    for (int x = 0; x < width; x += FFH_ROW_ALIGN)
        for (int o = 0; o < mac->outputs; o++)
            mac_output(mac, taps, o, out[o], x);
}

static void dense_relu_plain(const ffh_dense *dense, const int32_t *bias, const int16_t *in, int16_t *out)
{
    int32_t acc[FFH_DENSE];

    for (int o = 0; o < FFH_DENSE; o++)
        acc[o] = bias[o] + ROUNDING;
    for (int pair = 0; pair < FFH_DENSE / 2; pair++)
        for (int o = 0; o < FFH_DENSE; o++)
            acc[o] += dense->weights[pair][o][0] * in[2 * pair] + dense->weights[pair][o][1] * in[2 * pair + 1];
    for (int o = 0; o < FFH_DENSE; o++)
        out[o] = (int16_t)FFH_MAX(saturate(acc[o] >> FFH_WEIGHT_BITS), 0);
}

#if defined(__x86_64__) && defined(__GNUC__) && !defined(FFH_PLAIN_KERNELS)
#define HAVE_X86 1
#include <immintrin.h>
#include <string.h>

#define KERNEL(name) name##_avx2
#define TARGET __attribute__((target("avx2")))
#define VECTOR __m256i
#define V(operation) _mm256_##operation
#define BITS(operation) _mm256_##operation##_si256
#define MULTIPLY_ADD(sum, a, b) _mm256_add_epi32(sum, _mm256_madd_epi16(a, b))
#include "neural/kernels_x86.h"

/* The dot product of pairs does not saturate: sums are the same. */
#define KERNEL(name) name##_avx512
#define TARGET __attribute__((target("avx512bw,avx512vnni")))
#define VECTOR __m512i
#define V(operation) _mm512_##operation
#define BITS(operation) _mm512_##operation##_si512
#define MULTIPLY_ADD(sum, a, b) _mm512_dpwssd_epi32(sum, a, b)
#include "neural/kernels_x86.h"

__attribute__((target("avx2"))) static void dense_relu_avx2(const ffh_dense *dense, const int32_t *bias,
                                                            const int16_t *in, int16_t *out)
{
    const __m256i rounding = _mm256_set1_epi32(ROUNDING);
    __m256i low = _mm256_add_epi32(_mm256_loadu_si256((const __m256i *)bias), rounding);
    __m256i high = _mm256_add_epi32(_mm256_loadu_si256((const __m256i *)(bias + 8)), rounding);

    for (int pair = 0; pair < FFH_DENSE / 2; pair++) {
        __m256i x = pair_of_avx2(in + 2 * pair);
        const __m256i *weights = (const __m256i *)dense->weights[pair];
        low = _mm256_add_epi32(low, _mm256_madd_epi16(x, _mm256_loadu_si256(weights)));
        high = _mm256_add_epi32(high, _mm256_madd_epi16(x, _mm256_loadu_si256(weights + 1)));
    }
    low = _mm256_srai_epi32(low, FFH_WEIGHT_BITS);
    high = _mm256_srai_epi32(high, FFH_WEIGHT_BITS);
    __m256i value = _mm256_permute4x64_epi64(_mm256_packs_epi32(low, high), 0xd8);
    _mm256_storeu_si256((__m256i *)out, _mm256_max_epi16(value, _mm256_setzero_si256()));
}

static int has_avx512(void)
{
#ifdef FFH_AVX2_KERNELS
    return 0;
#endif
    return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vnni");
}
#endif

void ffh_mac_rows(const ffh_mac *mac, const int16_t *const *taps, int16_t *const *out, int width)
{
#ifdef HAVE_X86
    int begin = 0;
    if (has_avx512()) {
        begin = (width + FFH_ROW_ALIGN - 1) / COLUMNS_avx512 * COLUMNS_avx512;
        mac_rows_avx512(mac, taps, out, 0, begin);
    }
    if (__builtin_cpu_supports("avx2")) {
        mac_rows_avx2(mac, taps, out, begin, width);
        return;
    }
#endif
    mac_rows_plain(mac, taps, out, width);
}

void ffh_dense_relu(const ffh_dense *dense, const int32_t bias[FFH_DENSE], const int16_t in[FFH_DENSE],
                    int16_t out[FFH_DENSE])
{
#ifdef HAVE_X86
    if (__builtin_cpu_supports("avx2")) {
        dense_relu_avx2(dense, bias, in, out);
        return;
    }
#endif
    dense_relu_plain(dense, bias, in, out);
}
