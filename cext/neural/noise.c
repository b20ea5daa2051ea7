#include "neural/noise.h"

static uint32_t mixed_bits(uint32_t value)
{
    value = (value ^ value >> 16) * 0x7feb352du;
    value = (value ^ value >> 15) * 0x846ca68bu;
    return value ^ value >> 16;
}

void ffh_noise_row(int channel, int row, int columns, int16_t *out)
{
    uint32_t base = (uint32_t)row * 0x85ebca77u ^ (uint32_t)(channel + 1) * 0xc2b2ae3du;

    for (int x = 0; x < columns; x++) {
        uint32_t bits = mixed_bits((uint32_t)x * 0x9e3779b1u ^ base);
        int sum = (int)((bits & 255) + (bits >> 8 & 255) + (bits >> 16 & 255) + (bits >> 24));
        out[x] = (int16_t)(sum - FFH_NOISE_REACH);
    }
}
