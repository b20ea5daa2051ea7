#include "hevc/nal.h"

#include <string.h>

/* Offset of the next 00 00 01 at or after pos, or size. */
static size_t find_start_code(const uint8_t *data, size_t size, size_t pos)
{
    while (pos + 3 <= size) {
        const uint8_t *one = memchr(data + pos + 2, 1, size - pos - 2);
        if (!one)
            return size;
        size_t at = (size_t)(one - data) - 2;
        if (!data[at] && !data[at + 1])
            return at;
        pos = at + 1;
    }
    return size;
}

static size_t without_trailing_zeros(const uint8_t *data, size_t start, size_t end)
{
    while (end > start && !data[end - 1])
        end--;
    return end - start;
}

int ffh_next_annexb(const uint8_t *data, size_t size, size_t *pos, size_t *start, size_t *length)
{
    size_t code = find_start_code(data, size, *pos);
    if (code >= size)
        return 0;
    *start = code + 3;
    *pos = find_start_code(data, size, *start);
    *length = without_trailing_zeros(data, *start, *pos);
    return 1;
}

int ffh_next_length_prefixed(const uint8_t *data, size_t size, unsigned length_size, size_t *pos, size_t *start,
                             size_t *length)
{
    if (length_size != 1 && length_size != 2 && length_size != 4)
        return FFH_EINVAL;
    if (*pos >= size)
        return 0;
    if (size - *pos < length_size)
        return FFH_EDATA;

    size_t unit = 0;
    for (unsigned i = 0; i < length_size; i++)
        unit = (unit << 8) | data[*pos + i];
    if (unit > size - *pos - length_size)
        return FFH_EDATA;
    *start = *pos + length_size;
    *length = without_trailing_zeros(data, *start, *start + unit);
    *pos = *start + unit;
    return 1;
}

int ffh_nal_unit_type(const uint8_t *nal, size_t size)
{
    if (size < 2 || nal[0] & 0x80 || !(nal[1] & 7))
        return FFH_EDATA;
    return nal[0] >> 1;
}

void ffh_put_nal_header(ffh_buf *out, int nal_unit_type)
{
    ffh_buf_append_byte(out, (uint8_t)(nal_unit_type << 1));
    ffh_buf_append_byte(out, 1);
}

int ffh_nal_to_rbsp(const uint8_t *nal, size_t size, ffh_buf *rbsp)
{
    int type = ffh_nal_unit_type(nal, size);
    if (type < 0)
        return type;
    if (ffh_buf_reserve(rbsp, size) < 0)
        return rbsp->error;

    unsigned zeros = 0;
    for (size_t i = 2; i < size; i++) {
        if (zeros >= 2 && nal[i] == 3) {
            zeros = 0;
            continue;
        }
        zeros = nal[i] ? 0 : zeros + 1;
        rbsp->data[rbsp->size++] = nal[i];
    }
    return 0;
}

void ffh_append_escaped(ffh_buf *out, const uint8_t *rbsp, size_t size)
{
    if (ffh_buf_reserve(out, size + size / 2 + 1) < 0)
        return;

    uint8_t *to = out->data + out->size;
    unsigned zeros = 0;
    for (size_t i = 0; i < size; i++) {
        if (zeros == 2 && rbsp[i] <= 3) {
            *to++ = 3;
            zeros = 0;
        }
        zeros = rbsp[i] ? 0 : zeros + 1;
        *to++ = rbsp[i];
    }
    out->size = (size_t)(to - out->data);
}
