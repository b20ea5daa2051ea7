"""cffi builder of ``ffhybrid._cext`` (API mode, so every call releases the GIL)."""

from __future__ import annotations

import os
from pathlib import Path

from cffi import FFI

HERE = Path(__file__).parent
SOURCES = sorted(str(path) for path in HERE.rglob("*.c"))
SANITIZE = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g", "-O1"]
COMPILE_ARGS = ["-std=c11", "-O3", "-Wall", "-Wextra", "-pthread", "-fvisibility=hidden"]

CDEF = """
#define FFH_EINVAL ...
#define FFH_ENOMEM ...
#define FFH_EDATA ...
#define FFH_EUNSUPPORTED ...
const char *ffh_unsupported_tool(int error);

typedef struct ffh_buf { uint8_t *data; size_t size; ...; } ffh_buf;
void ffh_buf_free(ffh_buf *buf);

int ffh_next_annexb(const uint8_t *data, size_t size, size_t *pos, size_t *start, size_t *length);
int ffh_next_length_prefixed(const uint8_t *data, size_t size, unsigned length_size, size_t *pos, size_t *start,
                             size_t *length);
int ffh_nal_to_rbsp(const uint8_t *nal, size_t size, ffh_buf *rbsp);

typedef struct ffh_sei_message { uint32_t payload_type; size_t offset; size_t size; } ffh_sei_message;
int ffh_next_sei_message(const uint8_t *rbsp, size_t size, size_t *pos, ffh_sei_message *message);
int ffh_write_sei(int nal_unit_type, uint32_t payload_type, const uint8_t *data, size_t size, ffh_buf *out);

typedef struct ffh_hvcc_iter { size_t pos; ...; } ffh_hvcc_iter;
int ffh_read_hvcc(const uint8_t *data, size_t size, ffh_hvcc_iter *iter);
int ffh_next_hvcc_nal(const uint8_t *data, size_t size, ffh_hvcc_iter *iter, size_t *start, size_t *length);
int ffh_write_hvcc(const uint8_t *prefixed, size_t size, ffh_buf *out);

typedef struct ffh_vps { uint8_t vps_video_parameter_set_id; ...; } ffh_vps;
typedef struct ffh_sps {
    uint8_t sps_video_parameter_set_id;
    uint8_t sps_seq_parameter_set_id;
    uint8_t chroma_format_idc;
    uint16_t pic_width_in_luma_samples;
    uint16_t pic_height_in_luma_samples;
    uint16_t conf_win_left_offset;
    uint16_t conf_win_right_offset;
    uint16_t conf_win_top_offset;
    uint16_t conf_win_bottom_offset;
    uint8_t bit_depth_luma;
    uint8_t bit_depth_chroma;
    uint8_t chroma_loc_info_present_flag;
    uint8_t chroma_sample_loc_type_top_field;
    ...;
} ffh_sps;
typedef struct ffh_pps {
    uint8_t pps_pic_parameter_set_id;
    uint8_t pps_seq_parameter_set_id;
    uint8_t transquant_bypass_enabled_flag;
    uint8_t entropy_coding_sync_enabled_flag;
    ...;
} ffh_pps;
int ffh_parse_vps(const uint8_t *nal, size_t size, ffh_vps *vps);
int ffh_parse_sps(const uint8_t *nal, size_t size, ffh_sps *sps);
int ffh_parse_pps(const uint8_t *nal, size_t size, ffh_pps *pps);
int ffh_write_with_level(const uint8_t *nal, size_t size, uint8_t general_level_idc, ffh_buf *out);
int ffh_write_vps(const ffh_sps *sps, ffh_buf *out);
int ffh_write_sps(const ffh_sps *sps, ffh_buf *out);
int ffh_write_pps(const ffh_pps *pps, ffh_buf *out);
int ffh_write_compact_sps(const uint8_t *nal, size_t size, ffh_buf *out);
int ffh_write_compact_pps(const uint8_t *nal, size_t size, uint8_t pps_pic_parameter_set_id,
                        uint8_t transquant_bypass_enabled_flag, ffh_buf *out);
void ffh_neural_track_sps(ffh_sps *sps);

typedef struct ffh_slice_header {
    uint8_t nal_unit_type;
    uint8_t first_slice_segment_in_pic_flag;
    uint8_t slice_pic_parameter_set_id;
    uint8_t slice_type;
    int8_t slice_qp;
    int32_t collocated_delta_poc;
    ...;
} ffh_slice_header;
int ffh_parse_slice_pps_id(const uint8_t *nal, size_t size, ffh_slice_header *header);
int ffh_parse_slice_header(const uint8_t *nal, size_t size, const ffh_sps *sps, const ffh_pps *pps,
                           ffh_slice_header *header);
typedef struct ffh_compact_sets { ffh_sps sps; ffh_pps lossy; ffh_pps lossless; } ffh_compact_sets;
int ffh_recode_slice(const uint8_t *nal, size_t size, const ffh_sps *sps, const ffh_pps *pps,
                     const ffh_compact_sets *to, uint32_t anchor, ffh_buf *out);

typedef struct ffh_picture { const uint8_t *planes[3]; ptrdiff_t strides[3]; } ffh_picture;
void ffh_lossless_pps(const ffh_pps *base, uint8_t pps_pic_parameter_set_id, ffh_pps *pps);
int ffh_write_lossless_irap(const ffh_sps *sps, const ffh_pps *pps, int nal_unit_type, uint32_t pic_order_cnt,
                            const ffh_picture *picture, int effort, int threads, ffh_buf *out);
int ffh_write_grey_idr(const ffh_sps *sps, const ffh_pps *pps, int nal_unit_type, ffh_buf *out);

void ffh_plane_md5(const uint8_t *plane, size_t rows, size_t row_bytes, size_t stride, uint8_t *digest);
uint32_t ffh_crc32c(const uint8_t *data, size_t size);

#define FFH_MODULES ...
#define FFH_PARAMETER_COUNT ...
#define FFH_OVERFIT_MAX_STEP ...
typedef struct ffh_overfit_header { uint8_t has_fine; uint8_t classes[2]; uint8_t steps[2]; } ffh_overfit_header;
const int32_t *ffh_network_prior_values(void);
extern const int8_t ffh_pattern_basis[64][6][16][16];
typedef struct ffh_planes { uint8_t *planes[3]; ptrdiff_t strides[3]; int bit_depth; } ffh_planes;
int ffh_overfit_encode(const ffh_overfit_header *header, int width, int height, int32_t *values, const uint8_t *shifts,
                       const int8_t *const *arrays, ffh_buf *out);
int ffh_overfit_decode(const uint8_t *data, size_t size, int width, int height, const ffh_planes *base,
                       const ffh_planes *to, int threads);
int ffh_overfit_read(const uint8_t *data, size_t size, int width, int height, ffh_overfit_header *header,
                     int32_t *values, int8_t *const *arrays);
int32_t ffh_overfit_step(uint8_t step, int level);
typedef struct ffh_enhance_size {
    uint8_t channels[3]; uint8_t blocks; uint8_t gain_channels; uint8_t textures;
} ffh_enhance_size;
typedef struct ffh_enhance_layer {
    int inputs; int outputs; int kernel; int relu; int unshuffled; int conditioned;
} ffh_enhance_layer;
#define FFH_ENHANCE_MAX_LAYERS ...
#define FFH_ENHANCE_MIN_QP ...
#define FFH_ENHANCE_MAX_QP ...
#define FFH_ENHANCE_BLOCK ...
int ffh_enhance_layers(const ffh_enhance_size *size, ffh_enhance_layer *layers);
typedef struct ffh_enhancer ffh_enhancer;
int ffh_enhancer_read(const uint8_t *data, size_t size, ffh_enhancer **enhancer);
void ffh_enhancer_free(ffh_enhancer *enhancer);
typedef struct ffh_enhance_known { int qp; int predicted; int distance; } ffh_enhance_known;
typedef struct ffh_enhance_strengths { uint8_t texture; uint8_t detail; uint8_t noise; } ffh_enhance_strengths;
typedef struct ffh_enhancement ffh_enhancement;
int ffh_enhance_look(const ffh_enhancer *enhancer, const ffh_enhance_known *known, const ffh_planes *base, int width,
                     int height, int threads, ffh_enhancement **enhancement);
void ffh_enhancement_free(ffh_enhancement *enhancement);
int ffh_enhance_compose(const ffh_enhancer *enhancer, const ffh_enhancement *enhancement,
                        const ffh_enhance_strengths *strengths, const uint8_t *blocks, const ffh_planes *base,
                        const ffh_planes *to, int threads);

void ffh_noise_row(int channel, int row, int columns, int16_t *out);
extern const uint32_t ffh_laplace_decay[64];

#define FFH_CODES_MAX_CHANNELS ...
#define FFH_CODES_MAX_COUNT ...
int ffh_codes_encode(const int8_t *codes, int channels, int rows, int columns, ffh_buf *out);
int ffh_codes_decode(const uint8_t *data, size_t size, int channels, int rows, int columns, int8_t *codes);

#define FFH_TOKENS_MAX_KINDS ...
#define FFH_TOKENS_MAX_COUNT ...
int ffh_tokens_encode(const uint16_t *tokens, int rows, int columns, int kinds, ffh_buf *out);
int ffh_tokens_decode(const uint8_t *data, size_t size, int rows, int columns, int kinds, uint16_t *tokens);

#define FFH_PALETTE_MAX_COUNT ...
int ffh_palette_encode(const uint8_t *indices, int rows, int columns, int depth, ffh_buf *out);
int ffh_palette_decode(const uint8_t *data, size_t size, int rows, int columns, int depth, uint8_t *indices);
"""

HEADERS = [
    "util/common",
    "hevc/nal",
    "hevc/tools",
    "hevc/sei",
    "hevc/hvcc",
    "hevc/params",
    "hevc/slice",
    "hevc/recode/recode",
    "hevc/intra/picture",
    "util/digest",
    "neural/enhance",
    "neural/noise",
    "neural/overfit",
    "codes/codes",
    "codes/tokens",
    "codes/palette",
]

sanitize = bool(os.environ.get("FFH_SANITIZE"))

ffibuilder = FFI()
ffibuilder.cdef(CDEF)
ffibuilder.set_source(
    "ffhybrid._cext",
    "\n".join(f'#include "{name}.h"' for name in HEADERS),
    sources=SOURCES,
    depends=sorted(str(path) for path in HERE.rglob("*.h")),
    include_dirs=[str(HERE)],
    extra_compile_args=COMPILE_ARGS + (SANITIZE if sanitize else []),
    extra_link_args=["-pthread", *(SANITIZE if sanitize else [])],
)
