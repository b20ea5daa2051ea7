#include "ffh_picture.h"

#include <stdlib.h>
#include <string.h>

#include "ffh_intra_search.h"
#include "ffh_nal.h"
#include "ffh_residual.h"

/* More bytes than any sample costs: 16 context bins of under 6 bits, a code word of 32 bins, in 1.5 samples. */
enum { BYTES_PER_LUMA_SAMPLE = 20 };

typedef struct coder {
    ffh_cabac c;
    ffh_contexts contexts;
    ffh_contexts row_contexts; /* after the second CTU of the row above (9.3.1, TableStateIdxWpp) */
    const ffh_sps *sps;
    const ffh_pps *pps;
    const ffh_source *source; /* NULL: every residual is zero */
    const ffh_cu_map *map;
} coder;

/* One transform block's place: a coding block at (cb_x, cb_y), the block itself in luma samples. */
typedef struct transform_node {
    int x, y, log2_size, depth, index;
    int parent_x, parent_y;
    int cbf_cb, cbf_cr;
} transform_node;

typedef struct coding_block {
    int x, y, log2_size, is_split; /* IntraSplitFlag */
} coding_block;

static int residual_of(const coder *e, int plane, int x, int y, int size, int mode, int16_t *residual)
{
    uint16_t prediction[FFH_MAX_TB * FFH_MAX_TB];
    const ffh_plane *source = &e->source->planes[plane];
    const uint16_t *row = source->samples + y * source->stride + x;
    int any = 0;

    ffh_predict_block(e->source, e->map, plane, x, y, size, mode, prediction);
    for (int j = 0; j < size; j++, row += source->stride) {
        for (int i = 0; i < size; i++) {
            int difference = row[i] - prediction[j * size + i];
            residual[j * size + i] = (int16_t)difference;
            any |= difference;
        }
    }
    return any != 0;
}

static enum ffh_scan scan_of(int mode, int log2_size, int is_luma)
{
    if (log2_size != 2 && !(log2_size == 3 && is_luma))
        return FFH_SCAN_DIAGONAL;
    if (mode >= 6 && mode <= 14)
        return FFH_SCAN_VERTICAL;
    return mode >= 22 && mode <= 30 ? FFH_SCAN_HORIZONTAL : FFH_SCAN_DIAGONAL;
}

static int luma_mode_at(const coder *e, int x, int y)
{
    return e->map->luma_mode[ffh_cu_at(e->map, x, y)];
}

static int chroma_mode_of(const coder *e, const coding_block *cb)
{
    int coded = e->map->chroma_mode[ffh_cu_at(e->map, cb->x, cb->y)];
    return ffh_cu_chroma_pred_mode(coded, luma_mode_at(e, cb->x, cb->y));
}

/* Whether the chroma under `log2_size` luma samples at (x, y) differs from its prediction, transform block by
 * transform block where the coding block is larger than the largest transform. */
static int has_chroma_residual(const coder *e, const coding_block *cb, int plane, int x, int y, int log2_size)
{
    int16_t residual[FFH_MAX_TB * FFH_MAX_TB];
    int leaf = cb->is_split ? cb->log2_size - 1 : e->map->log2_max_tb;
    if (!e->source)
        return 0;
    if (log2_size <= leaf || log2_size == 3)
        return residual_of(e, plane, x / 2, y / 2, 1 << (log2_size - 1), chroma_mode_of(e, cb), residual);

    int half = 1 << (log2_size - 1), any = 0;
    for (int i = 0; i < 4; i++)
        any |= has_chroma_residual(e, cb, plane, x + (i & 1) * half, y + (i >> 1) * half, log2_size - 1);
    return any;
}

static void put_chroma(coder *e, const coding_block *cb, int plane, int x, int y, int log2_size)
{
    int16_t residual[FFH_MAX_TB * FFH_MAX_TB];
    int mode = chroma_mode_of(e, cb);
    residual_of(e, plane, x / 2, y / 2, 1 << log2_size, mode, residual);
    ffh_put_residual(&e->c, &e->contexts, residual, log2_size, 0, scan_of(mode, log2_size, 0));
}

/* transform_unit(), clause 7.3.8.10; cu_qp_delta is never coded: off in the lossless PPS, and grey has no residual */
static void put_transform_unit(coder *e, const coding_block *cb, const transform_node *node)
{
    int16_t residual[FFH_MAX_TB * FFH_MAX_TB];
    int mode = luma_mode_at(e, node->x, node->y);
    int cbf_luma = e->source && residual_of(e, 0, node->x, node->y, 1 << node->log2_size, mode, residual);

    ffh_cabac_put(&e->c, &e->contexts.cbf_luma[node->depth == 0], (unsigned)cbf_luma);
    if (cbf_luma)
        ffh_put_residual(&e->c, &e->contexts, residual, node->log2_size, 1, scan_of(mode, node->log2_size, 1));
    if (node->log2_size > 2) {
        if (node->cbf_cb)
            put_chroma(e, cb, 1, node->x, node->y, node->log2_size - 1);
        if (node->cbf_cr)
            put_chroma(e, cb, 2, node->x, node->y, node->log2_size - 1);
    } else if (node->index == 3) {
        if (node->cbf_cb)
            put_chroma(e, cb, 1, node->parent_x, node->parent_y, 2);
        if (node->cbf_cr)
            put_chroma(e, cb, 2, node->parent_x, node->parent_y, 2);
    }
}

/* transform_tree(), clause 7.3.8.8; `node` arrives with the cbf_cb and cbf_cr of its parent */
static void put_transform_tree(coder *e, const coding_block *cb, transform_node node)
{
    const ffh_sps *sps = e->sps;
    int max_depth = sps->max_transform_hierarchy_depth_intra + cb->is_split;
    int is_forced = node.log2_size > sps->log2_max_luma_transform_block_size || (cb->is_split && node.depth == 0);

    if (!is_forced && node.log2_size > sps->log2_min_luma_transform_block_size && node.depth < max_depth)
        ffh_cabac_put(&e->c, &e->contexts.split_transform_flag[5 - node.log2_size], 0);
    if (node.log2_size > 2) {
        if (node.cbf_cb) {
            node.cbf_cb = has_chroma_residual(e, cb, 1, node.x, node.y, node.log2_size);
            ffh_cabac_put(&e->c, &e->contexts.cbf_chroma[node.depth], (unsigned)node.cbf_cb);
        }
        if (node.cbf_cr) {
            node.cbf_cr = has_chroma_residual(e, cb, 2, node.x, node.y, node.log2_size);
            ffh_cabac_put(&e->c, &e->contexts.cbf_chroma[node.depth], (unsigned)node.cbf_cr);
        }
    }
    if (!is_forced) {
        put_transform_unit(e, cb, &node);
        return;
    }
    int half = 1 << (node.log2_size - 1);
    for (int i = 0; i < 4; i++) {
        transform_node child = node;
        child.x += (i & 1) * half;
        child.y += (i >> 1) * half;
        child.log2_size--;
        child.depth++;
        child.index = i;
        child.parent_x = node.x;
        child.parent_y = node.y;
        put_transform_tree(e, cb, child);
    }
}

/* mpm_idx of a mode, or -1 and in *rem_intra_luma_pred_mode its code */
static int most_probable_index(const coder *e, int x, int y, int *rem_intra_luma_pred_mode)
{
    int candidates[3], mode = luma_mode_at(e, x, y);
    ffh_cu_most_probable_modes(e->map, x, y, candidates);

    *rem_intra_luma_pred_mode = mode;
    for (int i = 0; i < 3; i++) {
        if (candidates[i] == mode)
            return i;
        *rem_intra_luma_pred_mode -= candidates[i] < mode;
    }
    return -1;
}

static void put_luma_modes(coder *e, const coding_block *cb)
{
    int parts = cb->is_split ? 4 : 1, half = 1 << (cb->log2_size - 1);
    int mpm_idx[4], rem_intra_luma_pred_mode[4];

    for (int i = 0; i < parts; i++) {
        mpm_idx[i] = most_probable_index(e, cb->x + (i & 1) * half, cb->y + (i >> 1) * half, &rem_intra_luma_pred_mode[i]);
        ffh_cabac_put(&e->c, &e->contexts.prev_intra_luma_pred_flag, mpm_idx[i] >= 0);
    }
    for (int i = 0; i < parts; i++) {
        if (mpm_idx[i] < 0)
            ffh_cabac_put_bypass(&e->c, (uint32_t)rem_intra_luma_pred_mode[i], 5);
        else /* truncated unary: 0, 10, 11 */
            ffh_cabac_put_bypass(&e->c, mpm_idx[i] ? (uint32_t)mpm_idx[i] + 1 : 0, mpm_idx[i] ? 2 : 1);
    }
}

/* coding_unit(), clause 7.3.8.5 */
static void put_coding_unit(coder *e, int x, int y, int log2_size)
{
    coding_block cb = { x, y, log2_size, e->map->log2_pu[ffh_cu_at(e->map, x, y)] < log2_size };
    int chroma = e->map->chroma_mode[ffh_cu_at(e->map, x, y)];

    if (e->pps->transquant_bypass_enabled_flag)
        ffh_cabac_put(&e->c, &e->contexts.cu_transquant_bypass_flag, e->source != NULL);
    if (log2_size == e->map->log2_min_cb)
        ffh_cabac_put(&e->c, &e->contexts.part_mode, !cb.is_split);
    put_luma_modes(e, &cb);
    ffh_cabac_put(&e->c, &e->contexts.intra_chroma_pred_mode, chroma != FFH_CHROMA_DERIVED);
    if (chroma != FFH_CHROMA_DERIVED)
        ffh_cabac_put_bypass(&e->c, (uint32_t)chroma, 2);

    transform_node root = { .x = x, .y = y, .log2_size = log2_size, .cbf_cb = 1, .cbf_cr = 1 };
    put_transform_tree(e, &cb, root);
}

static int split_ctx(const coder *e, int x, int y, int log2_size)
{
    return (x > 0 && ffh_cu_log2(e->map, x - 1, y) < log2_size) + (y > 0 && ffh_cu_log2(e->map, x, y - 1) < log2_size);
}

/* coding_quadtree(), clause 7.3.8.4 */
static void put_coding_quadtree(coder *e, int x, int y, int log2_size)
{
    int size = 1 << log2_size, half = size >> 1;
    int fits = x + size <= e->map->width && y + size <= e->map->height;
    int splits = log2_size > e->map->log2_min_cb && (!fits || ffh_cu_log2(e->map, x, y) < log2_size);

    if (fits && log2_size > e->map->log2_min_cb)
        ffh_cabac_put(&e->c, &e->contexts.split_cu_flag[split_ctx(e, x, y, log2_size)], (unsigned)splits);
    if (!splits) {
        put_coding_unit(e, x, y, log2_size);
        return;
    }
    for (int i = 0; i < 4; i++) {
        int child_x = x + (i & 1) * half, child_y = y + (i >> 1) * half;
        if (child_x < e->map->width && child_y < e->map->height)
            put_coding_quadtree(e, child_x, child_y, log2_size - 1);
    }
}

/* Slice data and where its substreams end, before emulation prevention. */
typedef struct slice_data {
    ffh_buf bytes;
    size_t *ends;
    int count;
} slice_data;

static int finish_substream(coder *e, slice_data *data)
{
    ffh_cabac_finish(&e->c);
    data->bytes.size = (size_t)(e->c.next - data->bytes.data);
    data->ends[data->count++] = data->bytes.size;
    return 0;
}

/* Makes room for one row of CTUs, moving the engine's pointers along with the buffer. */
static int reserve_row(coder *e, slice_data *data)
{
    size_t start = (size_t)(e->c.start - data->bytes.data);
    size_t row = (size_t)e->map->width << e->map->log2_ctb;

    data->bytes.size = (size_t)(e->c.next - data->bytes.data);
    if (ffh_buf_reserve(&data->bytes, row * BYTES_PER_LUMA_SAMPLE + 64) < 0)
        return data->bytes.error;
    e->c.start = data->bytes.data + start;
    e->c.next = data->bytes.data + data->bytes.size;
    return 0;
}

static void start_wpp_row(coder *e, slice_data *data, int row, int columns)
{
    ffh_cabac_start(&e->c, data->bytes.data + data->bytes.size);
    if (row && columns > 1)
        e->contexts = e->row_contexts;
    else
        ffh_contexts_init(&e->contexts, 26 + e->pps->init_qp_minus26);
}

/* slice_segment_data(), clause 7.3.8.1 */
static int put_slice_data(coder *e, slice_data *data)
{
    int log2_ctb = e->map->log2_ctb;
    int columns = (e->map->width + (1 << log2_ctb) - 1) >> log2_ctb, rows = (e->map->height + (1 << log2_ctb) - 1) >> log2_ctb;
    int sync = e->pps->entropy_coding_sync_enabled_flag;

    ffh_cabac_start(&e->c, data->bytes.data);
    ffh_contexts_init(&e->contexts, 26 + e->pps->init_qp_minus26);
    for (int row = 0; row < rows; row++) {
        if (reserve_row(e, data) < 0)
            return data->bytes.error;
        if (sync)
            start_wpp_row(e, data, row, columns);
        for (int column = 0; column < columns; column++) {
            int is_last = row == rows - 1 && column == columns - 1;
            put_coding_quadtree(e, column << log2_ctb, row << log2_ctb, log2_ctb);
            ffh_cabac_put_terminate(&e->c, (unsigned)is_last); /* end_of_slice_segment_flag */
            if (column == 1)
                e->row_contexts = e->contexts;
        }
        if (sync && row < rows - 1)
            ffh_cabac_put_terminate(&e->c, 1); /* end_of_subset_one_bit */
        if (sync || row == rows - 1)
            finish_substream(e, data);
    }
    return 0;
}

/* The size of each substream with its emulation prevention bytes (7.4.7.1); substreams end in a one bit, so that
 * escaping each of them alone gives the same bytes as escaping all of them together. */
static int put_escaped_substreams(const slice_data *data, uint32_t *sizes, ffh_buf *escaped)
{
    size_t begin = 0;
    for (int i = 0; i < data->count; i++) {
        size_t before = escaped->size;
        ffh_append_escaped(escaped, data->bytes.data + begin, data->ends[i] - begin);
        if (escaped->error)
            return escaped->error;
        if (escaped->size - before > UINT32_MAX)
            return FFH_ENOMEM;
        sizes[i] = (uint32_t)(escaped->size - before);
        begin = data->ends[i];
    }
    return 0;
}

static int put_nal(coder *e, int nal_unit_type, const slice_data *data, uint32_t *sizes, ffh_buf *out)
{
    ffh_buf escaped = { 0 }, header = { 0 };
    ffh_bitwriter w;
    int error = put_escaped_substreams(data, sizes, &escaped);

    if (error == 0) {
        ffh_bitwriter_init(&w, &header);
        ffh_put_idr_slice_header(&w, e->sps, e->pps, sizes, (uint32_t)data->count - 1);
        ffh_put_nal_header(out, nal_unit_type);
        if (!header.error)
            ffh_append_escaped(out, header.data, header.size);
        ffh_buf_append(out, escaped.data, escaped.size);
        error = header.error ? header.error : out->error;
    }
    ffh_buf_free(&header);
    ffh_buf_free(&escaped);
    return error;
}

static int check_tools(const ffh_sps *sps, const ffh_pps *pps, int nal_unit_type)
{
    if (nal_unit_type != FFH_NAL_IDR_W_RADL && nal_unit_type != FFH_NAL_IDR_N_LP)
        return FFH_EINVAL;
    if (pps->pps_seq_parameter_set_id != sps->sps_seq_parameter_set_id)
        return FFH_EINVAL;
    if (sps->chroma_format_idc != 1 || sps->bit_depth_luma != sps->bit_depth_chroma || sps->pcm_enabled_flag ||
        sps->range_extension || sps->other_extension || pps->tiles_enabled_flag)
        return FFH_EUNSUPPORTED;
    if (sps->log2_min_luma_coding_block_size - 1 > sps->log2_max_luma_transform_block_size)
        return FFH_EUNSUPPORTED;
    return 0;
}

/* Codes what `map` and `source` hold, the caller having filled both. */
static int write_picture(const ffh_sps *sps, const ffh_pps *pps, int nal_unit_type, const ffh_source *source,
                         const ffh_cu_map *map, ffh_buf *out)
{
    int rows = (map->height + (1 << map->log2_ctb) - 1) >> map->log2_ctb;
    size_t *ends = malloc((size_t)rows * sizeof(*ends));
    uint32_t *sizes = malloc((size_t)rows * sizeof(*sizes));
    coder *e = calloc(1, sizeof(*e));
    slice_data data = { .ends = ends };
    int error = FFH_ENOMEM;

    if (ends && sizes && e && ffh_buf_reserve(&data.bytes, 64) == 0) {
        e->sps = sps;
        e->pps = pps;
        e->source = source;
        e->map = map;
        error = put_slice_data(e, &data);
        if (error == 0)
            error = put_nal(e, nal_unit_type, &data, sizes, out);
    }
    ffh_buf_free(&data.bytes);
    free(e);
    free(sizes);
    free(ends);
    return error;
}

int ffh_write_grey_idr(const ffh_sps *sps, const ffh_pps *pps, int nal_unit_type, ffh_buf *out)
{
    ffh_cu_map map;
    int error = check_tools(sps, pps, nal_unit_type);
    if (error < 0)
        return error;
    error = ffh_cu_map_init(&map, sps);
    if (error < 0)
        return error;

    /* The largest coding blocks that fit, all planar; without neighbours every reference sample is mid-grey. */
    size_t blocks = (size_t)map.stride * (size_t)(map.height >> 2);
    memset(map.chroma_mode, FFH_CHROMA_DERIVED, blocks);
    for (int log2 = map.log2_min_cb; log2 <= map.log2_ctb; log2++)
        for (int y = 0; y + (1 << log2) <= map.height; y += 1 << log2)
            for (int x = 0; x + (1 << log2) <= map.width; x += 1 << log2)
                ffh_cu_map_set(&map, x, y, log2, FFH_INTRA_PLANAR);
    error = write_picture(sps, pps, nal_unit_type, NULL, &map, out);
    ffh_cu_map_free(&map);
    return error;
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
        source->planes[i] = (ffh_plane){ .stride = width >> shift, .width = width >> shift, .height = height >> shift,
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

int ffh_write_lossless_idr(const ffh_sps *sps, const ffh_pps *pps, int nal_unit_type, const ffh_picture *picture,
                           ffh_buf *out)
{
    ffh_cu_map map = { 0 };
    ffh_source source = { 0 };
    int error = check_tools(sps, pps, nal_unit_type);
    if (error < 0)
        return error;
    if (!pps->transquant_bypass_enabled_flag || pps->cu_qp_delta_enabled_flag)
        return FFH_EINVAL;

    error = load_source(sps, picture, &source);
    if (error == 0 && !samples_fit(&source))
        error = FFH_EINVAL;
    if (error == 0)
        error = ffh_cu_map_init(&map, sps);
    if (error == 0) {
        int ctb = 1 << map.log2_ctb;
        for (int y = 0; y < map.height; y += ctb)
            for (int x = 0; x < map.width; x += ctb)
                ffh_search_ctu(&source, &map, x, y);
        error = write_picture(sps, pps, nal_unit_type, &source, &map, out);
    }
    ffh_cu_map_free(&map);
    free((void *)source.planes[0].samples);
    return error;
}
