#include "hevc/intra/slice_data.h"

#include <pthread.h>
#include <stdlib.h>

#include "hevc/nal.h"
#include "util/threads.h"

/* Everything that rows share while they are coded. */
typedef struct slice {
    const ffh_sps *sps;
    const ffh_pps *pps;
    const ffh_source *source;
    ffh_cu_map *map;
    const ffh_slice_header *header;
    int rows, columns;             /* of CTUs */
    int has_substreams;            /* one for every row, else all rows are one */
    ffh_buf *substreams;           /* before emulation prevention */
    ffh_contexts *stored_contexts; /* by row: after its second CTU (9.3.1, TableStateIdxWpp) */
    pthread_mutex_t lock;
    pthread_cond_t stored;
    int next_row;
    int rows_stored; /* rows before this one have stored their contexts */
    int error;
} slice;

static void fail(slice *s, int error)
{
    pthread_mutex_lock(&s->lock);
    s->error = error;
    pthread_mutex_unlock(&s->lock);
}

/* The next row that nobody has begun, or -1. */
static int take_row(slice *s)
{
    pthread_mutex_lock(&s->lock);
    int row = s->error || s->next_row == s->rows ? -1 : s->next_row++;
    pthread_mutex_unlock(&s->lock);
    return row;
}

static void store_contexts(slice *s, int row, const ffh_contexts *contexts)
{
    pthread_mutex_lock(&s->lock);
    s->stored_contexts[row] = *contexts;
    s->rows_stored = row + 1;
    pthread_cond_broadcast(&s->stored);
    pthread_mutex_unlock(&s->lock);
}

/* Rows store in order, since each waits for the one above: by then that one's blocks are all chosen as well. */
static void wait_for_row_above(slice *s, int row)
{
    pthread_mutex_lock(&s->lock);
    while (s->rows_stored < row)
        pthread_cond_wait(&s->stored, &s->lock);
    pthread_mutex_unlock(&s->lock);
}

static int start_row(slice *s, ffh_tree_coder *e, int row, ffh_buf *to)
{
    if (row && !s->has_substreams)
        return 0;
    if (ffh_buf_reserve(to, 64) < 0)
        return to->error;
    ffh_cabac_start(&e->c, to->data);
    if (row && s->columns > 1)
        e->contexts = s->stored_contexts[row - 1];
    else
        ffh_contexts_init(&e->contexts, 0, s->header->slice_qp);
    return 0;
}

/* One row of slice_segment_data(), clause 7.3.8.1 */
static int put_row(slice *s, ffh_tree_coder *e, int row)
{
    ffh_buf *to = &s->substreams[s->has_substreams ? row : 0];
    int log2_ctb = s->map->log2_ctb, is_last_row = row == s->rows - 1;
    int error = start_row(s, e, row, to);

    for (int column = 0; column < s->columns && !error; column++) {
        error = ffh_cabac_reserve(&e->c, to, FFH_CABAC_CTU_BYTES(log2_ctb));
        if (error)
            break;
        ffh_put_coding_quadtree(e, column << log2_ctb, row << log2_ctb, log2_ctb);
        ffh_cabac_put_terminate(&e->c, is_last_row && column == s->columns - 1); /* end_of_slice_segment_flag */
        if (column == FFH_MIN(1, s->columns - 1))
            store_contexts(s, row, &e->contexts);
    }
    if (error || !(s->has_substreams || is_last_row))
        return error;
    if (!is_last_row)
        ffh_cabac_put_terminate(&e->c, 1); /* end_of_subset_one_bit */
    ffh_cabac_finish(&e->c);
    to->size = (size_t)(e->c.next - to->data);
    return 0;
}

static void put_rows(void *context, int index)
{
    slice *s = context;
    ffh_residual_row residual = { 0 };
    ffh_tree_coder *e = calloc(1, sizeof(*e));
    int error = e ? 0 : FFH_ENOMEM;
    (void)index;

    if (!error && s->source)
        error = ffh_residual_row_init(&residual, s->map);
    if (!error)
        *e = (ffh_tree_coder){ .sps = s->sps, .pps = s->pps, .map = s->map, .residual = s->source ? &residual : NULL };
    for (int row; !error && (row = take_row(s)) >= 0;) {
        if (s->source)
            ffh_search_ctu_row(s->source, s->map, &residual, row << s->map->log2_ctb);
        wait_for_row_above(s, row);
        error = put_row(s, e, row);
        if (error) /* let those go on that wait; what they write is thrown away */
            store_contexts(s, row, &e->contexts);
    }
    if (error)
        fail(s, error);
    ffh_residual_row_free(&residual);
    free(e);
}

static int put_nal(const slice *s, ffh_buf *out)
{
    ffh_buf escaped = { 0 }, header = { 0 };
    ffh_bitwriter w;
    uint32_t *sizes = malloc((size_t)s->rows * sizeof(*sizes));
    int rows = s->has_substreams ? s->rows : 1;
    int error = sizes ? ffh_append_substreams(s->substreams, rows, sizes, &escaped) : FFH_ENOMEM;

    if (error == 0) {
        ffh_bitwriter_init(&w, &header);
        ffh_put_irap_slice_header(&w, s->header, s->sps, s->pps, sizes, (uint32_t)rows - 1);
        ffh_put_nal_header(out, s->header->nal_unit_type);
        if (!header.error)
            ffh_append_escaped(out, header.data, header.size);
        ffh_buf_append(out, escaped.data, escaped.size);
        error = header.error ? header.error : out->error;
    }
    ffh_buf_free(&header);
    ffh_buf_free(&escaped);
    free(sizes);
    return error;
}

static int put_slice(slice *s, int threads, ffh_buf *out)
{
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->stored, NULL);
    ffh_run_threads(s->has_substreams ? FFH_MAX(1, FFH_MIN(threads, s->rows)) : 1, put_rows, s);
    pthread_cond_destroy(&s->stored);
    pthread_mutex_destroy(&s->lock);
    return s->error ? s->error : put_nal(s, out);
}

int ffh_write_irap_slice(const ffh_sps *sps, const ffh_pps *pps, const ffh_slice_header *header,
                         const ffh_source *source, ffh_cu_map *map, int threads, ffh_buf *out)
{
    int mask = (1 << map->log2_ctb) - 1;
    slice s = { .sps = sps, .pps = pps, .source = source, .map = map, .header = header };

    s.rows = (map->height + mask) >> map->log2_ctb;
    s.columns = (map->width + mask) >> map->log2_ctb;
    s.has_substreams = pps->entropy_coding_sync_enabled_flag;
    s.substreams = calloc((size_t)s.rows, sizeof(*s.substreams));
    s.stored_contexts = calloc((size_t)s.rows, sizeof(*s.stored_contexts));
    int error = s.substreams && s.stored_contexts ? put_slice(&s, threads, out) : FFH_ENOMEM;
    for (int i = 0; s.substreams && i < s.rows; i++)
        ffh_buf_free(&s.substreams[i]);
    free(s.stored_contexts);
    free(s.substreams);
    return error;
}
