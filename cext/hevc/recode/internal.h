/*
 * Coding a slice anew as its blocks are, but for cu_transquant_bypass_flag (H.265 clauses 7.3.8.2 to 7.3.8.11): every
 * other bin is read and written at once, in contexts that reader and writer share.
 */
#ifndef FFH_HEVC_RECODE_INTERNAL_H
#define FFH_HEVC_RECODE_INTERNAL_H

#include "hevc/recode/cabac_reader.h"
#include "hevc/intra/cu_map.h"
#include "hevc/cabac/scan.h"
#include "hevc/slice.h"

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

enum { FFH_MAX_EXP_GOLOMB = 16 };

/* A value in k-th order Exp-Golomb code (9.3.3.5). */
static inline uint32_t ffh_recode_exp_golomb(ffh_recoder *e, int k)
{
    uint32_t value = 0;

    while (ffh_recode_bypass(e, 1)) {
        if (k == FFH_MAX_EXP_GOLOMB) {
            e->in.error = FFH_EDATA;
            return 0;
        }
        value += 1u << k++;
    }
    return value + ffh_recode_bypass(e, k);
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

/* residual_coding() of a block that is not lossless. */
void ffh_recode_residual(ffh_recoder *e, int log2_size, int is_luma, enum ffh_scan scan);

#endif
