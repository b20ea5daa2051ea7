#include "ffh_slice_data.h"

#include <stdlib.h>

#include "ffh_nal.h"

/* More bytes than any sample costs: 16 context bins of under 6 bits, a code word of 32 bins, in 1.5 samples. */
enum { BYTES_PER_LUMA_SAMPLE = 20 };

typedef struct slice_coder {
    ffh_tree_coder tree;
    ffh_contexts row_contexts; /* after the second CTU of the row above (9.3.1, TableStateIdxWpp) */
    int slice_qp;
} slice_coder;

/* Slice data and where its substreams end, before emulation prevention. */
typedef struct slice_data {
    ffh_buf bytes;
    size_t *ends;
    int count;
} slice_data;

static int finish_substream(slice_coder *e, slice_data *data)
{
    ffh_cabac_finish(&e->tree.c);
    data->bytes.size = (size_t)(e->tree.c.next - data->bytes.data);
    data->ends[data->count++] = data->bytes.size;
    return 0;
}

/* Makes room for one row of CTUs, moving the engine's pointers along with the buffer. */
static int reserve_row(slice_coder *e, slice_data *data)
{
    size_t start = (size_t)(e->tree.c.start - data->bytes.data);
    size_t row = (size_t)e->tree.map->width << e->tree.map->log2_ctb;

    data->bytes.size = (size_t)(e->tree.c.next - data->bytes.data);
    if (ffh_buf_reserve(&data->bytes, row * BYTES_PER_LUMA_SAMPLE + 64) < 0)
        return data->bytes.error;
    e->tree.c.start = data->bytes.data + start;
    e->tree.c.next = data->bytes.data + data->bytes.size;
    return 0;
}

static void start_wpp_row(slice_coder *e, slice_data *data, int row, int columns)
{
    ffh_cabac_start(&e->tree.c, data->bytes.data + data->bytes.size);
    if (row && columns > 1)
        e->tree.contexts = e->row_contexts;
    else
        ffh_contexts_init(&e->tree.contexts, e->slice_qp);
}

/* slice_segment_data(), clause 7.3.8.1 */
static int put_slice_data(slice_coder *e, slice_data *data)
{
    int log2_ctb = e->tree.map->log2_ctb;
    int columns = (e->tree.map->width + (1 << log2_ctb) - 1) >> log2_ctb,
        rows = (e->tree.map->height + (1 << log2_ctb) - 1) >> log2_ctb;
    int sync = e->tree.pps->entropy_coding_sync_enabled_flag;

    ffh_cabac_start(&e->tree.c, data->bytes.data);
    ffh_contexts_init(&e->tree.contexts, e->slice_qp);
    for (int row = 0; row < rows; row++) {
        if (reserve_row(e, data) < 0)
            return data->bytes.error;
        if (sync)
            start_wpp_row(e, data, row, columns);
        for (int column = 0; column < columns; column++) {
            int is_last = row == rows - 1 && column == columns - 1;
            ffh_put_coding_quadtree(&e->tree, column << log2_ctb, row << log2_ctb, log2_ctb);
            ffh_cabac_put_terminate(&e->tree.c, (unsigned)is_last); /* end_of_slice_segment_flag */
            if (column == 1)
                e->row_contexts = e->tree.contexts;
        }
        if (sync && row < rows - 1)
            ffh_cabac_put_terminate(&e->tree.c, 1); /* end_of_subset_one_bit */
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

static int put_nal(slice_coder *e, int nal_unit_type, const slice_data *data, uint32_t *sizes, ffh_buf *out)
{
    ffh_buf escaped = { 0 }, header = { 0 };
    ffh_bitwriter w;
    int error = put_escaped_substreams(data, sizes, &escaped);

    if (error == 0) {
        ffh_bitwriter_init(&w, &header);
        ffh_put_idr_slice_header(&w, e->tree.sps, e->tree.pps, e->slice_qp, sizes, (uint32_t)data->count - 1);
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

int ffh_write_idr_slice(const ffh_sps *sps, const ffh_pps *pps, int nal_unit_type, int slice_qp,
                        const ffh_source *source, const ffh_cu_map *map, ffh_buf *out)
{
    int rows = (map->height + (1 << map->log2_ctb) - 1) >> map->log2_ctb;
    size_t *ends = malloc((size_t)rows * sizeof(*ends));
    uint32_t *sizes = malloc((size_t)rows * sizeof(*sizes));
    slice_coder *e = calloc(1, sizeof(*e));
    slice_data data = { .ends = ends };
    int error = FFH_ENOMEM;

    if (ends && sizes && e && ffh_buf_reserve(&data.bytes, 64) == 0) {
        e->tree.sps = sps;
        e->tree.pps = pps;
        e->tree.source = source;
        e->tree.map = map;
        e->slice_qp = slice_qp;
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
