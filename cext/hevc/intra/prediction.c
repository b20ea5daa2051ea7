#include "hevc/intra/prediction.h"

#include <stdlib.h>
#include <string.h>

/* Copies `count` edge samples starting at edge index `at`, from `from` on with `step` between them. */
static void copy_edge(uint16_t *plain, int at, const uint16_t *from, ptrdiff_t step, int count)
{
    for (int i = 0; i < count; i++)
        plain[at + i] = from[i * step];
}

static void fill(uint16_t *samples, uint16_t value, int count)
{
    for (int i = 0; i < count; i++)
        samples[i] = value;
}

/* Substitution: a gap takes the value of the sample before it, the first gap that of the first sample known. */
static void substitute(uint16_t *plain, int size, const ffh_intra_available *a, int bit_depth)
{
    struct {
        int begin, end;
    } const known[] = {
        { 2 * size - a->left - a->below_left, 2 * size },
        { 2 * size, 2 * size + a->corner },
        { 2 * size + 1, 2 * size + 1 + a->above + a->above_right },
    };
    int total = 4 * size + 1, filled = 0;

    for (int i = 0; i < 3; i++) {
        if (known[i].begin == known[i].end)
            continue;
        uint16_t value = plain[filled ? filled - 1 : known[i].begin];
        fill(plain + filled, value, known[i].begin - filled);
        filled = known[i].end;
    }
    uint16_t value = filled ? plain[filled - 1] : (uint16_t)(1 << (bit_depth - 1));
    fill(plain + filled, value, total - filled);
}

static int is_flat(const uint16_t *plain, int from, int middle, int to, int bit_depth)
{
    return abs(plain[from] + plain[to] - 2 * plain[middle]) < 1 << (bit_depth - 5);
}

static void smooth_strongly(ffh_intra_edge *edge)
{
    const uint16_t *p = edge->plain;
    uint16_t *to = edge->smooth;
    int corner = p[64], bottom = p[0], right = p[128];

    to[0] = (uint16_t)bottom;
    to[64] = (uint16_t)corner;
    to[128] = (uint16_t)right;
    for (int i = 1; i < 64; i++) {
        to[64 - i] = (uint16_t)(((64 - i) * corner + i * bottom + 32) >> 6);
        to[64 + i] = (uint16_t)(((64 - i) * corner + i * right + 32) >> 6);
    }
}

static void smooth(ffh_intra_edge *edge, int strong_intra_smoothing)
{
    const uint16_t *p = edge->plain;
    int last = 4 * edge->size;

    if (strong_intra_smoothing && edge->size == 32 && is_flat(p, 64, 96, 128, edge->bit_depth) &&
        is_flat(p, 64, 32, 0, edge->bit_depth)) {
        smooth_strongly(edge);
        return;
    }
    edge->smooth[0] = p[0];
    edge->smooth[last] = p[last];
    for (int i = 1; i < last; i++)
        edge->smooth[i] = (uint16_t)((p[i - 1] + 2 * p[i] + p[i + 1] + 2) >> 2);
}

void ffh_intra_gather(ffh_intra_edge *edge, const ffh_plane *plane, int x, int y, int size, int is_luma,
                      int strong_intra_smoothing, const ffh_intra_available *a)
{
    const uint16_t *block = plane->samples + y * plane->stride + x;
    uint16_t *plain = edge->plain;
    int below = a->left + a->below_left, right = a->above + a->above_right;

    edge->size = size;
    edge->is_luma = is_luma;
    edge->bit_depth = plane->bit_depth;
    if (below)
        copy_edge(plain, 2 * size - below, block - 1 + (below - 1) * plane->stride, -plane->stride, below);
    if (a->corner)
        plain[2 * size] = block[-plane->stride - 1];
    if (right)
        memcpy(plain + 2 * size + 1, block - plane->stride, (size_t)right * sizeof(*plain));
    substitute(plain, size, a, plane->bit_depth);
    if (is_luma && size > 4)
        smooth(edge, strong_intra_smoothing);
}

/* filterFlag of 8.4.4.2.3 */
static int uses_smooth_edge(const ffh_intra_edge *edge, int mode)
{
    static const int8_t threshold[] = { [8] = 7, [16] = 1, [32] = 0 };
    if (!edge->is_luma || edge->size == 4 || mode == FFH_INTRA_DC)
        return 0;
    int distance = FFH_MIN(abs(mode - FFH_INTRA_VERTICAL), abs(mode - FFH_INTRA_HORIZONTAL));
    return distance > threshold[edge->size];
}

/* 8.4.4.2.4; sums fit 16 bits: at most 64 * 1023 + 32 */
static inline void predict_planar(const uint16_t *p, int size, uint16_t *out)
{
    const uint16_t *above = p + 2 * size + 1, *left = p + 2 * size - 1;
    int right = above[size], below = left[-size];
    int shift = __builtin_ctz((unsigned)size) + 1;

    for (int y = 0; y < size; y++) {
        for (int x = 0; x < size; x++) {
            uint16_t sum = (uint16_t)((size - 1 - x) * left[-y] + (x + 1) * right + (size - 1 - y) * above[x] +
                                      (y + 1) * below + size);
            out[y * size + x] = sum >> shift;
        }
    }
}

/* 8.4.4.2.5 */
static inline void predict_dc(const ffh_intra_edge *edge, int size, uint16_t *out)
{
    const uint16_t *above = edge->plain + 2 * size + 1, *left = edge->plain + 2 * size - 1;
    int sum = size;

    for (int i = 0; i < size; i++)
        sum += above[i] + left[-i];
    int dc = sum >> (__builtin_ctz((unsigned)size) + 1);
    fill(out, (uint16_t)dc, size * size);
    if (!edge->is_luma || size == 32)
        return;
    out[0] = (uint16_t)((left[0] + 2 * dc + above[0] + 2) >> 2);
    for (int i = 1; i < size; i++) {
        out[i] = (uint16_t)((above[i] + 3 * dc + 2) >> 2);
        out[i * size] = (uint16_t)((left[-i] + 3 * dc + 2) >> 2);
    }
}

static inline void transpose(uint16_t *block, int size)
{
    for (int y = 0; y < size; y++) {
        for (int x = y + 1; x < size; x++) {
            uint16_t sample = block[y * size + x];
            block[y * size + x] = block[x * size + y];
            block[x * size + y] = sample;
        }
    }
}

/* The boundary filter of pure vertical prediction, on its first column. */
static void filter_first_column(const uint16_t *ref, const uint16_t *side, int step, int size, int maximum,
                                uint16_t *out)
{
    for (int y = 0; y < size; y++) {
        int value = ref[1] + ((side[(y + 1) * step] - ref[0]) >> 1);
        out[y * size] = (uint16_t)FFH_MIN(FFH_MAX(value, 0), maximum);
    }
}

/* 8.4.4.2.6. Modes 2..17 are modes 34..19 with the two edges exchanged, and a transposed result. */
static inline void predict_angular(const ffh_intra_edge *edge, const uint16_t *p, int size, int mode, uint16_t *out)
{
    static const int8_t angles[FFH_INTRA_MODES] = { 0,  0,  32,  26,  21,  17,  13,  9,   5,   2,   0,   -2,
                                                    -5, -9, -13, -17, -21, -26, -32, -26, -21, -17, -13, -9,
                                                    -5, -2, 0,   2,   5,   9,   13,  17,  21,  26,  32 };
    static const int16_t inverse_angles[FFH_INTRA_MODES] = {
        [11] = -4096, [12] = -1638, [13] = -910, [14] = -630, [15] = -482, [16] = -390,  [17] = -315, [18] = -256,
        [19] = -315,  [20] = -390,  [21] = -482, [22] = -630, [23] = -910, [24] = -1638, [25] = -4096
    };
    int angle = angles[mode];
    int is_vertical = mode >= 18;
    int step = is_vertical ? 1 : -1; /* along the main edge, away from the corner */
    const uint16_t *corner = p + 2 * size;
    int last = (size * angle) >> 5; /* the farthest entry of ref[] before the corner, where angle < 0 */
    uint16_t storage[3 * FFH_MAX_TB + 2];
    uint16_t *ref = storage + FFH_MAX_TB;

    for (int i = 0; i <= (angle < 0 ? size : 2 * size); i++)
        ref[i] = corner[i * step];
    for (int i = -1; last < -1 && i >= last; i--)
        ref[i] = corner[-step * ((i * inverse_angles[mode] + 128) >> 8)];
    ref[2 * size + 1] = 0; /* read with a weight of 0 */

    for (int y = 0; y < size; y++) {
        int index = ((y + 1) * angle) >> 5, fraction = ((y + 1) * angle) & 31;
        const uint16_t *from = ref + index + 1;
        for (int x = 0; x < size; x++) {
            uint16_t sum = (uint16_t)((32 - fraction) * from[x] + fraction * from[x + 1] + 16);
            out[y * size + x] = sum >> 5;
        }
    }
    if (!angle && edge->is_luma && size < 32)
        filter_first_column(ref, corner, -step, size, (1 << edge->bit_depth) - 1, out);
    if (!is_vertical)
        transpose(out, size);
}

/* Inlined once for every size, whose loops the compiler then vectorises. */
static inline __attribute__((always_inline)) void predict(const ffh_intra_edge *edge, int size, int mode, uint16_t *out)
{
    const uint16_t *p = uses_smooth_edge(edge, mode) ? edge->smooth : edge->plain;

    if (mode == FFH_INTRA_PLANAR)
        predict_planar(p, size, out);
    else if (mode == FFH_INTRA_DC)
        predict_dc(edge, size, out);
    else
        predict_angular(edge, p, size, mode, out);
}

void ffh_intra_predict(const ffh_intra_edge *edge, int mode, uint16_t *prediction)
{
    switch (edge->size) {
    case 4:
        predict(edge, 4, mode, prediction);
        break;
    case 8:
        predict(edge, 8, mode, prediction);
        break;
    case 16:
        predict(edge, 16, mode, prediction);
        break;
    default:
        predict(edge, 32, mode, prediction);
    }
}
