#include "hevc/recode/cabac_reader.h"

enum { OFFSET_BITS = 9 }; /* of ivlOffset */

void ffh_cabac_fetch(ffh_cabac_reader *r)
{
    while (r->ahead < 32) {
        unsigned byte = 0;
        if (r->next < r->size)
            byte = r->data[r->next];
        else if (r->next > r->size + 8) /* bytes fetched ahead of the last bin are not an error */
            r->error = FFH_EDATA;
        r->next++;
        r->value = r->value << 8 | byte;
        r->ahead += 8;
    }
}

void ffh_cabac_reader_start(ffh_cabac_reader *r, const uint8_t *data, size_t size, size_t at)
{
    *r = (ffh_cabac_reader){ .range = 510, .ahead = -OFFSET_BITS, .data = data, .size = size, .next = at };
    ffh_cabac_fetch(r);
}

unsigned ffh_cabac_get_terminate(ffh_cabac_reader *r)
{
    if (r->ahead < 16)
        ffh_cabac_fetch(r);
    r->range -= 2;
    if (r->value >= (uint64_t)r->range << r->ahead)
        return 1;
    if (r->range < 256) {
        r->range <<= 1;
        r->ahead--;
    }
    return 0;
}

size_t ffh_cabac_reader_end(const ffh_cabac_reader *r)
{
    return r->next - (size_t)(r->ahead / 8);
}
