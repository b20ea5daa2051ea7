#include "util/common.h"

#include <stdlib.h>
#include <string.h>

void ffh_buf_free(ffh_buf *buf)
{
    free(buf->data);
    memset(buf, 0, sizeof(*buf));
}

int ffh_buf_reserve(ffh_buf *buf, size_t extra)
{
    if (buf->error)
        return buf->error;
    if (extra <= buf->capacity - buf->size)
        return 0;
    if (extra > SIZE_MAX / 4 - buf->size)
        return buf->error = FFH_ENOMEM;

    size_t capacity = FFH_MAX(buf->size + extra, buf->capacity + buf->capacity / 2);
    uint8_t *data = realloc(buf->data, capacity);
    if (!data)
        return buf->error = FFH_ENOMEM;
    buf->data = data;
    buf->capacity = capacity;
    return 0;
}

void ffh_buf_append(ffh_buf *buf, const uint8_t *data, size_t size)
{
    if (!size || ffh_buf_reserve(buf, size) < 0)
        return;
    memcpy(buf->data + buf->size, data, size);
    buf->size += size;
}

void ffh_buf_append_byte(ffh_buf *buf, uint8_t byte)
{
    ffh_buf_append(buf, &byte, 1);
}
