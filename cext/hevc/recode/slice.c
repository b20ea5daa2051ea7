#include <stdlib.h>

#include "hevc/nal.h"
#include "hevc/recode/internal.h"
#include "hevc/recode/recode.h"
#include "hevc/tools.h"

enum { I_SLICES, P_SLICES, B_SLICES }; /* initType, unless cabac_init_flag swaps the last two */

/* Everything that rows of CTUs hand on. */
typedef struct slice {
    ffh_recoder coder;
    int rows, columns;
    ffh_buf *substreams; /* by row with wavefront rows, else one; before emulation prevention */
    ffh_contexts stored; /* after the second CTU of the row before (9.3.1, TableStateIdxWpp) */
    const ffh_compact_sets *to;
    const uint8_t *rbsp;
    size_t size, first, next; /* bytes that the slice data and the next substream begin with */
} slice;

static int check_tools(const ffh_sps *sps, const ffh_pps *pps, const ffh_slice_header *header)
{
    if (sps->chroma_format_idc != 1)
        return ffh_unsupported(FFH_TOOL_CHROMA_FORMAT);
    if (sps->pcm_enabled_flag)
        return ffh_unsupported(FFH_TOOL_PCM);
    if (sps->range_extension || pps->pps_range_extension_flag)
        return ffh_unsupported(FFH_TOOL_RANGE_EXTENSION);
    return header->has_sao ? ffh_unsupported(FFH_TOOL_SAO) : 0;
}

static int init_type(const ffh_slice_header *header)
{
    if (header->slice_type == FFH_SLICE_I)
        return I_SLICES;
    return (header->slice_type == FFH_SLICE_P) != header->cabac_init_flag ? P_SLICES : B_SLICES;
}

static int start_substream(slice *s, int row, ffh_buf *to)
{
    ffh_recoder *e = &s->coder;

    if (ffh_buf_reserve(to, FFH_CABAC_CTU_BYTES(e->map.log2_ctb)) < 0)
        return to->error;
    ffh_cabac_start(&e->out, to->data);
    ffh_cabac_reader_start(&e->in, s->rbsp, s->size, s->next);
    if (row && s->columns > 1)
        e->contexts = s->stored;
    else
        ffh_contexts_init(&e->contexts, init_type(e->header), e->header->slice_qp);
    return 0;
}

static int finish_substream(slice *s, ffh_buf *to)
{
    ffh_cabac_finish(&s->coder.out);
    to->size = (size_t)(s->coder.out.next - to->data);
    s->next = ffh_cabac_reader_end(&s->coder.in);
    return s->next > s->size ? FFH_EDATA : 0;
}

/* One row of slice_segment_data(), clause 7.3.8.1 */
static int recode_row(slice *s, int row, ffh_buf *to)
{
    ffh_recoder *e = &s->coder;
    int has_substreams = e->pps->entropy_coding_sync_enabled_flag, log2_ctb = e->map.log2_ctb;
    int error = !row || has_substreams ? start_substream(s, row, to) : 0;

    for (int column = 0; column < s->columns && !error; column++) {
        error = ffh_cabac_reserve(&e->out, to, FFH_CABAC_CTU_BYTES(log2_ctb));
        if (error)
            break;
        ffh_recode_ctu(e, column << log2_ctb, row << log2_ctb);
        if (e->has_lossless_blocks)
            return 0;
        int is_last = row == s->rows - 1 && column == s->columns - 1;
        int ends = (int)ffh_cabac_get_terminate(&e->in); /* end_of_slice_segment_flag */
        ffh_cabac_put_terminate(&e->out, (unsigned)ends);
        error = e->in.error || ends != is_last ? FFH_EDATA : 0;
        if (column == 1)
            s->stored = e->contexts;
    }
    if (error || (row < s->rows - 1 && !has_substreams))
        return error;
    if (row < s->rows - 1) {
        if (!ffh_cabac_get_terminate(&e->in)) /* end_of_subset_one_bit */
            return FFH_EDATA;
        ffh_cabac_put_terminate(&e->out, 1);
    }
    return finish_substream(s, to);
}

static int recode_rows(slice *s)
{
    int error = 0, has_substreams = s->coder.pps->entropy_coding_sync_enabled_flag;

    for (int row = 0; row < s->rows && !error && !s->coder.has_lossless_blocks; row++)
        error = recode_row(s, row, &s->substreams[has_substreams ? row : 0]);
    return error;
}

/* Appends the NAL unit under another PPS, with the entry points of substreams if there are new ones. */
static int put_nal(const uint8_t *nal, const slice *s, const ffh_pps *pps, const uint32_t *sizes, const ffh_buf *data,
                   ffh_buf *out)
{
    ffh_buf rbsp = { 0 };
    ffh_bitreader r;
    ffh_bitwriter w;

    ffh_bitreader_init(&r, s->rbsp, s->size);
    ffh_bitwriter_init(&w, &rbsp);
    ffh_copy_slice_header(&w, &r, s->coder.header, &s->to->sps, pps, sizes, (uint32_t)s->rows - 1);
    ffh_buf_append(out, nal, 2);
    if (!rbsp.error)
        ffh_append_escaped(out, rbsp.data, rbsp.size);
    ffh_buf_append(out, data->data, data->size);
    int error = rbsp.error ? rbsp.error : r.error ? r.error : out->error;
    ffh_buf_free(&rbsp);
    return error;
}

/* The slice data as they were: the header ends in a one bit, so that their emulation prevention bytes stay right. */
static int put_copied(const uint8_t *nal, const slice *s, const ffh_pps *pps, ffh_buf *out)
{
    ffh_buf data = { 0 };

    ffh_append_escaped(&data, s->rbsp + s->first, s->size - s->first);
    int error = data.error ? data.error : put_nal(nal, s, pps, NULL, &data, out);
    ffh_buf_free(&data);
    return error;
}

static int put_recoded(const uint8_t *nal, const slice *s, ffh_buf *out)
{
    int has_substreams = s->coder.pps->entropy_coding_sync_enabled_flag;
    uint32_t *sizes = malloc((size_t)s->rows * sizeof(*sizes));
    ffh_buf data = { 0 };
    int error = sizes ? ffh_append_substreams(s->substreams, has_substreams ? s->rows : 1, sizes, &data) : FFH_ENOMEM;

    if (error == 0)
        error = put_nal(nal, s, &s->to->lossy, has_substreams ? sizes : NULL, &data, out);
    ffh_buf_free(&data);
    free(sizes);
    return error;
}

static int slice_init(slice *s)
{
    ffh_cu_map *map = &s->coder.map;
    int error = ffh_cu_map_init(map, s->coder.sps), mask = (1 << map->log2_ctb) - 1;

    if (error < 0)
        return error;
    s->rows = (map->height + mask) >> map->log2_ctb;
    s->columns = (map->width + mask) >> map->log2_ctb;
    s->substreams = calloc((size_t)s->rows, sizeof(*s->substreams));
    s->coder.skipped = calloc((size_t)map->stride, (size_t)(map->height >> 2));
    return s->substreams && s->coder.skipped ? 0 : FFH_ENOMEM;
}

static void slice_free(slice *s)
{
    for (int i = 0; s->substreams && i < s->rows; i++)
        ffh_buf_free(&s->substreams[i]);
    free(s->substreams);
    free(s->coder.skipped);
    ffh_cu_map_free(&s->coder.map);
}

static int recode(const uint8_t *nal, slice *s, ffh_buf *out)
{
    if (!s->coder.pps->transquant_bypass_enabled_flag)
        return put_copied(nal, s, &s->to->lossy, out);
    int error = check_tools(s->coder.sps, s->coder.pps, s->coder.header);
    if (error == 0)
        error = slice_init(s);
    if (error == 0)
        error = recode_rows(s);
    if (error < 0)
        return error;
    return s->coder.has_lossless_blocks ? put_copied(nal, s, &s->to->lossless, out) : put_recoded(nal, s, out);
}

/* Temporal motion vectors from an I picture are not available (8.5.3.2.8): without them blocks are predicted as with
 * them. 7.4.7.1 forbids that pictures behind such a slice take any from before it, which is checked by who calls. */
static void move_behind_anchor(ffh_slice_header *header, const ffh_sps *sps, uint32_t anchor)
{
    uint32_t mask = (1u << sps->log2_max_pic_order_cnt_lsb) - 1;
    uint32_t collocated = header->slice_pic_order_cnt_lsb + (uint32_t)header->collocated_delta_poc;

    if (header->slice_temporal_mvp_enabled_flag && header->collocated_delta_poc && !(collocated & mask))
        header->slice_temporal_mvp_enabled_flag = 0;
    header->slice_pic_order_cnt_lsb += anchor;
}

int ffh_recode_slice(const uint8_t *nal, size_t size, const ffh_sps *sps, const ffh_pps *pps,
                     const ffh_compact_sets *to, uint32_t anchor, ffh_buf *out)
{
    ffh_slice_header header;
    ffh_buf rbsp = { 0 };
    int error = ffh_parse_slice_header(nal, size, sps, pps, &header);

    if (error == 0)
        error = ffh_nal_to_rbsp(nal, size, &rbsp);
    if (error == 0 && anchor)
        move_behind_anchor(&header, sps, anchor);
    if (error == 0) {
        size_t first = header.end / 8 + 1; /* after byte_alignment() */
        slice s = { .coder = { .sps = sps, .pps = pps, .header = &header }, .to = to };
        s.rbsp = rbsp.data;
        s.size = rbsp.size;
        s.first = s.next = first;
        error = first < rbsp.size ? recode(nal, &s, out) : FFH_EDATA;
        slice_free(&s);
    }
    ffh_buf_free(&rbsp);
    return error;
}
