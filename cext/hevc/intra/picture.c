#include "hevc/intra/picture.h"

#include <stdlib.h>
#include <string.h>

#include "hevc/nal.h"
#include "hevc/intra/slice_data.h"
#include "hevc/tools.h"

static int check_tools(const ffh_sps *sps, const ffh_pps *pps, int nal_unit_type)
{
    if (!ffh_is_idr(nal_unit_type) && nal_unit_type != FFH_NAL_CRA)
        return FFH_EINVAL;
    if (pps->pps_seq_parameter_set_id != sps->sps_seq_parameter_set_id)
        return FFH_EINVAL;
    if (sps->chroma_format_idc != 1)
        return ffh_unsupported(FFH_TOOL_CHROMA_FORMAT);
    if (sps->bit_depth_luma != sps->bit_depth_chroma)
        return ffh_unsupported(FFH_TOOL_BIT_DEPTHS);
    if (sps->pcm_enabled_flag)
        return ffh_unsupported(FFH_TOOL_PCM);
    if (sps->range_extension)
        return ffh_unsupported(FFH_TOOL_RANGE_EXTENSION);
    if (sps->scc_extension || pps->scc_extension)
        return ffh_unsupported(FFH_TOOL_SCREEN_CONTENT);
    if (pps->tiles_enabled_flag)
        return ffh_unsupported(FFH_TOOL_TILES);
    if (!ffh_is_idr(nal_unit_type) && sps->long_term_ref_pics_present_flag)
        return ffh_unsupported(FFH_TOOL_LONG_TERM_PICTURES);
    int is_split = sps->log2_min_luma_coding_block_size - 1 > sps->log2_max_luma_transform_block_size;
    return is_split ? ffh_unsupported(FFH_TOOL_SMALL_TRANSFORMS) : 0;
}

/* The largest coding blocks that fit, planar but for every `dc_every`-th one (0: none), which is DC. Without
 * neighbours every reference sample is mid-grey, so both predict grey. */
static void fill_grey_map(ffh_cu_map *map, int dc_every)
{
    int blocks = 0;
    memset(map->chroma_mode, FFH_CHROMA_DERIVED, (size_t)map->stride * (size_t)(map->height >> 2));
    for (int log2 = map->log2_min_cb; log2 <= map->log2_ctb; log2++) {
        for (int y = 0; y + (1 << log2) <= map->height; y += 1 << log2) {
            for (int x = 0; x + (1 << log2) <= map->width; x += 1 << log2) {
                int is_dc = dc_every && ++blocks % dc_every == 0;
                ffh_cu_map_set(map, x, y, log2, is_dc ? FFH_INTRA_DC : FFH_INTRA_PLANAR);
            }
        }
    }
}

int ffh_write_grey_idr(const ffh_sps *sps, const ffh_pps *pps, int nal_unit_type, ffh_buf *out)
{
    /* A grey picture's slice data are nearly all zero bits, and emulation prevention makes them half as long again;
     * a DC block now and then puts a one among them. The contexts of QP 51 fit such a picture best. */
    static const uint8_t dc_every[] = { 0, 6, 8, 10, 12, 14, 16, 20 };
    enum { GREY_QP = 51 };
    ffh_slice_header header = { .nal_unit_type = (uint8_t)nal_unit_type, .slice_qp = GREY_QP };
    ffh_cu_map map;
    ffh_buf best = { 0 };
    int error = check_tools(sps, pps, nal_unit_type);
    if (error == 0)
        error = ffh_cu_map_init(&map, sps);
    if (error < 0)
        return error;

    for (size_t i = 0; error == 0 && i < sizeof(dc_every); i++) {
        ffh_buf candidate = { 0 };
        fill_grey_map(&map, dc_every[i]);
        error = ffh_write_irap_slice(sps, pps, &header, NULL, &map, 1, &candidate);
        if (!best.size || candidate.size < best.size) {
            ffh_buf larger = best;
            best = candidate;
            candidate = larger;
        }
        ffh_buf_free(&candidate);
    }
    if (error == 0)
        ffh_buf_append(out, best.data, best.size);
    ffh_buf_free(&best);
    ffh_cu_map_free(&map);
    return error ? error : out->error;
}

static void widen_plane(const ffh_picture *picture, int plane, int bit_depth, ffh_plane *to, uint16_t *samples)
{
    int bytes = bit_depth > 8 ? 2 : 1;
    for (int y = 0; y < to->height; y++) {
        const uint8_t *row = picture->planes[plane] + y * picture->strides[plane];
        uint16_t *out = samples + y * to->stride;
        if (bytes == 2) {
            memcpy(out, row, (size_t)to->width * 2);
            continue;
        }
        for (int x = 0; x < to->width; x++)
            out[x] = row[x];
    }
    to->samples = samples;
}

/* Copies the picture into 16-bit planes that the caller frees through planes[0]. */
static int load_source(const ffh_sps *sps, const ffh_picture *picture, ffh_source *source)
{
    int width = sps->pic_width_in_luma_samples, height = sps->pic_height_in_luma_samples;
    size_t luma = (size_t)width * (size_t)height;
    uint16_t *samples = malloc((luma + luma / 2) * sizeof(*samples));
    uint16_t *next = samples;
    if (!samples)
        return FFH_ENOMEM;

    for (int i = 0; i < 3; i++) {
        int shift = i ? 1 : 0;
        source->planes[i] = (ffh_plane){ .stride = width >> shift,
                                         .width = width >> shift,
                                         .height = height >> shift,
                                         .bit_depth = sps->bit_depth_luma };
        widen_plane(picture, i, sps->bit_depth_luma, &source->planes[i], next);
        next += (size_t)(width >> shift) * (size_t)(height >> shift);
    }
    source->strong_intra_smoothing = sps->strong_intra_smoothing_enabled_flag;
    return 0;
}

static int samples_fit(const ffh_source *source)
{
    const ffh_plane *luma = &source->planes[0];
    size_t count = (size_t)luma->width * (size_t)luma->height * 3 / 2;
    uint16_t all = 0;
    if (luma->bit_depth == 8)
        return 1;
    for (size_t i = 0; i < count; i++)
        all |= luma->samples[i];
    return !(all >> luma->bit_depth);
}

void ffh_lossless_pps(const ffh_pps *base, uint8_t pps_pic_parameter_set_id, ffh_pps *pps)
{
    memset(pps, 0, sizeof(*pps));
    pps->pps_pic_parameter_set_id = pps_pic_parameter_set_id;
    pps->pps_seq_parameter_set_id = base->pps_seq_parameter_set_id;
    pps->transquant_bypass_enabled_flag = 1;
    pps->entropy_coding_sync_enabled_flag = base->entropy_coding_sync_enabled_flag;
    pps->pps_deblocking_filter_disabled_flag = 1;
}

int ffh_write_lossless_irap(const ffh_sps *sps, const ffh_pps *pps, int nal_unit_type, uint32_t pic_order_cnt,
                            const ffh_picture *picture, int effort, int threads, ffh_buf *out)
{
    ffh_slice_header header = { .nal_unit_type = (uint8_t)nal_unit_type,
                                .slice_pic_order_cnt_lsb = pic_order_cnt,
                                .slice_qp = (int8_t)(26 + pps->init_qp_minus26) };
    ffh_cu_map map = { 0 };
    ffh_source source = { .effort = (ffh_effort)effort };
    int error = check_tools(sps, pps, nal_unit_type);
    if (error < 0)
        return error;
    if (!pps->transquant_bypass_enabled_flag || pps->cu_qp_delta_enabled_flag || effort < 0 || effort >= FFH_EFFORTS)
        return FFH_EINVAL;

    error = load_source(sps, picture, &source);
    if (error == 0 && !samples_fit(&source))
        error = FFH_EINVAL;
    if (error == 0)
        error = ffh_cu_map_init(&map, sps);
    if (error == 0)
        error = ffh_write_irap_slice(sps, pps, &header, &source, &map, threads, out);
    ffh_cu_map_free(&map);
    free((void *)source.planes[0].samples);
    return error;
}
