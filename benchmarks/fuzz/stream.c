/*
 * libFuzzer target of all that reads HEVC: the input is an Annex B stream, and once more an hvcC record and a run of
 * NAL units with lengths before them. Under whatever parameter sets come out of it the grey and the lossless keyframe
 * are written, whose slice headers must parse again, and slices are moved to compact parameter sets, where they must say
 * the same.
 */
#include <stdlib.h>
#include <string.h>

#include "hevc/hvcc.h"
#include "hevc/nal.h"
#include "hevc/intra/picture.h"
#include "hevc/recode/recode.h"
#include "hevc/sei.h"
#include "hevc/slice.h"

enum { MAX_SAMPLES = 80 * 64, PPS_ID = 1, LOSSY_ID = 2, LOSSLESS_ID = 3 };

typedef struct stream {
    ffh_vps vps;
    ffh_sps sps;
    ffh_pps pps;
    ffh_compact_sets to;
    int has_sps, has_pps, has_compact_sps, has_compact_pps;
} stream;

static void walk_sei(const uint8_t *nal, size_t size)
{
    ffh_buf rbsp = { 0 };
    ffh_sei_message message;
    size_t pos = 0;

    if (ffh_nal_to_rbsp(nal, size, &rbsp) == 0)
        while (ffh_next_sei_message(rbsp.data, rbsp.size, &pos, &message) == 1)
            if (message.offset + message.size > rbsp.size)
                abort();
    ffh_buf_free(&rbsp);
}

static void read_sps(stream *s, const uint8_t *nal, size_t size)
{
    ffh_buf compact = { 0 };

    s->has_sps = ffh_parse_sps(nal, size, &s->sps) == 0;
    s->has_compact_sps = s->has_sps && ffh_write_compact_sps(nal, size, &compact) == 0 &&
                       ffh_parse_sps(compact.data, compact.size, &s->to.sps) == 0;
    ffh_buf_free(&compact);
}

/* Copies of what ends without rbsp_trailing_bits() may be too short to be read. */
static int write_compact_pps(const uint8_t *nal, size_t size, uint8_t pps_id, ffh_pps *pps)
{
    ffh_buf compact = { 0 };

    int is_usable = ffh_write_compact_pps(nal, size, pps_id, pps_id == LOSSLESS_ID, &compact) == 0 &&
                    ffh_parse_pps(compact.data, compact.size, pps) == 0;
    ffh_buf_free(&compact);
    return is_usable;
}

static void read_pps(stream *s, const uint8_t *nal, size_t size)
{
    s->has_pps = ffh_parse_pps(nal, size, &s->pps) == 0;
    s->has_compact_pps = s->has_pps && write_compact_pps(nal, size, LOSSY_ID, &s->to.lossy) &&
                       write_compact_pps(nal, size, LOSSLESS_ID, &s->to.lossless);
}

static void check_same(const ffh_slice_header *from, const ffh_slice_header *to)
{
    const ffh_ref_pic_set *set = &from->short_term_ref_pic_set, *other = &to->short_term_ref_pic_set;

    if (from->slice_qp != to->slice_qp || memcmp(from->num_ref_idx, to->num_ref_idx, 2) != 0 ||
        set->num_delta_pocs != other->num_delta_pocs ||
        memcmp(set->delta_poc, other->delta_poc, sizeof(set->delta_poc)) != 0 ||
        memcmp(set->used_by_curr_pic, other->used_by_curr_pic, FFH_MAX_DPB) != 0 ||
        to->slice_pic_parameter_set_id < LOSSY_ID)
        abort();
}

static void recode(const stream *s, const uint8_t *nal, size_t size)
{
    ffh_buf coded = { 0 };
    ffh_slice_header header, moved;
    uint32_t anchor = size % 3 ? 0 : (uint32_t)(size & 63);

    if ((size_t)s->sps.pic_width_in_luma_samples * s->sps.pic_height_in_luma_samples > MAX_SAMPLES)
        return;
    if (ffh_recode_slice(nal, size, &s->sps, &s->pps, &s->to, anchor, &coded) == 0) {
        const ffh_pps *pps = &s->to.lossy;
        if (ffh_parse_slice_pps_id(coded.data, coded.size, &moved) < 0)
            abort();
        if (moved.slice_pic_parameter_set_id == LOSSLESS_ID)
            pps = &s->to.lossless;
        if (ffh_parse_slice_header(nal, size, &s->sps, &s->pps, &header) < 0 ||
            ffh_parse_slice_header(coded.data, coded.size, &s->to.sps, pps, &moved) < 0)
            abort();
        check_same(&header, &moved);
    }
    ffh_buf_free(&coded);
}

static void read_nal(stream *s, const uint8_t *nal, size_t size)
{
    ffh_slice_header header;
    int type = ffh_nal_unit_type(nal, size);

    if (type == FFH_NAL_VPS)
        ffh_parse_vps(nal, size, &s->vps);
    else if (type == FFH_NAL_SPS)
        read_sps(s, nal, size);
    else if (type == FFH_NAL_PPS)
        read_pps(s, nal, size);
    else if (type == FFH_NAL_PREFIX_SEI || type == FFH_NAL_SUFFIX_SEI)
        walk_sei(nal, size);
    else if (type >= 0 && type < FFH_NAL_VPS && ffh_parse_slice_pps_id(nal, size, &header) == 0 && s->has_compact_sps &&
             s->has_compact_pps)
        recode(s, nal, size);
}

static void check_idr(int result, const ffh_buf *nal, const ffh_sps *sps, const ffh_pps *pps)
{
    ffh_slice_header header;

    if (result < 0)
        return;
    if (ffh_parse_slice_header(nal->data, nal->size, sps, pps, &header) < 0 || header.slice_type != FFH_SLICE_I)
        abort();
}

static void write_keyframes(const stream *s, const uint8_t *data, size_t size)
{
    size_t samples = (size_t)s->sps.pic_width_in_luma_samples * s->sps.pic_height_in_luma_samples;
    unsigned bytes = s->sps.bit_depth_luma > 8 ? 2 : 1;
    ffh_buf grey = { 0 }, lossless = { 0 };
    ffh_pps pps;

    if (samples > MAX_SAMPLES)
        return;
    uint8_t *planes = malloc(2 * samples * bytes);
    if (!planes)
        return;
    for (size_t i = 0; i < 2 * samples * bytes; i++)
        planes[i] = bytes == 2 && i % 2 ? data[i % size] & 3 : data[i % size];
    ptrdiff_t stride = (ptrdiff_t)s->sps.pic_width_in_luma_samples * bytes;
    ffh_picture picture = { { planes, planes + samples * bytes, planes + samples * bytes * 5 / 4 },
                            { stride, stride / 2, stride / 2 } };

    check_idr(ffh_write_grey_idr(&s->sps, &s->pps, FFH_NAL_IDR_N_LP, &grey), &grey, &s->sps, &s->pps);
    ffh_lossless_pps(&s->pps, PPS_ID, &pps);
    check_idr(ffh_write_lossless_irap(&s->sps, &pps, data[0] & 4 ? FFH_NAL_CRA : FFH_NAL_IDR_N_LP, data[0], &picture,
                                      data[0] % 3, 1, &lossless),
              &lossless, &s->sps, &pps);
    ffh_buf_free(&grey);
    ffh_buf_free(&lossless);
    free(planes);
}

static void read_hvcc(const uint8_t *data, size_t size)
{
    ffh_hvcc_iter iter = { 0 };
    size_t start, length, pos = 0;
    ffh_buf record = { 0 };
    stream s = { 0 };

    if (ffh_read_hvcc(data, size, &iter) > 0)
        while (ffh_next_hvcc_nal(data, size, &iter, &start, &length) == 1)
            read_nal(&s, data + start, length);
    while (ffh_next_length_prefixed(data, size, 4, &pos, &start, &length) == 1)
        read_nal(&s, data + start, length);
    ffh_write_hvcc(data, size, &record);
    ffh_buf_free(&record);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    stream s = { 0 };
    size_t pos = 0, start, length;

    while (ffh_next_annexb(data, size, &pos, &start, &length) == 1)
        read_nal(&s, data + start, length);
    if (s.has_sps && s.has_pps)
        write_keyframes(&s, data, size);
    read_hvcc(data, size);
    return 0;
}
