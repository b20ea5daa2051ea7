#include "hevc/tools.h"

static const char *const names[FFH_TOOLS] = {
    [FFH_TOOL_SEVERAL_SEGMENTS] = "several slice segments in a picture",
    [FFH_TOOL_OTHER_PPS] = "another PPS than the one at hand",
    [FFH_TOOL_CHROMA_FORMAT] = "a chroma format other than 4:2:0",
    [FFH_TOOL_BIT_DEPTHS] = "other bit depths for chroma than for luma",
    [FFH_TOOL_TILES] = "tiles",
    [FFH_TOOL_LONG_TERM_PICTURES] = "long-term reference pictures",
    [FFH_TOOL_MODIFIED_LISTS] = "modified reference picture lists",
    [FFH_TOOL_PCM] = "PCM blocks",
    [FFH_TOOL_SAO] = "sample adaptive offset",
    [FFH_TOOL_RANGE_EXTENSION] = "range extensions",
    [FFH_TOOL_SCREEN_CONTENT] = "screen content extensions",
    [FFH_TOOL_SMALL_TRANSFORMS] = "coding blocks of more than twice the largest transform block",
    [FFH_TOOL_SHORT_PICTURE_ORDER_COUNT] = "picture order counts of fewer than 6 bits",
};

const char *ffh_unsupported_tool(int error)
{
    return error <= FFH_EUNSUPPORTED && error > FFH_EUNSUPPORTED - FFH_TOOLS ? names[FFH_EUNSUPPORTED - error] : NULL;
}
