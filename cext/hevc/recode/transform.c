#include "hevc/recode/internal.h"

enum { PLACE_OF_4X4_CHROMA = 3 };

typedef struct transform_node {
    int log2_size, depth, index;
    int part; /* the quarter of the coding block that it lies in */
    int cbf_cb, cbf_cr;
} transform_node;

/* 9.3.3.5 */
static void recode_cu_qp_delta(ffh_recoder *e)
{
    enum { PREFIX = 5 };
    uint32_t magnitude = 0;

    while (magnitude < PREFIX && ffh_recode(e, &e->contexts.cu_qp_delta_abs[magnitude > 0]))
        magnitude++;
    if (magnitude == PREFIX)
        magnitude += ffh_recode_exp_golomb(e, 0);
    if (magnitude)
        ffh_recode_bypass(e, 1); /* cu_qp_delta_sign_flag */
    e->is_cu_qp_delta_coded = 1;
}

static void recode_block(ffh_recoder *e, const ffh_coding_block *cb, int mode, int log2_size, int is_luma)
{
    enum ffh_scan scan = cb->is_intra ? ffh_scan_of(mode, log2_size, is_luma) : FFH_SCAN_DIAGONAL;
    ffh_recode_residual(e, log2_size, is_luma, scan);
}

/* transform_unit(), clause 7.3.8.10 */
static void recode_transform_unit(ffh_recoder *e, const ffh_coding_block *cb, const transform_node *node)
{
    int cbf_luma = 1;

    if (cb->is_intra || node->depth || node->cbf_cb || node->cbf_cr)
        cbf_luma = (int)ffh_recode(e, &e->contexts.cbf_luma[node->depth == 0]);
    if (!cbf_luma && !node->cbf_cb && !node->cbf_cr)
        return;
    if (e->pps->cu_qp_delta_enabled_flag && !e->is_cu_qp_delta_coded)
        recode_cu_qp_delta(e);
    if (cbf_luma)
        recode_block(e, cb, cb->luma_modes[node->part], node->log2_size, 1);
    if (node->log2_size == 2 && node->index != PLACE_OF_4X4_CHROMA)
        return;
    int log2_size = FFH_MAX(node->log2_size - 1, 2);
    if (node->cbf_cb)
        recode_block(e, cb, cb->chroma_mode, log2_size, 0);
    if (node->cbf_cr)
        recode_block(e, cb, cb->chroma_mode, log2_size, 0);
}

static int recode_split_transform(ffh_recoder *e, const ffh_coding_block *cb, const transform_node *node)
{
    const ffh_sps *sps = e->sps;
    int splits_intra = cb->is_intra && cb->part_mode == FFH_PART_NxN;
    int max_depth = cb->is_intra ? sps->max_transform_hierarchy_depth_intra + splits_intra
                                 : sps->max_transform_hierarchy_depth_inter;

    if (node->log2_size > sps->log2_max_luma_transform_block_size || (splits_intra && !node->depth))
        return 1;
    if (node->log2_size > sps->log2_min_luma_transform_block_size && node->depth < max_depth)
        return (int)ffh_recode(e, &e->contexts.split_transform_flag[5 - node->log2_size]);
    /* interSplitFlag */
    return !cb->is_intra && !max_depth && cb->part_mode != FFH_PART_2Nx2N && !node->depth;
}

/* clause 7.3.8.8; `node` arrives with the cbf_cb and cbf_cr of its parent */
static void recode_transform_node(ffh_recoder *e, const ffh_coding_block *cb, transform_node node)
{
    int splits = recode_split_transform(e, cb, &node);

    if (node.log2_size > 2) {
        node.cbf_cb = node.cbf_cb && ffh_recode(e, &e->contexts.cbf_chroma[node.depth]);
        node.cbf_cr = node.cbf_cr && ffh_recode(e, &e->contexts.cbf_chroma[node.depth]);
    }
    if (!splits) {
        recode_transform_unit(e, cb, &node);
        return;
    }
    for (int i = 0; i < 4 && !e->in.error; i++) {
        transform_node child = node;
        child.log2_size--;
        child.depth++;
        child.index = i;
        child.part = node.depth ? node.part : i;
        recode_transform_node(e, cb, child);
    }
}

void ffh_recode_transform_tree(ffh_recoder *e, const ffh_coding_block *cb)
{
    recode_transform_node(e, cb, (transform_node){ .log2_size = cb->log2_size, .cbf_cb = 1, .cbf_cr = 1 });
}
