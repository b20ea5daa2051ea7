/*
 * Coding a slice anew as its blocks are, but for cu_transquant_bypass_flag (H.265 clauses 7.3.8.2 to 7.3.8.11): every
 * other bin is read and written at once, in contexts that reader and writer share.
 */
#ifndef FFH_RECODER_H
#define FFH_RECODER_H

#include "ffh_cabac_reader.h"
#include "ffh_cu_map.h"
#include "ffh_scan.h"
#include "ffh_slice.h"

/* One slice on its way; what pointers name is borrowed but for `map` and `skipped`. */
typedef struct ffh_recoder {
    ffh_cabac_reader in; /* its sticky error is that of the syntax too */
    ffh_cabac out;
    ffh_contexts contexts;
    const ffh_sps *sps;
    const ffh_pps *pps;
    const ffh_slice_header *header;
    ffh_cu_map map;   /* log2 of coding blocks, luma modes of intra blocks and DC for the others */
    uint8_t *skipped; /* cu_skip_flag, laid out as the map's arrays */
    int is_cu_qp_delta_coded;
    int has_lossless_blocks;
} ffh_recoder;

enum ffh_part_mode {
    FFH_PART_2Nx2N,
    FFH_PART_2NxN,
    FFH_PART_Nx2N,
    FFH_PART_NxN,
    FFH_PART_2NxnU,
    FFH_PART_2NxnD,
    FFH_PART_nLx2N,
    FFH_PART_nRx2N
};

/* One coding block in luma samples. */
typedef struct ffh_coding_block {
    int x, y, log2_size;
    int is_intra;
    enum ffh_part_mode part_mode;
    int luma_modes[4], chroma_mode; /* of an intra block */
} ffh_coding_block;

static inline unsigned ffh_recode(ffh_recoder *e, ffh_cabac_ctx *ctx)
{
    unsigned bin = ffh_cabac_get(&e->in, *ctx);
    ffh_cabac_put(&e->out, ctx, bin);
    return bin;
}

/* At most 16 bins in bypass mode. */
static inline uint32_t ffh_recode_bypass(ffh_recoder *e, int count)
{
    uint32_t bins = ffh_cabac_get_bypass(&e->in, count);
    ffh_cabac_put_bypass(&e->out, bins, count);
    return bins;
}

/* coding_quadtree() of a CTU at luma sample (x, y). */
void ffh_recode_ctu(ffh_recoder *e, int x, int y);

/* merge_idx of a prediction block that has one. */
void ffh_recode_merge_idx(ffh_recoder *e);

/* All prediction_unit()s of an inter coding block that is not skipped; returns merge_flag of the last one. */
int ffh_recode_inter_prediction(ffh_recoder *e, const ffh_coding_block *cb);

/* The modes of an intra coding block, into the block too. */
void ffh_recode_intra_prediction(ffh_recoder *e, ffh_coding_block *cb);

/* transform_tree() of a coding block that has one. */
void ffh_recode_transform_tree(ffh_recoder *e, const ffh_coding_block *cb);

/* A value in k-th order Exp-Golomb code (9.3.3.5). */
uint32_t ffh_recode_exp_golomb(ffh_recoder *e, int k);

/* residual_coding() of a block that is not lossless. */
void ffh_recode_residual(ffh_recoder *e, int log2_size, int is_luma, enum ffh_scan scan);

/* Parameter sets that slices are moved to: copies as ffh_params.h makes them. */
typedef struct ffh_terse_sets {
    ffh_sps sps;
    ffh_pps lossy, lossless; /* without and with transquant_bypass_enabled_flag */
} ffh_terse_sets;

/* Appends a slice that is its whole picture, from `sps` and `pps` moved to others: to the PPS that allows no lossless
 * blocks, or, copied but for its header, to the one that does where the slice has such blocks.
 * Returns 0, FFH_EDATA, FFH_ENOMEM or FFH_EUNSUPPORTED. */
int ffh_recode_slice(const uint8_t *nal, size_t size, const ffh_sps *sps, const ffh_pps *pps, const ffh_terse_sets *to,
                     ffh_buf *out);

#endif
