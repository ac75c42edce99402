/* yardstick.c - oneDNN's direct 3x3 convolution alone, for `tengen bench infer` to stand beside. */
#include <string.h>

#include "tengen/file.h"
#include "tengen/nn.h"

#ifdef TG_ONEDNN
#include <oneapi/dnnl/dnnl.h>
#include <omp.h>

struct conv {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    dnnl_primitive_t primitive;
    dnnl_memory_t src, weights, dst;
};

static bool make(struct conv *c, int channels, int size, int batch)
{
    const dnnl_dims_t image = {batch, channels, size, size}, filter = {channels, channels, 3, 3};
    const dnnl_dims_t one = {1, 1}, zero = {0, 0};
    dnnl_memory_desc_t src, weights, dst;
    dnnl_convolution_desc_t desc;
    dnnl_primitive_desc_t pd = NULL;

    /* "any": oneDNN chooses the blocked layouts that suit it */
    dnnl_memory_desc_init_by_tag(&src, 4, image, dnnl_f32, dnnl_format_tag_any);
    dnnl_memory_desc_init_by_tag(&weights, 4, filter, dnnl_f32, dnnl_format_tag_any);
    dst = src;
    if (dnnl_dilated_convolution_forward_desc_init(&desc, dnnl_forward_inference, dnnl_convolution_direct,
                                                   &src, &weights, NULL, &dst, one, zero, one,
                                                   one) != dnnl_success ||
        dnnl_primitive_desc_create(&pd, &desc, NULL, c->engine, NULL) != dnnl_success)
        return false;
    bool ok = dnnl_primitive_create(&c->primitive, pd) == dnnl_success &&
              dnnl_memory_create(&c->src, dnnl_primitive_desc_query_md(pd, dnnl_query_src_md, 0), c->engine,
                                 DNNL_MEMORY_ALLOCATE) == dnnl_success &&
              dnnl_memory_create(&c->weights, dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 0),
                                 c->engine, DNNL_MEMORY_ALLOCATE) == dnnl_success &&
              dnnl_memory_create(&c->dst, dnnl_primitive_desc_query_md(pd, dnnl_query_dst_md, 0), c->engine,
                                 DNNL_MEMORY_ALLOCATE) == dnnl_success;
    dnnl_primitive_desc_destroy(pd);
    return ok;
}

static void fill(dnnl_memory_t memory)
{
    const dnnl_memory_desc_t *md;
    void *data;

    dnnl_memory_get_memory_desc(memory, &md);
    dnnl_memory_get_data_handle(memory, &data);
    for (size_t i = 0; i < dnnl_memory_desc_get_size(md) / sizeof(float); i++)
        ((float *)data)[i] = 0.01f * (float)(i % 17);
}

double nn_yardstick_gflops(int channels, int size, int batch, double seconds)
{
    struct conv c;
    double best = 0;

    omp_set_num_threads(1);
    memset(&c, 0, sizeof c);
    if (dnnl_engine_create(&c.engine, dnnl_cpu, 0) != dnnl_success ||
        dnnl_stream_create(&c.stream, c.engine, dnnl_stream_default_flags) != dnnl_success ||
        !make(&c, channels, size, batch))
        return 0;
    fill(c.src);
    fill(c.weights);
    dnnl_exec_arg_t args[3] = {{DNNL_ARG_SRC, c.src}, {DNNL_ARG_WEIGHTS, c.weights}, {DNNL_ARG_DST, c.dst}};
    double end = tg_now() + seconds, flops = 2.0 * 9 * channels * channels * size * size * batch;
    do { /* the best of short runs: what the code can do between other load */
        double start = tg_now();

        for (int i = 0; i < 4; i++)
            dnnl_primitive_execute(c.primitive, c.stream, 3, args);
        dnnl_stream_wait(c.stream);
        double gflops = 4 * flops / (tg_now() - start) * 1e-9;
        best = gflops > best ? gflops : best;
    } while (tg_now() < end);
    dnnl_memory_destroy(c.src);
    dnnl_memory_destroy(c.weights);
    dnnl_memory_destroy(c.dst);
    dnnl_primitive_destroy(c.primitive);
    dnnl_stream_destroy(c.stream);
    dnnl_engine_destroy(c.engine);
    return best;
}
#else
double nn_yardstick_gflops(int channels, int size, int batch, double seconds)
{
    (void)channels, (void)size, (void)batch, (void)seconds;
    return 0;
}
#endif
