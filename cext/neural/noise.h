/*
 * Common randomness: noise that is the same on every machine.
 */
#ifndef FFH_NEURAL_NOISE_H
#define FFH_NEURAL_NOISE_H

#include <stdint.h>

enum { FFH_NOISE_REACH = 510 /* the largest magnitude */ };

/* One row of a channel: sums of four uniform bytes around zero, nearly normal, of variance 21845. */
void ffh_noise_row(int channel, int row, int columns, int16_t *out);

#endif
