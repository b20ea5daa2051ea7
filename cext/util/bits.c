#include "util/bits.h"

#ifdef FFH_TRACE
#include <stdio.h>
#endif

void ffh_bitreader_init(ffh_bitreader *r, const uint8_t *data, size_t size)
{
    r->data = data;
    r->size_bits = size * 8;
    r->pos = 0;
    r->error = size > SIZE_MAX / 8 ? FFH_EDATA : 0;
}

static unsigned get_bit(ffh_bitreader *r)
{
    if (r->error || r->pos >= r->size_bits) {
        r->error = FFH_EDATA;
        return 0;
    }
    unsigned bit = (r->data[r->pos >> 3] >> (7 - (r->pos & 7))) & 1;
    r->pos++;
    return bit;
}

uint32_t ffh_get_u(ffh_bitreader *r, unsigned bits)
{
    uint32_t value = 0;
    while (bits--)
        value = (value << 1) | get_bit(r);
    return r->error ? 0 : value;
}

uint32_t ffh_get_ue(ffh_bitreader *r)
{
    unsigned zeros = 0;
    while (!r->error && !get_bit(r))
        zeros++;
    if (zeros > 31)
        r->error = FFH_EDATA;
    if (r->error)
        return 0;
    uint32_t value = (uint32_t)((1u << zeros) - 1) + ffh_get_u(r, zeros);
    return r->error ? 0 : value;
}

int32_t ffh_get_se(ffh_bitreader *r)
{
    uint32_t code = ffh_get_ue(r);
    return code & 1 ? (int32_t)((code >> 1) + 1) : -(int32_t)(code >> 1);
}

void ffh_skip_bits(ffh_bitreader *r, size_t bits)
{
    if (r->error || bits > r->size_bits - r->pos) {
        r->error = FFH_EDATA;
        return;
    }
    r->pos += bits;
}

static uint32_t in_range(ffh_bitreader *r, uint32_t value, uint32_t low, uint32_t high)
{
    if (value >= low && value <= high)
        return value;
    r->error = FFH_EDATA;
    return low;
}

uint32_t ffh_get_u_range(ffh_bitreader *r, unsigned bits, uint32_t low, uint32_t high)
{
    return in_range(r, ffh_get_u(r, bits), low, high);
}

uint32_t ffh_get_ue_range(ffh_bitreader *r, uint32_t low, uint32_t high)
{
    return in_range(r, ffh_get_ue(r), low, high);
}

int32_t ffh_get_se_range(ffh_bitreader *r, int32_t low, int32_t high)
{
    int32_t value = ffh_get_se(r);
    if (value >= low && value <= high)
        return value;
    r->error = FFH_EDATA;
    return low;
}

size_t ffh_rbsp_end(const ffh_bitreader *r)
{
    size_t last = r->size_bits;
    while (last > r->pos && !((r->data[(last - 1) >> 3] >> (7 - ((last - 1) & 7))) & 1))
        last--;
    return last > r->pos ? last - 1 : r->pos;
}

int ffh_more_rbsp_data(const ffh_bitreader *r)
{
    return !r->error && ffh_rbsp_end(r) > r->pos;
}

void ffh_bitwriter_init(ffh_bitwriter *w, ffh_buf *out)
{
    w->out = out;
    w->cache = 0;
    w->cached_bits = 0;
}

static void trace(const char *name, unsigned bits, uint32_t value)
{
#ifdef FFH_TRACE
    fprintf(stderr, "%-48s u(%u) %u\n", name, bits, (unsigned)value);
#else
    (void)name, (void)bits, (void)value;
#endif
}

static void put_bits(ffh_bitwriter *w, unsigned bits, uint32_t value)
{
    w->cache = (w->cache << bits) | (value & (uint32_t)((UINT64_C(1) << bits) - 1));
    w->cached_bits += bits;
    while (w->cached_bits >= 8) {
        w->cached_bits -= 8;
        ffh_buf_append_byte(w->out, (uint8_t)(w->cache >> w->cached_bits));
    }
}

void ffh_put_u(ffh_bitwriter *w, const char *name, unsigned bits, uint32_t value)
{
    trace(name, bits, value);
    put_bits(w, bits, value);
}

unsigned ffh_ceil_log2(uint32_t value)
{
    unsigned bits = 0;
    while ((UINT64_C(1) << bits) < value)
        bits++;
    return bits;
}

static unsigned ue_prefix_length(uint32_t value)
{
    unsigned length = 0;
    while ((UINT64_C(1) + value) >> (length + 1))
        length++;
    return length;
}

unsigned ffh_ue_bits(uint32_t value)
{
    return 2 * ue_prefix_length(value) + 1;
}

void ffh_put_ue(ffh_bitwriter *w, const char *name, uint32_t value)
{
    unsigned length = ue_prefix_length(value);
    trace(name, 2 * length + 1, value);
    put_bits(w, length, 0);
    put_bits(w, 1, 1);
    put_bits(w, length, value + 1);
}

void ffh_put_se(ffh_bitwriter *w, const char *name, int32_t value)
{
    ffh_put_ue(w, name, value > 0 ? 2 * (uint32_t)value - 1 : 2 * (uint32_t) - (int64_t)value);
}

void ffh_copy_bits(ffh_bitwriter *w, ffh_bitreader *r, size_t end)
{
    while (r->pos < end && !r->error)
        put_bits(w, 1, get_bit(r));
}

void ffh_put_trailing_bits(ffh_bitwriter *w)
{
    put_bits(w, 1, 1);
    put_bits(w, (8 - w->cached_bits) & 7, 0);
}
