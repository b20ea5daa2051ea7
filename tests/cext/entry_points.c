/*
 * Calls every function that the C core offers while its allocations and threads fail, one after the other:
 *
 *     entry_points STREAM NETWORK LATENT [THREADS]
 *
 * STREAM is an Annex B stream with a VPS, an SPS, a PPS and slices, NETWORK a file of `enhance`, LATENT one of
 * `overfit` for 176x144, without its head. For each function a line says how many allocations and threads it asks for.
 * A failed allocation has to end in FFH_ENOMEM, a failed thread in the same result, and nothing may be held afterwards;
 * else a line on stderr says what happened, and the exit status is 1. With THREADS no failures are tried: for
 * ThreadSanitizer.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codes/codes.h"
#include "codes/palette.h"
#include "codes/tokens.h"
#include "faulty_memory.h"
#include "hevc/hvcc.h"
#include "hevc/intra/picture.h"
#include "hevc/nal.h"
#include "hevc/recode/recode.h"
#include "hevc/sei.h"
#include "hevc/slice.h"
#include "hevc/tools.h"
#include "neural/enhance.h"
#include "neural/noise.h"
#include "neural/overfit.h"
#include "util/digest.h"

enum { WIDTH = 176, HEIGHT = 144 }; /* of a picture of `overfit` */
enum { WIDE = 4096, HIGH = 256 };   /* of one of `enhance`, whose maps lie in huge pages */
enum { SAMPLES = WIDE * HIGH * 3 / 2, LARGEST_FILE = 1 << 17 };
enum { ROWS = 12, COLUMNS = 16, KINDS = 100, DEPTH = 3, LOSSY_ID = 2, LOSSLESS_ID = 3, EFFORTS = 3 };

typedef struct file {
    uint8_t data[LARGEST_FILE];
    size_t size;
} file;

typedef struct nal_unit {
    const uint8_t *data;
    size_t size;
} nal_unit;

/* What the functions are called with, prepared without failures. */
static struct {
    file stream, network, latent;
    nal_unit vps_nal, sps_nal, pps_nal, slice_nal;
    ffh_sps sps;
    ffh_pps pps, lossless_pps;
    ffh_compact_sets to;
    ffh_buf prefixed, record, codes, tokens, palette;
    uint8_t samples[SAMPLES], made[SAMPLES];
    int8_t values[ROWS * COLUMNS];
    uint16_t kinds[ROWS * COLUMNS];
    uint8_t indices[ROWS * COLUMNS];
    ffh_overfit_header header;
    int32_t parameters[FFH_PARAMETER_COUNT];
    int8_t arrays[FFH_ARRAYS][WIDTH * HEIGHT];
    int threads;
} given;

static uint32_t result; /* CRC of what a function gave */
static long prepared;   /* what is held all the time */

static int keep(int code, const void *data, size_t size)
{
    if (code >= 0)
        result = ffh_crc32c(data, size);
    return code;
}

static int keep_buffer(int code, ffh_buf *buf)
{
    keep(code, buf->data, buf->size);
    ffh_buf_free(buf);
    return code;
}

static ffh_planes planes_of(uint8_t *samples, int width, int height)
{
    return (ffh_planes){ .planes = { samples, samples + width * height, samples + width * height * 5 / 4 },
                         .strides = { width, width / 2, width / 2 },
                         .bit_depth = 8 };
}

/* One function of the C core each, by its name. */

static int nal_to_rbsp(void)
{
    ffh_buf out = { 0 };
    return keep_buffer(ffh_nal_to_rbsp(given.slice_nal.data, given.slice_nal.size, &out), &out);
}

static int next_annexb(void)
{
    size_t pos = 0, start, length;
    return ffh_next_annexb(given.stream.data, given.stream.size, &pos, &start, &length);
}

static int next_length_prefixed(void)
{
    size_t pos = 0, start, length;
    return ffh_next_length_prefixed(given.prefixed.data, given.prefixed.size, 4, &pos, &start, &length);
}

static int next_sei_message(void)
{
    static const uint8_t rbsp[] = { 5, 1, 0, 0x80 };
    size_t pos = 0;
    ffh_sei_message message;
    return ffh_next_sei_message(rbsp, sizeof(rbsp), &pos, &message);
}

static int write_sei(void)
{
    ffh_buf out = { 0 };
    return keep_buffer(ffh_write_sei(FFH_NAL_PREFIX_SEI, 5, given.samples, 300, &out), &out);
}

static int read_hvcc(void)
{
    ffh_hvcc_iter iter = { 0 };
    return ffh_read_hvcc(given.record.data, given.record.size, &iter);
}

static int next_hvcc_nal(void)
{
    ffh_hvcc_iter iter = { 0 };
    size_t start, length;
    ffh_read_hvcc(given.record.data, given.record.size, &iter);
    return ffh_next_hvcc_nal(given.record.data, given.record.size, &iter, &start, &length);
}

static int write_hvcc(void)
{
    ffh_buf out = { 0 };
    return keep_buffer(ffh_write_hvcc(given.prefixed.data, given.prefixed.size, &out), &out);
}

static int parse_vps(void)
{
    ffh_vps vps;
    return ffh_parse_vps(given.vps_nal.data, given.vps_nal.size, &vps);
}

static int parse_sps(void)
{
    ffh_sps sps;
    return ffh_parse_sps(given.sps_nal.data, given.sps_nal.size, &sps);
}

static int parse_pps(void)
{
    ffh_pps pps;
    return ffh_parse_pps(given.pps_nal.data, given.pps_nal.size, &pps);
}

static int write_with_level(void)
{
    ffh_buf out = { 0 };
    return keep_buffer(ffh_write_with_level(given.sps_nal.data, given.sps_nal.size, 93, &out), &out);
}

static int write_vps(void)
{
    ffh_buf out = { 0 };
    return keep_buffer(ffh_write_vps(&given.sps, &out), &out);
}

static int write_sps(void)
{
    ffh_buf out = { 0 };
    return keep_buffer(ffh_write_sps(&given.sps, &out), &out);
}

static int write_pps(void)
{
    ffh_buf out = { 0 };
    return keep_buffer(ffh_write_pps(&given.pps, &out), &out);
}

static int write_compact_sps(void)
{
    ffh_buf out = { 0 };
    return keep_buffer(ffh_write_compact_sps(given.sps_nal.data, given.sps_nal.size, &out), &out);
}

static int write_compact_pps(void)
{
    ffh_buf out = { 0 };
    return keep_buffer(ffh_write_compact_pps(given.pps_nal.data, given.pps_nal.size, LOSSY_ID, 0, &out), &out);
}

static int parse_slice_pps_id(void)
{
    ffh_slice_header header;
    return ffh_parse_slice_pps_id(given.slice_nal.data, given.slice_nal.size, &header);
}

static int parse_slice_header(void)
{
    ffh_slice_header header;
    return ffh_parse_slice_header(given.slice_nal.data, given.slice_nal.size, &given.sps, &given.pps, &header);
}

static int recode_slice(void)
{
    ffh_buf out = { 0 };
    const nal_unit *nal = &given.slice_nal;
    return keep_buffer(ffh_recode_slice(nal->data, nal->size, &given.sps, &given.pps, &given.to, 0, &out), &out);
}

static int write_lossless_irap(void)
{
    ffh_buf out = { 0 };
    ffh_planes planes = planes_of(given.samples, WIDTH, HEIGHT);
    ffh_picture picture = { { planes.planes[0], planes.planes[1], planes.planes[2] },
                            { planes.strides[0], planes.strides[1], planes.strides[2] } };
    int code = 0;

    for (int effort = 0; effort < EFFORTS && code >= 0; effort++)
        code = ffh_write_lossless_irap(&given.sps, &given.lossless_pps, FFH_NAL_CRA, 30, &picture, effort,
                                       given.threads, &out);
    return keep_buffer(code, &out);
}

static int write_grey_idr(void)
{
    ffh_buf out = { 0 };
    return keep_buffer(ffh_write_grey_idr(&given.sps, &given.pps, FFH_NAL_IDR_N_LP, &out), &out);
}

static int overfit_encode(void)
{
    static const uint8_t shifts[FFH_MODULES] = { 0 };
    int32_t parameters[FFH_PARAMETER_COUNT];
    const int8_t *arrays[FFH_ARRAYS];
    ffh_buf out = { 0 };

    memcpy(parameters, given.parameters, sizeof(parameters));
    for (int i = 0; i < FFH_ARRAYS; i++)
        arrays[i] = i || given.header.has_fine ? given.arrays[i] : NULL;
    return keep_buffer(ffh_overfit_encode(&given.header, WIDTH, HEIGHT, parameters, shifts, arrays, &out), &out);
}

static int overfit_decode(void)
{
    ffh_planes base = planes_of(given.samples, WIDTH, HEIGHT), to = planes_of(given.made, WIDTH, HEIGHT);
    const file *latent = &given.latent;
    int code = ffh_overfit_decode(latent->data, latent->size, WIDTH, HEIGHT, &base, &to, given.threads);
    return keep(code, given.made, SAMPLES);
}

static int overfit_read(void)
{
    int8_t *arrays[FFH_ARRAYS];

    for (int i = 0; i < FFH_ARRAYS; i++)
        arrays[i] = given.arrays[i];
    return ffh_overfit_read(given.latent.data, given.latent.size, WIDTH, HEIGHT, &given.header, given.parameters,
                            arrays);
}

static int overfit_step(void)
{
    return ffh_overfit_step(8, 1);
}

static int network_prior_values(void)
{
    return ffh_network_prior_values() ? 0 : FFH_EINVAL;
}

static int enhance_layers(void)
{
    static const ffh_enhance_size size = { { 8, 8, 8 }, 1, 8, 4 };
    ffh_enhance_layer layers[FFH_ENHANCE_MAX_LAYERS];
    return ffh_enhance_layers(&size, layers);
}

static int enhancer_read(void)
{
    ffh_enhancer *enhancer;
    int code = ffh_enhancer_read(given.network.data, given.network.size, &enhancer);
    if (code == 0)
        ffh_enhancer_free(enhancer);
    return code;
}

/* Looks, and composes where `compose` is true; what is not asked about does not fail. */
static int enhance(int compose, int allocation, int thread)
{
    static const ffh_enhance_known known = { 38, 0, 0 };
    static const ffh_enhance_strengths strengths = { 32, 32, 1 };
    ffh_planes base = planes_of(given.samples, WIDE, HIGH), to = planes_of(given.made, WIDE, HIGH);
    ffh_enhancer *enhancer;
    ffh_enhancement *found;

    faults_begin(NEVER, NEVER);
    if (ffh_enhancer_read(given.network.data, given.network.size, &enhancer))
        return FFH_EINVAL;
    if (!compose)
        faults_begin(allocation, thread);
    int code = ffh_enhance_look(enhancer, &known, &base, WIDE, HIGH, given.threads, &found);
    if (code == 0) {
        if (compose) {
            faults_begin(allocation, thread);
            code = ffh_enhance_compose(enhancer, found, &strengths, NULL, &base, &to, given.threads);
        }
        keep(code, compose ? given.made : given.samples, SAMPLES);
        ffh_enhancement_free(found);
    }
    ffh_enhancer_free(enhancer);
    return code;
}

static int noise_row(void)
{
    int16_t row[WIDTH];
    ffh_noise_row(0, 0, WIDTH, row);
    return keep(0, row, sizeof(row));
}

static int codes_encode(void)
{
    ffh_buf out = { 0 };
    return keep_buffer(ffh_codes_encode(given.values, 1, ROWS, COLUMNS, &out), &out);
}

static int codes_decode(void)
{
    int8_t values[ROWS * COLUMNS];
    return keep(ffh_codes_decode(given.codes.data, given.codes.size, 1, ROWS, COLUMNS, values), values, sizeof(values));
}

static int tokens_encode(void)
{
    ffh_buf out = { 0 };
    return keep_buffer(ffh_tokens_encode(given.kinds, ROWS, COLUMNS, KINDS, &out), &out);
}

static int tokens_decode(void)
{
    uint16_t values[ROWS * COLUMNS];
    int code = ffh_tokens_decode(given.tokens.data, given.tokens.size, ROWS, COLUMNS, KINDS, values);
    return keep(code, values, sizeof(values));
}

static int palette_encode(void)
{
    ffh_buf out = { 0 };
    return keep_buffer(ffh_palette_encode(given.indices, ROWS, COLUMNS, DEPTH, &out), &out);
}

static int palette_decode(void)
{
    uint8_t values[ROWS * COLUMNS];
    int code = ffh_palette_decode(given.palette.data, given.palette.size, ROWS, COLUMNS, DEPTH, values);
    return keep(code, values, sizeof(values));
}

static int plane_md5(void)
{
    uint8_t digest[16];
    ffh_plane_md5(given.samples, HEIGHT, WIDTH, WIDTH, digest);
    return keep(0, digest, sizeof(digest));
}

static int crc32c(void)
{
    return keep(0, given.samples, SAMPLES);
}

static int lossless_pps(void)
{
    ffh_pps pps;
    ffh_lossless_pps(&given.pps, 1, &pps);
    return pps.transquant_bypass_enabled_flag ? 0 : FFH_EINVAL;
}

static int neural_track_sps(void)
{
    ffh_sps sps;
    ffh_neural_track_sps(&sps);
    return sps.chroma_format_idc == 1 ? 0 : FFH_EINVAL;
}

static int unsupported_tool(void)
{
    for (int tool = 0; tool < FFH_TOOLS; tool++)
        if (!ffh_unsupported_tool(ffh_unsupported((enum ffh_tool)tool)))
            return FFH_EINVAL;
    return ffh_unsupported_tool(FFH_EDATA) || ffh_unsupported_tool(FFH_EUNSUPPORTED - FFH_TOOLS) ? FFH_EINVAL : 0;
}

typedef struct entry {
    const char *name;
    int (*call)(void);
} entry;

#define ENTRY(name)                                                                                                    \
    {                                                                                                                  \
        "ffh_" #name, name                                                                                             \
    }
static const entry entries[] = {
    ENTRY(nal_to_rbsp),
    ENTRY(next_annexb),
    ENTRY(next_length_prefixed),
    ENTRY(next_sei_message),
    ENTRY(write_sei),
    ENTRY(read_hvcc),
    ENTRY(next_hvcc_nal),
    ENTRY(write_hvcc),
    ENTRY(parse_vps),
    ENTRY(parse_sps),
    ENTRY(parse_pps),
    ENTRY(write_with_level),
    ENTRY(write_vps),
    ENTRY(write_sps),
    ENTRY(write_pps),
    ENTRY(write_compact_sps),
    ENTRY(write_compact_pps),
    ENTRY(parse_slice_pps_id),
    ENTRY(parse_slice_header),
    ENTRY(recode_slice),
    ENTRY(write_lossless_irap),
    ENTRY(write_grey_idr),
    ENTRY(overfit_read),
    ENTRY(overfit_encode),
    ENTRY(overfit_decode),
    ENTRY(overfit_step),
    ENTRY(network_prior_values),
    ENTRY(enhance_layers),
    ENTRY(enhancer_read),
    { "ffh_enhance_look", NULL },
    { "ffh_enhance_compose", NULL },
    ENTRY(noise_row),
    ENTRY(codes_encode),
    ENTRY(codes_decode),
    ENTRY(tokens_encode),
    ENTRY(tokens_decode),
    ENTRY(palette_encode),
    ENTRY(palette_decode),
    ENTRY(plane_md5),
    ENTRY(crc32c),
    ENTRY(lossless_pps),
    ENTRY(neural_track_sps),
    ENTRY(unsupported_tool),
};

static int call(const entry *e, int allocation, int thread)
{
    if (!e->call)
        return enhance(!strcmp(e->name, "ffh_enhance_compose"), allocation, thread);
    faults_begin(allocation, thread);
    return e->call();
}

static int is_wrong(const entry *e, const char *failing, int number, int code, int wanted)
{
    if (code == wanted && faults_held() == prepared)
        return 0;
    fprintf(stderr, "%s: with %s %d failing it returns %d, not %d, and holds %ld\n", e->name, failing, number, code,
            wanted, faults_held() - prepared);
    return 1;
}

static int try_entry(const entry *e)
{
    int code = call(e, NEVER, NEVER), allocations = faults_allocations(), threads = faults_threads(), wrong = 0;
    uint32_t whole = result;

    if (code < 0 || faults_held() != prepared)
        return is_wrong(e, "nothing", NEVER, code, 0);
    printf("%s %d %d\n", e->name, allocations, threads);
    for (int i = 0; i < allocations; i++)
        wrong |= is_wrong(e, "allocation", i, call(e, i, NEVER), FFH_ENOMEM);
    for (int i = 0; i < threads; i++) {
        wrong |= is_wrong(e, "thread", i, call(e, NEVER, i), code);
        if (result != whole)
            wrong = fprintf(stderr, "%s: another result with thread %d failing\n", e->name, i) > 0;
    }
    return wrong;
}

static int read_file(const char *path, file *to)
{
    FILE *from = fopen(path, "rb");

    if (!from)
        return 0;
    to->size = fread(to->data, 1, LARGEST_FILE, from);
    fclose(from);
    return to->size > 0;
}

/* The parameter sets, and the longest slice, which has most rows. */
static void find_nal_units(void)
{
    size_t pos = 0, start, length;

    while (ffh_next_annexb(given.stream.data, given.stream.size, &pos, &start, &length) == 1) {
        nal_unit nal = { given.stream.data + start, length };
        int type = ffh_nal_unit_type(nal.data, nal.size);
        if (type == FFH_NAL_VPS)
            given.vps_nal = nal;
        else if (type == FFH_NAL_SPS)
            given.sps_nal = nal;
        else if (type == FFH_NAL_PPS)
            given.pps_nal = nal;
        else if (type >= 0 && type < FFH_NAL_VPS && nal.size > given.slice_nal.size)
            given.slice_nal = nal;
        if (type > 0 && type >= FFH_NAL_VPS && type <= FFH_NAL_PPS) {
            const uint8_t prefix[] = { 0, 0, (uint8_t)(length >> 8), (uint8_t)length };
            ffh_buf_append(&given.prefixed, prefix, sizeof(prefix));
            ffh_buf_append(&given.prefixed, nal.data, nal.size);
        }
    }
}

static int parse_copy(int code, ffh_buf *nal, ffh_pps *pps)
{
    if (code == 0)
        code = ffh_parse_pps(nal->data, nal->size, pps);
    ffh_buf_free(nal);
    return code;
}

static int prepare_stream(void)
{
    ffh_buf copy = { 0 };

    find_nal_units();
    int error = ffh_parse_sps(given.sps_nal.data, given.sps_nal.size, &given.sps);
    error |= ffh_parse_pps(given.pps_nal.data, given.pps_nal.size, &given.pps);
    error |= ffh_write_hvcc(given.prefixed.data, given.prefixed.size, &given.record);
    error |= ffh_write_compact_sps(given.sps_nal.data, given.sps_nal.size, &copy);
    error |= ffh_parse_sps(copy.data, copy.size, &given.to.sps);
    ffh_buf_free(&copy);
    const nal_unit *pps = &given.pps_nal;
    error |= parse_copy(ffh_write_compact_pps(pps->data, pps->size, LOSSY_ID, 0, &copy), &copy, &given.to.lossy);
    error |= parse_copy(ffh_write_compact_pps(pps->data, pps->size, LOSSLESS_ID, 1, &copy), &copy, &given.to.lossless);
    ffh_lossless_pps(&given.pps, 1, &given.lossless_pps);
    return error || given.sps.pic_width_in_luma_samples > WIDTH || given.sps.pic_height_in_luma_samples > HEIGHT;
}

static int prepare(int threads)
{
    given.threads = threads;
    for (int i = 0; i < SAMPLES; i++)
        given.samples[i] = (uint8_t)(i * i >> 5);
    for (int i = 0; i < ROWS * COLUMNS; i++) {
        given.values[i] = (int8_t)(i % 11 - 5);
        given.kinds[i] = (uint16_t)(i * i % KINDS);
        given.indices[i] = (uint8_t)(i / 5 % (1 << DEPTH));
    }
    int error = ffh_codes_encode(given.values, 1, ROWS, COLUMNS, &given.codes);
    error |= ffh_tokens_encode(given.kinds, ROWS, COLUMNS, KINDS, &given.tokens);
    error |= ffh_palette_encode(given.indices, ROWS, COLUMNS, DEPTH, &given.palette);
    error |= prepare_stream();
    return error | overfit_read();
}

int main(int count, char **arguments)
{
    if (count < 4 || !read_file(arguments[1], &given.stream) || !read_file(arguments[2], &given.network) ||
        !read_file(arguments[3], &given.latent))
        return EXIT_FAILURE;
    faults_begin(NEVER, NEVER);
    if (prepare(count > 4 ? atoi(arguments[4]) : 2)) {
        fprintf(stderr, "these inputs do not fit\n");
        return EXIT_FAILURE;
    }
    prepared = faults_held();
    int wrong = 0;
    for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++)
        wrong |= count > 4 ? call(&entries[i], NEVER, NEVER) < 0 : try_entry(&entries[i]);
    return wrong ? EXIT_FAILURE : EXIT_SUCCESS;
}
