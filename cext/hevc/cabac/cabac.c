#include "hevc/cabac/cabac.h"

/* Table 9-46 */
const uint8_t ffh_cabac_range_lps[64][4] = {
    { 128, 176, 208, 240 }, { 128, 167, 197, 227 }, { 128, 158, 187, 216 }, { 123, 150, 178, 205 },
    { 116, 142, 169, 195 }, { 111, 135, 160, 185 }, { 105, 128, 152, 175 }, { 100, 122, 144, 166 },
    { 95, 116, 137, 158 },  { 90, 110, 130, 150 },  { 85, 104, 123, 142 },  { 81, 99, 117, 135 },
    { 77, 94, 111, 128 },   { 73, 89, 105, 122 },   { 69, 85, 100, 116 },   { 66, 80, 95, 110 },
    { 62, 76, 90, 104 },    { 59, 72, 86, 99 },     { 56, 69, 81, 94 },     { 53, 65, 77, 89 },
    { 51, 62, 73, 85 },     { 48, 59, 69, 80 },     { 46, 56, 66, 76 },     { 43, 53, 63, 72 },
    { 41, 50, 59, 69 },     { 39, 48, 56, 65 },     { 37, 45, 54, 62 },     { 35, 43, 51, 59 },
    { 33, 41, 48, 56 },     { 32, 39, 46, 53 },     { 30, 37, 43, 50 },     { 29, 35, 41, 48 },
    { 27, 33, 39, 45 },     { 26, 31, 37, 43 },     { 24, 30, 35, 41 },     { 23, 28, 33, 39 },
    { 22, 27, 32, 37 },     { 21, 26, 30, 35 },     { 20, 24, 29, 33 },     { 19, 23, 27, 31 },
    { 18, 22, 26, 30 },     { 17, 21, 25, 28 },     { 16, 20, 23, 27 },     { 15, 19, 22, 25 },
    { 14, 18, 21, 24 },     { 14, 17, 20, 23 },     { 13, 16, 19, 22 },     { 12, 15, 18, 21 },
    { 12, 14, 17, 20 },     { 11, 14, 16, 19 },     { 11, 13, 15, 18 },     { 10, 12, 15, 17 },
    { 10, 12, 14, 16 },     { 9, 11, 13, 15 },      { 9, 11, 12, 14 },      { 8, 10, 12, 14 },
    { 8, 9, 11, 13 },       { 7, 9, 11, 12 },       { 7, 9, 10, 12 },       { 7, 8, 10, 11 },
    { 6, 8, 9, 11 },        { 6, 7, 9, 10 },        { 6, 7, 8, 9 },         { 2, 2, 2, 2 },
};

/* transIdxMps and transIdxLps of table 9-47 on states that carry valMps in their lowest bit; state 0 flips it. */
#define NEXT(state) (state) * 2, (state)*2 + 1
#define NEXT_8(state)                                                                                                  \
    NEXT(state), NEXT(state + 1), NEXT(state + 2), NEXT(state + 3), NEXT(state + 4), NEXT(state + 5), NEXT(state + 6), \
        NEXT(state + 7)
const uint8_t ffh_cabac_next_state[2][128] = {
    { NEXT_8(1), NEXT_8(9), NEXT_8(17), NEXT_8(25), NEXT_8(33), NEXT_8(41), NEXT_8(49), NEXT(57), NEXT(58), NEXT(59),
      NEXT(60), NEXT(61), NEXT(62), NEXT(62), NEXT(63) },
    {
        1,        0,        NEXT(0),  NEXT(1),  NEXT(2),  NEXT(2),  NEXT(4),  NEXT(4),  NEXT(5),  NEXT(6),  NEXT(7),
        NEXT(8),  NEXT(9),  NEXT(9),  NEXT(11), NEXT(11), NEXT(12), NEXT(13), NEXT(13), NEXT(15), NEXT(15), NEXT(16),
        NEXT(16), NEXT(18), NEXT(18), NEXT(19), NEXT(19), NEXT(21), NEXT(21), NEXT(22), NEXT(22), NEXT(23), NEXT(24),
        NEXT(24), NEXT(25), NEXT(26), NEXT(26), NEXT(27), NEXT(27), NEXT(28), NEXT(29), NEXT(29), NEXT(30), NEXT(30),
        NEXT(30), NEXT(31), NEXT(32), NEXT(32), NEXT(33), NEXT(33), NEXT(33), NEXT(34), NEXT(34), NEXT(35), NEXT(35),
        NEXT(35), NEXT(36), NEXT(36), NEXT(36), NEXT(37), NEXT(37), NEXT(37), NEXT(38), NEXT(38), NEXT(63),
    },
};
#undef NEXT_8
#undef NEXT

ffh_cabac_ctx ffh_cabac_init_ctx(uint8_t init_value, int slice_qp)
{
    int slope = (init_value >> 4) * 5 - 45;
    int offset = ((init_value & 15) << 3) - 16;
    int qp = FFH_MIN(FFH_MAX(slice_qp, 0), 51);
    int state = ((slope * qp) >> 4) + offset;

    state = FFH_MIN(FFH_MAX(state, 1), 126);
    return (ffh_cabac_ctx)(state <= 63 ? (63 - state) << 1 : ((state - 64) << 1) | 1);
}

void ffh_cabac_start(ffh_cabac *c, uint8_t *to)
{
    c->low = 0;
    c->range = 510;
    c->pending = -1; /* PutBit drops the very first bit, clause 9.3.4.6 */
    c->start = to;
    c->next = to;
}

int ffh_cabac_reserve(ffh_cabac *c, ffh_buf *to, size_t extra)
{
    size_t start = (size_t)(c->start - to->data);

    to->size = (size_t)(c->next - to->data);
    if (ffh_buf_reserve(to, extra) < 0)
        return to->error;
    c->start = to->data + start;
    c->next = to->data + to->size;
    return 0;
}

void ffh_cabac_carry(const uint8_t *start, uint8_t *next)
{
    while (next > start && ++*--next == 0)
        ;
}

void ffh_cabac_put_terminate(ffh_cabac *c, unsigned bin)
{
    c->range -= 2;
    if (bin) {
        c->low += c->range;
        c->range = 2 << 7;
        ffh_cabac_shift(c, 7);
    } else if (c->range < 256) {
        c->range <<= 1;
        ffh_cabac_shift(c, 1);
    }
}

void ffh_cabac_finish(ffh_cabac *c)
{
    /* Three more bits leave the register, the last one a one (clause 9.3.4.5), then zeros align. */
    c->low = (c->low | 0x80) & ~UINT64_C(0x7f);
    int padding = -(c->pending + 3) & 7;
    c->low <<= padding + 3;
    c->pending += padding + 3;
    ffh_cabac_write(c, c->pending / 8);
}
