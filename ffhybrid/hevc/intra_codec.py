"""Still pictures as HEVC intra pictures: parameter sets and one slice, each with a four-byte length."""

from __future__ import annotations

from fractions import Fraction

import av
from av.codec.context import Flags

from ffhybrid.core.frames import PIXEL_FORMATS, coded_picture, video_frame
from ffhybrid.core.picture import Picture
from ffhybrid.errors import CorruptDataError, VerificationError
from ffhybrid.hevc.decoding import decode_access_units
from ffhybrid.hevc.nal import is_idr, is_slice, join_length_prefixed, split_annexb, split_length_prefixed
from ffhybrid.hevc.parameter_sets import find_parameter_sets, parse_sps

NAL_UNITS = 4


class HevcIntraCodec:
    """Codes one picture at a time; generators get it as their ``intra_codec``."""

    def encode(self, picture: Picture, *, qp: int) -> bytes:
        """Code a picture at a QP of 0 to 51."""
        encoder = av.CodecContext.create("libx265", "w")
        encoder.width, encoder.height = picture.width, picture.height
        encoder.pix_fmt = PIXEL_FORMATS[picture.bit_depth]
        encoder.framerate = Fraction(1)
        encoder.time_base = Fraction(1)
        encoder.flags |= Flags.global_header
        params = f"qp={qp}:keyint=1:info=0:repeat-headers=0:hash=0:wpp=0:log-level=error"
        encoder.options = {"preset": "slow", "x265-params": params}
        frame = video_frame(picture)
        frame.pts = 0
        packets = [*encoder.encode(frame), *encoder.encode(None)]
        sets = find_parameter_sets(split_annexb(bytes(encoder.extradata or b"")))
        slices = [nal for nal in split_annexb(b"".join(map(bytes, packets))) if is_slice(nal)]
        return join_length_prefixed((*sets.nal_units, *slices))

    def decode(self, data: bytes, *, size: tuple[int, int], bit_depth: int) -> Picture:
        """Decode a picture; its SPS is checked first, so that no decoder allocates for another size.

        Args:
            data: what :meth:`encode` gave.
            size: width and height that it has to have.
            bit_depth: of its samples.

        Raises:
            CorruptDataError: it does not decode, or to another size or bit depth.
        """
        nal_units = split_length_prefixed(data)
        if len(nal_units) != NAL_UNITS or not is_idr(nal_units[-1]):
            raise CorruptDataError("the intra picture is not three parameter sets and one IDR slice")
        sets = find_parameter_sets(nal_units[:-1])
        sps = parse_sps(sets.sps)
        if (sps.width, sps.height) != size or sps.bit_depth != bit_depth or sps.chroma_format_idc != 1:
            raise CorruptDataError(f"the intra picture is {sps.width}x{sps.height}, expected {size[0]}x{size[1]}")
        if sps.coded_width > size[0] + 64 or sps.coded_height > size[1] + 64:
            raise CorruptDataError("the intra picture hides most of a much larger picture")
        try:
            frames = list(decode_access_units([(nal_units[-1],)], sets))
        except VerificationError as error:
            raise CorruptDataError("the intra picture does not decode") from error
        if len(frames) != 1 or (frames[0].width, frames[0].height) != size:
            raise CorruptDataError("the intra picture does not decode to one picture of its size")
        return coded_picture(frames[0], bit_depth)
