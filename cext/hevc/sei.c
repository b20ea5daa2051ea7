#include "hevc/sei.h"

#include "hevc/nal.h"

/* payloadType and payloadSize: bytes of 255, then the rest (clause 7.3.5) */
static int read_ff_coded(const uint8_t *rbsp, size_t size, size_t *pos, size_t *value)
{
    *value = 0;
    while (*pos < size) {
        uint8_t byte = rbsp[(*pos)++];
        *value += byte;
        if (byte != 255)
            return 0;
    }
    return FFH_EDATA;
}

static void write_ff_coded(ffh_buf *out, size_t value)
{
    for (; value >= 255; value -= 255)
        ffh_buf_append_byte(out, 255);
    ffh_buf_append_byte(out, (uint8_t)value);
}

int ffh_next_sei_message(const uint8_t *rbsp, size_t size, size_t *pos, ffh_sei_message *message)
{
    while (size > *pos && !rbsp[size - 1])
        size--;
    if (*pos >= size || (*pos + 1 == size && rbsp[*pos] == 0x80))
        return 0;

    size_t type, length;
    if (read_ff_coded(rbsp, size, pos, &type) < 0 || read_ff_coded(rbsp, size, pos, &length) < 0)
        return FFH_EDATA;
    if (type > UINT32_MAX || length > size - *pos)
        return FFH_EDATA;
    message->payload_type = (uint32_t)type;
    message->offset = *pos;
    message->size = length;
    *pos += length;
    return 1;
}

int ffh_write_sei(int nal_unit_type, uint32_t payload_type, const uint8_t *data, size_t size, ffh_buf *out)
{
    ffh_buf rbsp = { 0 };
    if (nal_unit_type != FFH_NAL_PREFIX_SEI && nal_unit_type != FFH_NAL_SUFFIX_SEI)
        return FFH_EINVAL;
    write_ff_coded(&rbsp, payload_type);
    write_ff_coded(&rbsp, size);
    ffh_buf_append(&rbsp, data, size);
    ffh_buf_append_byte(&rbsp, 0x80);
    ffh_put_nal_header(out, nal_unit_type);
    if (!rbsp.error)
        ffh_append_escaped(out, rbsp.data, rbsp.size);
    int error = rbsp.error ? rbsp.error : out->error;
    ffh_buf_free(&rbsp);
    return error;
}
