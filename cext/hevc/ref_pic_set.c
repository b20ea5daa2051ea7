#include "hevc/ref_pic_set.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_ABS_DELTA = 1 << 15, NOT_FOUND = -1 };

/* A set as the shifted copy of one of the SPS's. */
typedef struct prediction {
    unsigned idx;
    int32_t delta_rps;
    unsigned bits; /* of st_ref_pic_set(); 0 where there is none */
} prediction;

static int is_nearer(int32_t delta, int32_t other)
{
    return (delta < 0) != (other < 0) ? delta < 0 : abs(delta) < abs(other);
}

static void insert(ffh_bitreader *r, ffh_ref_pic_set *set, int32_t delta, uint32_t used)
{
    int at = set->num_delta_pocs;

    if (at == FFH_MAX_DPB || abs(delta) > MAX_ABS_DELTA) {
        r->error = FFH_EDATA;
        return;
    }
    for (; at > 0 && is_nearer(delta, set->delta_poc[at - 1]); at--) {
        set->delta_poc[at] = set->delta_poc[at - 1];
        set->used_by_curr_pic[at] = set->used_by_curr_pic[at - 1];
    }
    set->delta_poc[at] = delta;
    set->used_by_curr_pic[at] = (uint8_t)used;
    set->num_delta_pocs++;
    set->num_negative_pics = (uint8_t)(set->num_negative_pics + (delta < 0));
}

/* Picture `j` of a set that another is predicted from; the last one is the picture that has that set itself. */
static int32_t predicted_delta(const ffh_ref_pic_set *from, unsigned j, int32_t delta_rps)
{
    return (j < from->num_delta_pocs ? from->delta_poc[j] : 0) + delta_rps;
}

static void get_predicted(ffh_bitreader *r, unsigned idx, const ffh_ref_pic_set *sets, unsigned count,
                          ffh_ref_pic_set *set)
{
    unsigned delta_idx_minus1 = idx == count ? ffh_get_ue_range(r, 0, idx - 1) : 0;
    unsigned delta_rps_sign = ffh_get_u(r, 1);
    int32_t abs_delta_rps = (int32_t)ffh_get_ue_range(r, 0, MAX_ABS_DELTA - 1) + 1;
    int32_t delta_rps = delta_rps_sign ? -abs_delta_rps : abs_delta_rps;
    const ffh_ref_pic_set *from = &sets[idx - 1 - delta_idx_minus1];

    for (unsigned j = 0; j <= from->num_delta_pocs; j++) {
        unsigned used_by_curr_pic_flag = ffh_get_u(r, 1);
        unsigned use_delta_flag = used_by_curr_pic_flag ? 1 : ffh_get_u(r, 1);
        int32_t delta = predicted_delta(from, j, delta_rps);
        if (use_delta_flag && delta)
            insert(r, set, delta, used_by_curr_pic_flag);
    }
}

static void get_run(ffh_bitreader *r, uint32_t pictures, int32_t direction, ffh_ref_pic_set *set)
{
    int32_t delta = 0;

    for (uint32_t i = 0; i < pictures && !r->error; i++) {
        delta += direction * ((int32_t)ffh_get_ue_range(r, 0, MAX_ABS_DELTA - 1) + 1); /* delta_poc_s0_minus1, s1 */
        insert(r, set, delta, ffh_get_u(r, 1));
    }
}

void ffh_get_ref_pic_set(ffh_bitreader *r, unsigned idx, const ffh_ref_pic_set *sets, unsigned count,
                         ffh_ref_pic_set *set)
{
    memset(set, 0, sizeof(*set));
    if (idx && ffh_get_u(r, 1)) { /* inter_ref_pic_set_prediction_flag */
        get_predicted(r, idx, sets, count, set);
        return;
    }
    uint32_t negative = ffh_get_ue_range(r, 0, FFH_MAX_DPB);
    uint32_t positive = ffh_get_ue_range(r, 0, FFH_MAX_DPB - negative);
    get_run(r, negative, -1, set);
    get_run(r, positive, 1, set);
}

/* delta_poc_s0_minus1 or delta_poc_s1_minus1 of a picture */
static uint32_t delta_poc_minus1(const ffh_ref_pic_set *set, unsigned i)
{
    int is_first = i == 0 || i == set->num_negative_pics;
    return (uint32_t)abs(set->delta_poc[i] - (is_first ? 0 : set->delta_poc[i - 1])) - 1;
}

void ffh_put_ref_pic_set(ffh_bitwriter *w, unsigned idx, const ffh_ref_pic_set *set)
{
    if (idx)
        ffh_put_u(w, "inter_ref_pic_set_prediction_flag", 1, 0);
    ffh_put_ue(w, "num_negative_pics", set->num_negative_pics);
    ffh_put_ue(w, "num_positive_pics", (uint32_t)set->num_delta_pocs - set->num_negative_pics);
    for (unsigned i = 0; i < set->num_delta_pocs; i++) {
        ffh_put_ue(w, "delta_poc_minus1", delta_poc_minus1(set, i));
        ffh_put_u(w, "used_by_curr_pic_flag", 1, set->used_by_curr_pic[i]);
    }
}

static unsigned bits_alone(const ffh_ref_pic_set *set)
{
    unsigned bits =
        1 + ffh_ue_bits(set->num_negative_pics) + ffh_ue_bits((uint32_t)set->num_delta_pocs - set->num_negative_pics);

    for (unsigned i = 0; i < set->num_delta_pocs; i++)
        bits += ffh_ue_bits(delta_poc_minus1(set, i)) + 1;
    return bits;
}

static int find(const ffh_ref_pic_set *set, int32_t delta)
{
    for (int i = 0; i < set->num_delta_pocs; i++)
        if (set->delta_poc[i] == delta)
            return i;
    return NOT_FOUND;
}

/* Bits of a set that is predicted, or 0 where the other one lacks a picture of it. */
static unsigned bits_predicted(const ffh_ref_pic_set *set, const ffh_ref_pic_set *from, unsigned delta_idx_minus1,
                               int32_t delta_rps)
{
    unsigned found = 0, bits = 1 + ffh_ue_bits(delta_idx_minus1) + 1 + ffh_ue_bits((uint32_t)abs(delta_rps) - 1);

    for (unsigned j = 0; j <= from->num_delta_pocs; j++) {
        int at = find(set, predicted_delta(from, j, delta_rps));
        found += at != NOT_FOUND;
        bits += at != NOT_FOUND && set->used_by_curr_pic[at] ? 1 : 2;
    }
    return found == set->num_delta_pocs ? bits : 0;
}

/* Tries the shifts that take a picture of one of the sets to the first one of this set. */
static prediction best_prediction(const ffh_ref_pic_set *sets, unsigned count, const ffh_ref_pic_set *set)
{
    prediction best = { 0 };

    for (unsigned idx = 0; idx < count && set->num_delta_pocs; idx++) {
        for (unsigned j = 0; j <= sets[idx].num_delta_pocs; j++) {
            int32_t delta_rps = set->delta_poc[0] - predicted_delta(&sets[idx], j, 0);
            if (delta_rps == 0 || abs(delta_rps) > MAX_ABS_DELTA)
                continue;
            unsigned bits = bits_predicted(set, &sets[idx], count - 1 - idx, delta_rps);
            if (bits && (!best.bits || bits < best.bits))
                best = (prediction){ idx, delta_rps, bits };
        }
    }
    return best;
}

static void put_predicted(ffh_bitwriter *w, const ffh_ref_pic_set *sets, unsigned count, const ffh_ref_pic_set *set,
                          prediction by)
{
    const ffh_ref_pic_set *from = &sets[by.idx];

    ffh_put_u(w, "inter_ref_pic_set_prediction_flag", 1, 1);
    ffh_put_ue(w, "delta_idx_minus1", count - 1 - by.idx);
    ffh_put_u(w, "delta_rps_sign", 1, by.delta_rps < 0);
    ffh_put_ue(w, "abs_delta_rps_minus1", (uint32_t)abs(by.delta_rps) - 1);
    for (unsigned j = 0; j <= from->num_delta_pocs; j++) {
        int at = find(set, predicted_delta(from, j, by.delta_rps));
        unsigned used = at != NOT_FOUND && set->used_by_curr_pic[at];
        ffh_put_u(w, "used_by_curr_pic_flag", 1, used);
        if (!used)
            ffh_put_u(w, "use_delta_flag", 1, at != NOT_FOUND);
    }
}

void ffh_get_slice_ref_pic_set(ffh_bitreader *r, const ffh_ref_pic_set *sets, unsigned count, ffh_ref_pic_set *set)
{
    if (!ffh_get_u(r, 1)) { /* short_term_ref_pic_set_sps_flag */
        ffh_get_ref_pic_set(r, count, sets, count, set);
        return;
    }
    uint32_t idx = ffh_get_u(r, ffh_ceil_log2(count));
    if (idx < count)
        *set = sets[idx];
    else
        r->error = FFH_EDATA;
}

static int same(const ffh_ref_pic_set *set, const ffh_ref_pic_set *other)
{
    if (set->num_delta_pocs != other->num_delta_pocs)
        return 0;
    for (unsigned i = 0; i < set->num_delta_pocs; i++)
        if (set->delta_poc[i] != other->delta_poc[i] || set->used_by_curr_pic[i] != other->used_by_curr_pic[i])
            return 0;
    return 1;
}

void ffh_put_slice_ref_pic_set(ffh_bitwriter *w, const ffh_ref_pic_set *sets, unsigned count,
                               const ffh_ref_pic_set *set)
{
    unsigned idx = 0;
    while (idx < count && !same(set, &sets[idx]))
        idx++;
    ffh_put_u(w, "short_term_ref_pic_set_sps_flag", 1, idx < count);
    if (idx < count) {
        ffh_put_u(w, "short_term_ref_pic_set_idx", ffh_ceil_log2(count), idx);
        return;
    }
    prediction by = best_prediction(sets, count, set);
    if (by.bits && by.bits < bits_alone(set))
        put_predicted(w, sets, count, set, by);
    else
        ffh_put_ref_pic_set(w, count, set);
}
