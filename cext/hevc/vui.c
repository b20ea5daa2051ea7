#include "hevc/params_read.h"

enum { EXTENDED_SAR = 255 };

/* clause E.2.3 */
static void skip_sub_layer_hrd(ffh_bitreader *r, unsigned cpb_cnt, int sub_pic_params)
{
    for (unsigned i = 0; i < cpb_cnt; i++) {
        for (int j = 0; j < (sub_pic_params ? 4 : 2); j++)
            ffh_get_ue(r);
        ffh_skip_bits(r, 1);
    }
}

/* clause E.2.2 */
static void skip_hrd_parameters(ffh_bitreader *r, unsigned max_sub_layers_minus1)
{
    int sub_pic_params = 0;
    int nal_hrd = (int)ffh_get_u(r, 1), vcl_hrd = (int)ffh_get_u(r, 1);

    if (nal_hrd || vcl_hrd) {
        sub_pic_params = (int)ffh_get_u(r, 1);
        ffh_skip_bits(r, (sub_pic_params ? 19 : 0) + 8 + (sub_pic_params ? 4 : 0) + 15);
    }
    for (unsigned i = 0; i <= max_sub_layers_minus1 && !r->error; i++) {
        int low_delay = 0;
        unsigned cpb_cnt = 1;
        int fixed_general = (int)ffh_get_u(r, 1);
        int fixed_within_cvs = fixed_general ? 1 : (int)ffh_get_u(r, 1);
        if (fixed_within_cvs)
            ffh_get_ue(r);
        else
            low_delay = (int)ffh_get_u(r, 1);
        if (!low_delay)
            cpb_cnt = ffh_get_ue_range(r, 0, 31) + 1;
        if (nal_hrd)
            skip_sub_layer_hrd(r, cpb_cnt, sub_pic_params);
        if (vcl_hrd)
            skip_sub_layer_hrd(r, cpb_cnt, sub_pic_params);
    }
}

/* clause E.2.1 */
void ffh_get_vui_parameters(ffh_bitreader *r, ffh_sps *sps)
{
    if (ffh_get_u(r, 1) && ffh_get_u(r, 8) == EXTENDED_SAR) /* aspect_ratio_info_present_flag */
        ffh_skip_bits(r, 32);
    if (ffh_get_u(r, 1)) /* overscan_info_present_flag */
        ffh_skip_bits(r, 1);
    if (ffh_get_u(r, 1)) { /* video_signal_type_present_flag */
        ffh_skip_bits(r, 4);
        if (ffh_get_u(r, 1)) /* colour_description_present_flag */
            ffh_skip_bits(r, 24);
    }
    sps->chroma_loc_info_present_flag = (uint8_t)ffh_get_u(r, 1);
    if (sps->chroma_loc_info_present_flag) {
        sps->chroma_sample_loc_type_top_field = (uint8_t)ffh_get_ue_range(r, 0, 5);
        ffh_get_ue_range(r, 0, 5); /* chroma_sample_loc_type_bottom_field */
    }
    ffh_skip_bits(r, 3); /* neutral_chroma_indication_flag, field_seq_flag, frame_field_info_present_flag */
    if (ffh_get_u(r, 1)) /* default_display_window_flag */
        for (int i = 0; i < 4; i++)
            ffh_get_ue(r);
    if (ffh_get_u(r, 1)) { /* vui_timing_info_present_flag */
        ffh_skip_bits(r, 64);
        if (ffh_get_u(r, 1)) /* vui_poc_proportional_to_timing_flag */
            ffh_get_ue(r);
        if (ffh_get_u(r, 1)) { /* vui_hrd_parameters_present_flag; commonInfPresentFlag is 1 here */
            skip_hrd_parameters(r, sps->sps_max_sub_layers_minus1);
        }
    }
    if (ffh_get_u(r, 1)) { /* bitstream_restriction_flag */
        ffh_skip_bits(r, 3);
        for (int i = 0; i < 5; i++)
            ffh_get_ue(r);
    }
}
