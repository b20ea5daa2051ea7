/*
 * The synthesis network: feature rows at half the luma size to integer Y, Cb and Cr planes, rows shared by threads.
 */
#ifndef FFH_NEURAL_SYNTHESIS_H
#define FFH_NEURAL_SYNTHESIS_H

#include "neural/layers.h"
#include "neural/planes.h"
#include "neural/upsampling.h"

/*
 * The network must have passed ffh_network_check; `classes` have FFH_ACTIVATION_BITS fractional bits. `base` is the
 * picture that is refined, of the size and bit depth of `to`, or NULL.
 * Returns 0 or FFH_ENOMEM; same samples for any number of threads.
 */
int ffh_synthesise(const ffh_network *network, const ffh_pyramid *pyramid, const int16_t classes[FFH_CLASSES],
                   const ffh_planes *base, const ffh_planes *to, int threads);

#endif
