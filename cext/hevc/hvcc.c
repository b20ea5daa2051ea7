#include "hevc/hvcc.h"

#include "hevc/nal.h"
#include "hevc/params.h"

enum { FIXED_PART = 23 };

int ffh_read_hvcc(const uint8_t *data, size_t size, ffh_hvcc_iter *iter)
{
    if (size < FIXED_PART || data[0] != 1)
        return FFH_EDATA;
    int length_size = (data[21] & 3) + 1;
    if (length_size == 3)
        return FFH_EDATA;
    iter->pos = FIXED_PART;
    iter->arrays_left = data[22];
    iter->units_left = 0;
    return length_size;
}

static int read_u16(const uint8_t *data, size_t size, size_t *pos)
{
    if (size - *pos < 2)
        return FFH_EDATA;
    int value = data[*pos] << 8 | data[*pos + 1];
    *pos += 2;
    return value;
}

int ffh_next_hvcc_nal(const uint8_t *data, size_t size, ffh_hvcc_iter *iter, size_t *start, size_t *length)
{
    while (!iter->units_left) {
        if (!iter->arrays_left)
            return 0;
        iter->arrays_left--;
        if (iter->pos >= size)
            return FFH_EDATA;
        iter->pos++; /* array_completeness, NAL_unit_type */
        int units = read_u16(data, size, &iter->pos);
        if (units < 0)
            return FFH_EDATA;
        iter->units_left = (unsigned)units;
    }
    iter->units_left--;
    int bytes = read_u16(data, size, &iter->pos);
    if (bytes < 0 || (size_t)bytes > size - iter->pos)
        return FFH_EDATA;
    *start = iter->pos;
    *length = (size_t)bytes;
    iter->pos += (size_t)bytes;
    return 1;
}

/* Calls for every unit of the wanted type: counts them, and appends them to `out` unless it is NULL. */
static int visit_units(const uint8_t *prefixed, size_t size, int type, ffh_buf *out)
{
    size_t pos = 0, start, length;
    int more, count = 0;

    while ((more = ffh_next_length_prefixed(prefixed, size, 4, &pos, &start, &length)) > 0) {
        if (ffh_nal_unit_type(prefixed + start, length) != type)
            continue;
        count++;
        if (!out)
            continue;
        if (length > UINT16_MAX)
            return FFH_EINVAL;
        ffh_buf_append_byte(out, (uint8_t)(length >> 8));
        ffh_buf_append_byte(out, (uint8_t)length);
        ffh_buf_append(out, prefixed + start, length);
    }
    return more < 0 ? more : count;
}

static int find_sps(const uint8_t *prefixed, size_t size, ffh_sps *sps)
{
    size_t pos = 0, start, length;
    while (ffh_next_length_prefixed(prefixed, size, 4, &pos, &start, &length) > 0)
        if (ffh_nal_unit_type(prefixed + start, length) == FFH_NAL_SPS)
            return ffh_parse_sps(prefixed + start, length, sps);
    return FFH_EDATA;
}

static void put_fixed_part(const ffh_sps *sps, ffh_buf *out)
{
    ffh_bitwriter w;
    ffh_bitwriter_init(&w, out);
    ffh_put_u(&w, "configurationVersion", 8, 1);
    for (int i = 0; i < FFH_PTL_SIZE; i++)
        ffh_put_u(&w, "general_profile_space .. general_level_idc", 8, sps->general_profile_tier_level[i]);
    ffh_put_u(&w, "min_spatial_segmentation_idc", 16, 0xf000);
    ffh_put_u(&w, "parallelismType", 8, 0xfc);
    ffh_put_u(&w, "chroma_format_idc", 8, 0xfcu | sps->chroma_format_idc);
    ffh_put_u(&w, "bit_depth_luma_minus8", 8, 0xf8u | (sps->bit_depth_luma - 8u));
    ffh_put_u(&w, "bit_depth_chroma_minus8", 8, 0xf8u | (sps->bit_depth_chroma - 8u));
    ffh_put_u(&w, "avgFrameRate", 16, 0);
    ffh_put_u(&w, "constantFrameRate", 2, 0);
    ffh_put_u(&w, "numTemporalLayers", 3, sps->sps_max_sub_layers_minus1 + 1u);
    ffh_put_u(&w, "temporalIdNested", 1, sps->sps_temporal_id_nesting_flag);
    ffh_put_u(&w, "lengthSizeMinusOne", 2, 3);
}

int ffh_write_hvcc(const uint8_t *prefixed, size_t size, ffh_buf *out)
{
    static const int types[] = { FFH_NAL_VPS, FFH_NAL_SPS, FFH_NAL_PPS };
    enum { TYPES = 3 };
    ffh_sps sps;
    int error = find_sps(prefixed, size, &sps);
    if (error < 0)
        return error;

    put_fixed_part(&sps, out);
    ffh_buf_append_byte(out, TYPES);
    for (int i = 0; i < TYPES; i++) {
        int count = visit_units(prefixed, size, types[i], NULL);
        if (count < 1 || count > UINT16_MAX)
            return count < 0 ? count : FFH_EINVAL;
        ffh_buf_append_byte(out, (uint8_t)types[i]);
        ffh_buf_append_byte(out, (uint8_t)(count >> 8));
        ffh_buf_append_byte(out, (uint8_t)count);
        error = visit_units(prefixed, size, types[i], out);
        if (error < 0)
            return error;
    }
    return out->error;
}
