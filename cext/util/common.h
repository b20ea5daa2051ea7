/*
 * Error codes and the growable byte buffer shared by every part of the C core.
 */
#ifndef FFH_UTIL_COMMON_H
#define FFH_UTIL_COMMON_H

#include <stddef.h>
#include <stdint.h>

/* Every function that can fail returns 0 (or a count) on success and one of these on failure. From FFH_EUNSUPPORTED
 * downwards they name what is valid and cannot be kept exact: FFH_EUNSUPPORTED - ffh_tool. */
enum {
    FFH_EINVAL = -1, /* an argument that the caller should not have passed */
    FFH_ENOMEM = -2, /* out of memory, or a size beyond the bound of the format */
    FFH_EDATA = -3,  /* bytes that break the syntax, or end too early */
    FFH_EUNSUPPORTED = -4
};

#define FFH_MIN(a, b) ((a) < (b) ? (a) : (b))
#define FFH_MAX(a, b) ((a) > (b) ? (a) : (b))

/*
 * A byte vector that owns `data`. Zero-initialise it, release it with ffh_buf_free.
 * `error` is sticky: once an allocation failed, later appends do nothing.
 */
typedef struct ffh_buf {
    uint8_t *data;
    size_t size;
    size_t capacity;
    int error;
} ffh_buf;

void ffh_buf_free(ffh_buf *buf);

/* Makes room for `extra` more bytes; returns 0 or FFH_ENOMEM (and sets the sticky error). */
int ffh_buf_reserve(ffh_buf *buf, size_t extra);

void ffh_buf_append(ffh_buf *buf, const uint8_t *data, size_t size);
void ffh_buf_append_byte(ffh_buf *buf, uint8_t byte);

#endif
