#include "hevc/nal.h"
#include "hevc/params.h"
#include "hevc/tools.h"

/* Pictures are decoded at most 17 behind the reference before them (16 B pictures), less than half of 64. */
enum { COMPACT_LOG2_MAX_POC_LSB = 6 };

/* QPs of low rates, and the active reference pictures of most B pictures. */
enum { COMPACT_INIT_QP = 40, COMPACT_REF_IDX_L0 = 4, COMPACT_REF_IDX_L1 = 1 };

enum { COMPACT_PICTURES = 5 };

/* Reference pictures, relative to the current one, that together take the fewest bits in x265's streams of preset slow
 * and `-tune hybrid` (twelve clips); sets that others are often predicted from come last. */
static const int8_t COMPACT_SETS[][COMPACT_PICTURES] = {
    { -2, -4, -6, -8, -10 },  { -4, -6, -8, -10, -12 }, { -2, -5, -8, -14, 1 }, { -4, -7, -11, -14, 3 },
    { -2, -4, -6, -7, 2 },    { -2, -5, -10, 2, 5 },    { -2, -5, -7, -12, 1 }, { -3, -5, -7, -9, 3 },
    { -1, -3, -5, -7, 1 },    { -2, -3, -5, -7, 2 },    { -2, -4, -6, -9, 2 },  { -1, -3, -7, 1, 3 },
    { -4, -6, -8, -10, -14 }, { -1, -3, -5, -9, 1 },    { -1, -2, -3, -4, -5 }, { -2, -4, -6, -8, 2 },
};

enum { COMPACT_SET_COUNT = sizeof(COMPACT_SETS) / sizeof(COMPACT_SETS[0]) };

int ffh_write_with_level(const uint8_t *nal, size_t size, uint8_t general_level_idc, ffh_buf *out)
{
    /* What lies before profile_tier_level(), whose last byte the level is: clauses 7.3.2.1 and 7.3.2.2. */
    enum { VPS_BYTES_BEFORE = 4, SPS_BYTES_BEFORE = 1 };
    int type = ffh_nal_unit_type(nal, size);
    if (type != FFH_NAL_VPS && type != FFH_NAL_SPS)
        return FFH_EINVAL;
    size_t level = (type == FFH_NAL_VPS ? VPS_BYTES_BEFORE : SPS_BYTES_BEFORE) + FFH_PTL_SIZE - 1;
    ffh_buf rbsp = { 0 };
    int error = ffh_nal_to_rbsp(nal, size, &rbsp);
    if (error == 0 && rbsp.size <= level)
        error = FFH_EDATA;
    if (error == 0) {
        rbsp.data[level] = general_level_idc;
        ffh_put_nal_header(out, type);
        ffh_append_escaped(out, rbsp.data, rbsp.size);
        error = out->error;
    }
    ffh_buf_free(&rbsp);
    return error;
}

/* A parameter set on its way from one RBSP to another. */
typedef struct copy {
    ffh_buf from, to;
    ffh_bitreader r;
    ffh_bitwriter w;
} copy;

static int open_copy(copy *c, const uint8_t *nal, size_t size)
{
    *c = (copy){ 0 };
    int error = ffh_nal_to_rbsp(nal, size, &c->from);
    ffh_bitreader_init(&c->r, c->from.data, c->from.size);
    ffh_bitwriter_init(&c->w, &c->to);
    return error;
}

static int close_copy(copy *c, int nal_unit_type, ffh_buf *out)
{
    ffh_copy_bits(&c->w, &c->r, ffh_rbsp_end(&c->r));
    ffh_buf_free(&c->from);
    return ffh_finish_nal(&c->w, &c->to, nal_unit_type, out);
}

static void put_compact_set(ffh_bitwriter *w, unsigned idx)
{
    ffh_ref_pic_set set = { .num_delta_pocs = COMPACT_PICTURES };

    for (int i = 0; i < COMPACT_PICTURES; i++) {
        set.delta_poc[i] = COMPACT_SETS[idx][i];
        set.used_by_curr_pic[i] = 1;
        set.num_negative_pics = (uint8_t)(set.num_negative_pics + (set.delta_poc[i] < 0));
    }
    ffh_put_ref_pic_set(w, idx, &set);
}

int ffh_write_compact_sps(const uint8_t *nal, size_t size, ffh_buf *out)
{
    ffh_sps sps;
    copy c;
    int error = ffh_parse_sps(nal, size, &sps);

    if (error == 0 && sps.log2_max_pic_order_cnt_lsb < COMPACT_LOG2_MAX_POC_LSB)
        error = ffh_unsupported(FFH_TOOL_SHORT_PICTURE_ORDER_COUNT);
    if (error == 0)
        error = open_copy(&c, nal, size);
    if (error < 0)
        return error;
    ffh_copy_bits(&c.w, &c.r, sps.pic_order_cnt_position);
    ffh_get_ue(&c.r);
    ffh_put_ue(&c.w, "log2_max_pic_order_cnt_lsb_minus4", COMPACT_LOG2_MAX_POC_LSB - 4);
    ffh_copy_bits(&c.w, &c.r, sps.ref_pic_sets_begin);
    unsigned count = sps.sps_max_dec_pic_buffering_minus1 < COMPACT_PICTURES ? 0 : COMPACT_SET_COUNT;
    ffh_put_ue(&c.w, "num_short_term_ref_pic_sets", count);
    for (unsigned i = 0; i < count; i++)
        put_compact_set(&c.w, i);
    ffh_skip_bits(&c.r, sps.ref_pic_sets_end - sps.ref_pic_sets_begin);
    return close_copy(&c, FFH_NAL_SPS, out);
}

int ffh_write_compact_pps(const uint8_t *nal, size_t size, uint8_t pps_pic_parameter_set_id,
                        uint8_t transquant_bypass_enabled_flag, ffh_buf *out)
{
    ffh_pps pps;
    copy c;
    int error = ffh_parse_pps(nal, size, &pps);

    if (error == 0)
        error = open_copy(&c, nal, size);
    if (error < 0)
        return error;
    ffh_get_ue(&c.r);
    ffh_put_ue(&c.w, "pps_pic_parameter_set_id", pps_pic_parameter_set_id);
    ffh_copy_bits(&c.w, &c.r, pps.defaults_begin);
    ffh_put_ue(&c.w, "num_ref_idx_l0_default_active_minus1", COMPACT_REF_IDX_L0 - 1);
    ffh_put_ue(&c.w, "num_ref_idx_l1_default_active_minus1", COMPACT_REF_IDX_L1 - 1);
    ffh_put_se(&c.w, "init_qp_minus26", COMPACT_INIT_QP - 26);
    ffh_skip_bits(&c.r, pps.defaults_end - pps.defaults_begin);
    ffh_copy_bits(&c.w, &c.r, pps.transquant_bypass_position);
    ffh_skip_bits(&c.r, 1);
    ffh_put_u(&c.w, "transquant_bypass_enabled_flag", 1, transquant_bypass_enabled_flag);
    return close_copy(&c, FFH_NAL_PPS, out);
}
