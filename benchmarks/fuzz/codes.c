/*
 * libFuzzer target of the adaptive coders of integers and of tokens: the first three bytes give the size of an array,
 * the rest is its code. What decodes must come back the same when it is coded and decoded again.
 */
#include <stdlib.h>
#include <string.h>

#include "codes/codes.h"
#include "codes/tokens.h"

enum { MAX_CHANNELS = 8, MAX_SIDE = 12, KINDS = 1000 };

static void try_codes(const uint8_t *data, size_t size, int channels, int rows, int columns)
{
    int8_t codes[MAX_CHANNELS * MAX_SIDE * MAX_SIDE], again[MAX_CHANNELS * MAX_SIDE * MAX_SIDE];
    size_t count = (size_t)channels * rows * columns;
    ffh_buf coded = { 0 };

    if (ffh_codes_decode(data, size, channels, rows, columns, codes) == 0 &&
        ffh_codes_encode(codes, channels, rows, columns, &coded) == 0 &&
        (ffh_codes_decode(coded.data, coded.size, channels, rows, columns, again) < 0 || memcmp(codes, again, count)))
        abort();
    ffh_buf_free(&coded);
}

static void try_tokens(const uint8_t *data, size_t size, int rows, int columns, int kinds)
{
    uint16_t tokens[MAX_SIDE * MAX_SIDE], again[MAX_SIDE * MAX_SIDE];
    size_t bytes = (size_t)rows * columns * sizeof(*tokens);
    ffh_buf coded = { 0 };

    if (ffh_tokens_decode(data, size, rows, columns, kinds, tokens) == 0 &&
        ffh_tokens_encode(tokens, rows, columns, kinds, &coded) == 0 &&
        (ffh_tokens_decode(coded.data, coded.size, rows, columns, kinds, again) < 0 || memcmp(tokens, again, bytes)))
        abort();
    ffh_buf_free(&coded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3)
        return 0;
    int channels = 1 + data[0] % MAX_CHANNELS, rows = 1 + data[1] % MAX_SIDE, columns = 1 + data[2] % MAX_SIDE;

    try_codes(data + 3, size - 3, channels, rows, columns);
    try_tokens(data + 3, size - 3, rows, columns, 1 + (data[0] << 8 | data[1]) % KINDS);
    return 0;
}
