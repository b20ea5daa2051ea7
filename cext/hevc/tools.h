/*
 * Tools of HEVC that are valid and cannot be kept exact here, each refused by its name.
 */
#ifndef FFH_HEVC_TOOLS_H
#define FFH_HEVC_TOOLS_H

#include "util/common.h"

enum ffh_tool {
    FFH_TOOL_SEVERAL_SEGMENTS,
    FFH_TOOL_OTHER_PPS,
    FFH_TOOL_CHROMA_FORMAT,
    FFH_TOOL_BIT_DEPTHS,
    FFH_TOOL_TILES,
    FFH_TOOL_LONG_TERM_PICTURES,
    FFH_TOOL_MODIFIED_LISTS,
    FFH_TOOL_PCM,
    FFH_TOOL_SAO,
    FFH_TOOL_RANGE_EXTENSION,
    FFH_TOOL_SCREEN_CONTENT,
    FFH_TOOL_SMALL_TRANSFORMS,
    FFH_TOOL_SHORT_PICTURE_ORDER_COUNT,
    FFH_TOOLS
};

/* The error that refuses a tool. */
static inline int ffh_unsupported(enum ffh_tool tool)
{
    return FFH_EUNSUPPORTED - (int)tool;
}

/* What such an error refuses, in words; NULL for other codes. */
const char *ffh_unsupported_tool(int error);

#endif
