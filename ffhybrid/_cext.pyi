"""Types of the C core, which cffi builds of ``cext/build_cext.py``; ``tests/cext/test_stub.py`` holds them to it.

A class of a struct is what ``ffi.new("NAME *")`` gives: a pointer that owns it, with its members.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final, Literal, overload

class CData:
    def __getitem__(self, index: int, /) -> Any: ...
    def __setitem__(self, index: int, value: object, /) -> None: ...
    def __iter__(self) -> Iterator[Any]: ...
    def __len__(self) -> int: ...

class ffh_buf(CData):
    data: CData
    size: int

class ffh_sei_message(CData):
    payload_type: int
    offset: int
    size: int

class ffh_hvcc_iter(CData):
    pos: int

class ffh_vps(CData):
    vps_video_parameter_set_id: int

class ffh_sps(CData):
    sps_video_parameter_set_id: int
    sps_seq_parameter_set_id: int
    chroma_format_idc: int
    pic_width_in_luma_samples: int
    pic_height_in_luma_samples: int
    conf_win_left_offset: int
    conf_win_right_offset: int
    conf_win_top_offset: int
    conf_win_bottom_offset: int
    bit_depth_luma: int
    bit_depth_chroma: int
    chroma_loc_info_present_flag: int
    chroma_sample_loc_type_top_field: int

class ffh_pps(CData):
    pps_pic_parameter_set_id: int
    pps_seq_parameter_set_id: int
    transquant_bypass_enabled_flag: int
    entropy_coding_sync_enabled_flag: int

class ffh_slice_header(CData):
    nal_unit_type: int
    first_slice_segment_in_pic_flag: int
    slice_pic_parameter_set_id: int
    slice_type: int
    slice_qp: int
    collocated_delta_poc: int

class ffh_compact_sets(CData):
    sps: ffh_sps
    lossy: ffh_pps
    lossless: ffh_pps

class ffh_picture(CData):
    planes: CData
    strides: CData

class ffh_overfit_header(CData):
    has_fine: int
    classes: CData
    steps: CData

class ffh_planes(CData):
    planes: CData
    strides: CData
    bit_depth: int

class ffh_enhance_size(CData):
    channels: CData
    blocks: int
    gain_channels: int
    textures: int

class ffh_enhance_layer(CData):
    inputs: int
    outputs: int
    kernel: int
    relu: int
    unshuffled: int
    conditioned: int

class ffh_enhancer(CData): ...

class ffh_enhance_known(CData):
    qp: int
    predicted: int
    distance: int

class ffh_enhance_strengths(CData):
    texture: int
    detail: int
    noise: int

class ffh_enhancement(CData): ...

class _Ffi:
    NULL: Final[CData]
    @overload
    def new(self, cdecl: Literal["ffh_buf *"], init: object = None) -> ffh_buf: ...
    @overload
    def new(self, cdecl: Literal["ffh_sei_message *"], init: object = None) -> ffh_sei_message: ...
    @overload
    def new(self, cdecl: Literal["ffh_hvcc_iter *"], init: object = None) -> ffh_hvcc_iter: ...
    @overload
    def new(self, cdecl: Literal["ffh_vps *"], init: object = None) -> ffh_vps: ...
    @overload
    def new(self, cdecl: Literal["ffh_sps *"], init: object = None) -> ffh_sps: ...
    @overload
    def new(self, cdecl: Literal["ffh_pps *"], init: object = None) -> ffh_pps: ...
    @overload
    def new(self, cdecl: Literal["ffh_slice_header *"], init: object = None) -> ffh_slice_header: ...
    @overload
    def new(self, cdecl: Literal["ffh_compact_sets *"], init: object = None) -> ffh_compact_sets: ...
    @overload
    def new(self, cdecl: Literal["ffh_picture *"], init: object = None) -> ffh_picture: ...
    @overload
    def new(self, cdecl: Literal["ffh_overfit_header *"], init: object = None) -> ffh_overfit_header: ...
    @overload
    def new(self, cdecl: Literal["ffh_planes *"], init: object = None) -> ffh_planes: ...
    @overload
    def new(self, cdecl: Literal["ffh_enhance_size *"], init: object = None) -> ffh_enhance_size: ...
    @overload
    def new(self, cdecl: Literal["ffh_enhance_layer *"], init: object = None) -> ffh_enhance_layer: ...
    @overload
    def new(self, cdecl: Literal["ffh_enhance_known *"], init: object = None) -> ffh_enhance_known: ...
    @overload
    def new(self, cdecl: Literal["ffh_enhance_strengths *"], init: object = None) -> ffh_enhance_strengths: ...
    @overload
    def new(self, cdecl: str, init: object = None) -> CData: ...
    def cast(self, cdecl: str, source: object) -> CData: ...
    def from_buffer(self, cdecl: str, python_buffer: object) -> CData: ...
    def buffer(self, cdata: CData, size: int = -1) -> memoryview: ...
    def gc(self, cdata: Any, destructor: Callable[[Any], None]) -> Any: ...
    def string(self, cdata: CData) -> bytes: ...

class _Lib:
    FFH_EINVAL: Final[int]
    FFH_ENOMEM: Final[int]
    FFH_EDATA: Final[int]
    FFH_EUNSUPPORTED: Final[int]
    FFH_MODULES: Final[int]
    FFH_PARAMETER_COUNT: Final[int]
    FFH_OVERFIT_MAX_STEP: Final[int]
    FFH_ENHANCE_MAX_LAYERS: Final[int]
    FFH_ENHANCE_MIN_QP: Final[int]
    FFH_ENHANCE_MAX_QP: Final[int]
    FFH_ENHANCE_BLOCK: Final[int]
    FFH_CODES_MAX_CHANNELS: Final[int]
    FFH_CODES_MAX_COUNT: Final[int]
    FFH_TOKENS_MAX_KINDS: Final[int]
    FFH_TOKENS_MAX_COUNT: Final[int]
    FFH_PALETTE_MAX_COUNT: Final[int]
    ffh_pattern_basis: Final[CData]
    ffh_laplace_decay: Final[CData]
    def ffh_unsupported_tool(self, error: int, /) -> CData: ...
    def ffh_buf_free(self, buf: ffh_buf, /) -> None: ...
    def ffh_next_annexb(self, data: bytes | CData, size: int, pos: CData, start: CData, length: CData, /) -> int: ...
    def ffh_next_length_prefixed(
        self, data: bytes | CData, size: int, length_size: int, pos: CData, start: CData, length: CData, /
    ) -> int: ...
    def ffh_nal_to_rbsp(self, nal: bytes | CData, size: int, rbsp: ffh_buf, /) -> int: ...
    def ffh_next_sei_message(self, rbsp: bytes | CData, size: int, pos: CData, message: ffh_sei_message, /) -> int: ...
    def ffh_write_sei(
        self, nal_unit_type: int, payload_type: int, data: bytes | CData, size: int, out: ffh_buf, /
    ) -> int: ...
    def ffh_read_hvcc(self, data: bytes | CData, size: int, iter: ffh_hvcc_iter, /) -> int: ...
    def ffh_next_hvcc_nal(
        self, data: bytes | CData, size: int, iter: ffh_hvcc_iter, start: CData, length: CData, /
    ) -> int: ...
    def ffh_write_hvcc(self, prefixed: bytes | CData, size: int, out: ffh_buf, /) -> int: ...
    def ffh_parse_vps(self, nal: bytes | CData, size: int, vps: ffh_vps, /) -> int: ...
    def ffh_parse_sps(self, nal: bytes | CData, size: int, sps: ffh_sps, /) -> int: ...
    def ffh_parse_pps(self, nal: bytes | CData, size: int, pps: ffh_pps, /) -> int: ...
    def ffh_write_with_level(self, nal: bytes | CData, size: int, general_level_idc: int, out: ffh_buf, /) -> int: ...
    def ffh_write_vps(self, sps: ffh_sps, out: ffh_buf, /) -> int: ...
    def ffh_write_sps(self, sps: ffh_sps, out: ffh_buf, /) -> int: ...
    def ffh_write_pps(self, pps: ffh_pps, out: ffh_buf, /) -> int: ...
    def ffh_write_compact_sps(self, nal: bytes | CData, size: int, out: ffh_buf, /) -> int: ...
    def ffh_write_compact_pps(
        self,
        nal: bytes | CData,
        size: int,
        pps_pic_parameter_set_id: int,
        transquant_bypass_enabled_flag: int,
        out: ffh_buf,
        /,
    ) -> int: ...
    def ffh_neural_track_sps(self, sps: ffh_sps, /) -> None: ...
    def ffh_parse_slice_pps_id(self, nal: bytes | CData, size: int, header: ffh_slice_header, /) -> int: ...
    def ffh_parse_slice_header(
        self, nal: bytes | CData, size: int, sps: ffh_sps, pps: ffh_pps, header: ffh_slice_header, /
    ) -> int: ...
    def ffh_recode_slice(
        self,
        nal: bytes | CData,
        size: int,
        sps: ffh_sps,
        pps: ffh_pps,
        to: ffh_compact_sets,
        anchor: int,
        out: ffh_buf,
        /,
    ) -> int: ...
    def ffh_lossless_pps(self, base: ffh_pps, pps_pic_parameter_set_id: int, pps: ffh_pps, /) -> None: ...
    def ffh_write_lossless_irap(
        self,
        sps: ffh_sps,
        pps: ffh_pps,
        nal_unit_type: int,
        pic_order_cnt: int,
        picture: ffh_picture,
        effort: int,
        threads: int,
        out: ffh_buf,
        /,
    ) -> int: ...
    def ffh_write_grey_idr(self, sps: ffh_sps, pps: ffh_pps, nal_unit_type: int, out: ffh_buf, /) -> int: ...
    def ffh_plane_md5(self, plane: bytes | CData, rows: int, row_bytes: int, stride: int, digest: CData, /) -> None: ...
    def ffh_crc32c(self, data: bytes | CData, size: int, /) -> int: ...
    def ffh_network_prior_values(self) -> CData: ...
    def ffh_overfit_encode(
        self,
        header: ffh_overfit_header,
        width: int,
        height: int,
        values: CData,
        shifts: bytes | CData,
        arrays: CData,
        out: ffh_buf,
        /,
    ) -> int: ...
    def ffh_overfit_decode(
        self, data: bytes | CData, size: int, width: int, height: int, base: ffh_planes, to: ffh_planes, threads: int, /
    ) -> int: ...
    def ffh_overfit_read(
        self,
        data: bytes | CData,
        size: int,
        width: int,
        height: int,
        header: ffh_overfit_header,
        values: CData,
        arrays: CData,
        /,
    ) -> int: ...
    def ffh_overfit_step(self, step: int, level: int, /) -> int: ...
    def ffh_enhance_layers(self, size: ffh_enhance_size, layers: ffh_enhance_layer, /) -> int: ...
    def ffh_enhancer_read(self, data: bytes | CData, size: int, enhancer: CData, /) -> int: ...
    def ffh_enhancer_free(self, enhancer: ffh_enhancer, /) -> None: ...
    def ffh_enhance_look(
        self,
        enhancer: ffh_enhancer,
        known: ffh_enhance_known,
        base: ffh_planes,
        width: int,
        height: int,
        threads: int,
        enhancement: CData,
        /,
    ) -> int: ...
    def ffh_enhancement_free(self, enhancement: ffh_enhancement, /) -> None: ...
    def ffh_enhance_compose(
        self,
        enhancer: ffh_enhancer,
        enhancement: ffh_enhancement,
        strengths: ffh_enhance_strengths,
        blocks: CData,
        base: ffh_planes,
        to: ffh_planes,
        threads: int,
        /,
    ) -> int: ...
    def ffh_noise_row(self, channel: int, row: int, columns: int, out: CData, /) -> None: ...
    def ffh_codes_encode(self, codes: CData, channels: int, rows: int, columns: int, out: ffh_buf, /) -> int: ...
    def ffh_codes_decode(
        self, data: bytes | CData, size: int, channels: int, rows: int, columns: int, codes: CData, /
    ) -> int: ...
    def ffh_tokens_encode(self, tokens: CData, rows: int, columns: int, kinds: int, out: ffh_buf, /) -> int: ...
    def ffh_tokens_decode(
        self, data: bytes | CData, size: int, rows: int, columns: int, kinds: int, tokens: CData, /
    ) -> int: ...
    def ffh_palette_encode(
        self, indices: bytes | CData, rows: int, columns: int, depth: int, out: ffh_buf, /
    ) -> int: ...
    def ffh_palette_decode(
        self, data: bytes | CData, size: int, rows: int, columns: int, depth: int, indices: CData, /
    ) -> int: ...

ffi: Final[_Ffi]
lib: Final[_Lib]
