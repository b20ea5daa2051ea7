#include "hevc/params_read.h"

#include "hevc/nal.h"

int ffh_open_rbsp(const uint8_t *nal, size_t size, int type, ffh_buf *rbsp, ffh_bitreader *r)
{
    if (ffh_nal_unit_type(nal, size) != type)
        return FFH_EDATA;
    int error = ffh_nal_to_rbsp(nal, size, rbsp);
    if (error < 0)
        return error;
    ffh_bitreader_init(r, rbsp->data, rbsp->size);
    return 0;
}

/* clause 7.3.4 */
void ffh_skip_scaling_list_data(ffh_bitreader *r)
{
    for (int size_id = 0; size_id < 4; size_id++) {
        for (int matrix_id = 0; matrix_id < 6; matrix_id += size_id == 3 ? 3 : 1) {
            if (!ffh_get_u(r, 1)) { /* scaling_list_pred_mode_flag */
                ffh_get_ue_range(r, 0, 5);
                continue;
            }
            int coefficients = FFH_MIN(64, 1 << (4 + (size_id << 1)));
            if (size_id > 1)
                ffh_get_se_range(r, -7, 247);
            for (int i = 0; i < coefficients; i++)
                ffh_get_se_range(r, -128, 127);
        }
    }
}

void ffh_get_trailing_bits(ffh_bitreader *r)
{
    if (ffh_more_rbsp_data(r))
        r->error = FFH_EDATA;
    ffh_get_u_range(r, 1, 1, 1);
}
