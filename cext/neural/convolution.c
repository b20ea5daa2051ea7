#include "neural/convolution.h"

#include "neural/maps.h"
#include "util/common.h"

enum { ROUNDING = 1 << (FFH_SHIFT - 1), MOST_VECTORS = 2 };

ptrdiff_t ffh_weight_index(int taps, int outputs, int output, int tap, int input)
{
    int first = output / FFH_OUT_GROUP * FFH_OUT_GROUP;
    int together = FFH_MIN(FFH_OUT_GROUP, outputs - first);

    return ((ptrdiff_t)first * taps + (ptrdiff_t)tap * together + (output - first)) * 2 + input;
}

#if defined(__x86_64__) && defined(__GNUC__) && !defined(FFH_PLAIN_KERNELS)
#define HAVE_X86 1
#include <immintrin.h>
#include <string.h>

/* Holds a sum in a register, at this place of the code: compilers would else move products ahead and spill sums, which
 * halves the speed. */
#define PIN(sum) __asm__ volatile("" : "+v"(sum))

#define KERNEL(name) name##_avx2
#define TARGET __attribute__((target("avx2")))
#define VECTOR __m256i
#define V(operation) _mm256_##operation
#define BITS(operation) _mm256_##operation##_si256
#define MULTIPLY_ADD(sum, a, b) _mm256_add_epi32(sum, _mm256_madd_epi16(a, b))
#include "neural/convolution_x86.h"

/* The dot product of pairs does not saturate: sums are the same. */
#define KERNEL(name) name##_avx512
#define TARGET __attribute__((target("avx512bw,avx512vnni")))
#define VECTOR __m512i
#define V(operation) _mm512_##operation
#define BITS(operation) _mm512_##operation##_si512
#define MULTIPLY_ADD(sum, a, b) _mm512_dpwssd_epi32(sum, a, b)
#include "neural/convolution_x86.h"

static int has_avx512(void)
{
#ifdef FFH_AVX2_KERNELS
    return 0;
#endif
    return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vnni");
}
#endif

#if defined(__aarch64__) && defined(__ARM_NEON) && !defined(FFH_PLAIN_KERNELS)
#define HAVE_NEON 1
#include <arm_neon.h>

#include "neural/convolution_neon.h"
#else

static int16_t saturate(int32_t value)
{
    return (int16_t)FFH_MIN(FFH_MAX(value, INT16_MIN), INT16_MAX);
}

enum { PLAIN_COLUMNS = 8 };

static void convolve_output(const ffh_convolution *c, const int16_t *const *taps, const int16_t *added, int16_t *out,
                            int output, int x)
{
    int32_t sums[PLAIN_COLUMNS];
    const int16_t *weights = c->weights + ffh_weight_index(c->taps, c->outputs, output, 0, 0);
    ptrdiff_t step =
        ffh_weight_index(c->taps, c->outputs, output, 1, 0) - ffh_weight_index(c->taps, c->outputs, output, 0, 0);

    for (int i = 0; i < PLAIN_COLUMNS; i++)
        sums[i] = c->bias[output] + ROUNDING;
    for (int t = 0; t < c->taps; t++, weights += step) {
        const int16_t *in = taps[t] + 2 * (ptrdiff_t)x;
        for (int i = 0; i < PLAIN_COLUMNS; i++)
            sums[i] += weights[0] * in[2 * i] + weights[1] * in[2 * i + 1];
    }
    for (int i = 0; i < PLAIN_COLUMNS; i++) {
        ptrdiff_t at = 2 * (ptrdiff_t)(x + i) + output % 2;
        int32_t value = saturate(sums[i] >> FFH_SHIFT);
        if (c->relu)
            value = FFH_MAX(value, 0);
        out[at] = added ? saturate(value + added[at]) : (int16_t)value;
    }
}

static void convolve_plain(const ffh_convolution *c, const int16_t *const *taps, const int16_t *const *added,
                           int16_t *const *out, int columns)
{
    for (int x = 0; x < columns; x += PLAIN_COLUMNS)
        for (int o = 0; o < c->outputs; o++)
            convolve_output(c, taps, added ? added[o / 2] : NULL, out[o / 2], o, x);
}

#endif

void ffh_convolve_row(const ffh_convolution *c, const int16_t *const *taps, const int16_t *const *added,
                      int16_t *const *out, int columns)
{
#ifdef HAVE_X86
    if (has_avx512()) {
        convolve_avx512(c, taps, added, out, columns);
        return;
    }
    if (__builtin_cpu_supports("avx2")) {
        convolve_avx2(c, taps, added, out, columns);
        return;
    }
#endif
#ifdef HAVE_NEON
    convolve_neon(c, taps, added, out, columns);
#else
    convolve_plain(c, taps, added, out, columns);
#endif
}
