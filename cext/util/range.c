#include "util/range.h"

enum { ADAPTATION = 4, LEAST = 64, TOP = 1 << 24 };

void ffh_range_start_encoder(ffh_range *r, ffh_buf *out)
{
    *r = (ffh_range){ .range = UINT32_MAX, .out = out, .start = out->size };
}

static uint32_t next_byte(ffh_range *r)
{
    return r->pos < r->size ? r->data[r->pos++] : 0;
}

void ffh_range_start_decoder(ffh_range *r, const uint8_t *data, size_t size)
{
    *r = (ffh_range){ .range = UINT32_MAX, .data = data, .size = size };
    for (int i = 0; i < 4; i++)
        r->code = r->code << 8 | next_byte(r);
}

static void put_held(ffh_range *r, unsigned carry)
{
    ffh_buf_append_byte(r->out, (uint8_t)(r->cache + carry));
    while (--r->held)
        ffh_buf_append_byte(r->out, (uint8_t)(0xff + carry));
}

/*
 * Moves the top byte of `low` out, or holds it back while it is 0xff and a carry may come. The first byte has nothing
 * before it that a carry could reach, and is held whatever it is.
 */
static void shift_low(ffh_range *r)
{
    unsigned carry = (unsigned)(r->low >> 32);
    uint32_t low = (uint32_t)r->low;

    if (low < 0xff000000u || carry || !r->held) {
        if (r->held)
            put_held(r, carry);
        r->cache = (uint8_t)(low >> 24);
        r->held = 0;
    }
    r->held++;
    r->low = (uint64_t)(uint32_t)(low << 8);
}

void ffh_range_encode(ffh_range *r, uint32_t from, uint32_t width)
{
    uint32_t unit = r->range >> FFH_RANGE_BITS;

    r->low += (uint64_t)unit * from;
    r->range = unit * width;
    while (r->range < TOP) {
        r->range <<= 8;
        shift_low(r);
    }
}

uint32_t ffh_range_peek(const ffh_range *r)
{
    return FFH_MIN(r->code / (r->range >> FFH_RANGE_BITS), (uint32_t)FFH_RANGE_TOTAL - 1);
}

void ffh_range_consume(ffh_range *r, uint32_t from, uint32_t width)
{
    uint32_t unit = r->range >> FFH_RANGE_BITS;

    r->code -= unit * from;
    r->range = unit * width;
    while (r->range < TOP) {
        r->range <<= 8;
        r->code = r->code << 8 | next_byte(r);
    }
}

void ffh_range_finish(ffh_range *r)
{
    int zeros = 31;
    uint64_t value;

    do {
        uint64_t mask = (UINT64_C(1) << zeros) - 1;
        value = (r->low + mask) & ~mask;
    } while (value >= r->low + r->range && zeros--);
    r->low = value;
    for (int i = 0; i < 5; i++)
        shift_low(r);
    while (r->out->size > r->start && !r->out->error && r->out->data[r->out->size - 1] == 0)
        r->out->size--;
}

unsigned ffh_range_code_bit(ffh_range *r, ffh_range_bit *model, unsigned bit)
{
    uint32_t zero = *model;

    if (!r->out)
        bit = ffh_range_peek(r) >= zero;
    if (r->out)
        ffh_range_encode(r, bit ? zero : 0, bit ? FFH_RANGE_TOTAL - zero : zero);
    else
        ffh_range_consume(r, bit ? zero : 0, bit ? FFH_RANGE_TOTAL - zero : zero);
    zero = bit ? zero - (zero >> ADAPTATION) : zero + ((FFH_RANGE_TOTAL - zero) >> ADAPTATION);
    *model = (ffh_range_bit)FFH_MIN(FFH_MAX(zero, (uint32_t)LEAST), (uint32_t)FFH_RANGE_TOTAL - LEAST);
    return bit;
}

uint32_t ffh_range_code_bits(ffh_range *r, uint32_t bits, int count)
{
    uint32_t width = (uint32_t)FFH_RANGE_TOTAL >> count;

    if (!r->out)
        bits = ffh_range_peek(r) / width;
    if (r->out)
        ffh_range_encode(r, bits * width, width);
    else
        ffh_range_consume(r, bits * width, width);
    return bits;
}

uint32_t ffh_range_code_golomb(ffh_range *r, ffh_range_bit *models, int count, uint32_t value)
{
    int length = 0;

    while (length < count - 1 && ffh_range_code_bit(r, &models[length], ((value + 1) >> length) > 1))
        length++;
    uint32_t rest = length ? ffh_range_code_bits(r, (value + 1) & ((1u << length) - 1), length) : 0;
    return (1u << length | rest) - 1;
}
