#include "util/digest.h"

#include <string.h>

#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "samples are hashed as they lie in memory, which must be little-endian"
#endif

static uint32_t rotate_left(uint32_t value, unsigned bits)
{
    return (value << bits) | (value >> (32 - bits));
}

/* RFC 1321 section 3.4: sixty-four steps, sine table and shifts */
static void md5_block(uint32_t state[4], const uint8_t *block)
{
    static const uint32_t sine[64] = {
        0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
        0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
        0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
        0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
        0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
        0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
        0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
        0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391,
    };
    static const uint8_t shifts[4][4] = { { 7, 12, 17, 22 }, { 5, 9, 14, 20 }, { 4, 11, 16, 23 }, { 6, 10, 15, 21 } };
    uint32_t word[16];
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3];

    memcpy(word, block, sizeof(word));
    for (unsigned i = 0; i < 64; i++) {
        uint32_t mix;
        unsigned index;
        if (i < 16) {
            mix = d ^ (b & (c ^ d));
            index = i;
        } else if (i < 32) {
            mix = c ^ (d & (b ^ c));
            index = (5 * i + 1) & 15;
        } else if (i < 48) {
            mix = b ^ c ^ d;
            index = (3 * i + 5) & 15;
        } else {
            mix = c ^ (b | ~d);
            index = (7 * i) & 15;
        }
        uint32_t next = b + rotate_left(a + mix + sine[i] + word[index], shifts[i >> 4][i & 3]);
        a = d;
        d = c;
        c = b;
        b = next;
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
}

void ffh_md5_init(ffh_md5 *md5)
{
    static const uint32_t initial[4] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476 };
    memcpy(md5->state, initial, sizeof(initial));
    md5->length = 0;
}

void ffh_md5_update(ffh_md5 *md5, const uint8_t *data, size_t size)
{
    size_t filled = md5->length & 63;
    md5->length += size;
    if (filled) {
        size_t part = FFH_MIN(size, 64 - filled);
        memcpy(md5->block + filled, data, part);
        data += part;
        size -= part;
        if (filled + part < 64)
            return;
        md5_block(md5->state, md5->block);
    }
    for (; size >= 64; data += 64, size -= 64)
        md5_block(md5->state, data);
    memcpy(md5->block, data, size);
}

void ffh_md5_final(ffh_md5 *md5, uint8_t digest[16])
{
    static const uint8_t padding[64] = { 0x80 };
    uint64_t bits = md5->length * 8;
    size_t filled = md5->length & 63;

    ffh_md5_update(md5, padding, filled < 56 ? 56 - filled : 120 - filled);
    ffh_md5_update(md5, (const uint8_t *)&bits, sizeof(bits));
    memcpy(digest, md5->state, 16);
}

void ffh_plane_md5(const uint8_t *plane, size_t rows, size_t row_bytes, size_t stride, uint8_t digest[16])
{
    ffh_md5 md5;
    ffh_md5_init(&md5);
    for (size_t row = 0; row < rows; row++)
        ffh_md5_update(&md5, plane + row * stride, row_bytes);
    ffh_md5_final(&md5, digest);
}

uint32_t ffh_crc32c(const uint8_t *data, size_t size)
{
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < size; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ (0x82f63b78 & (0u - (crc & 1)));
    }
    return ~crc;
}
