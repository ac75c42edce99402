/* backward.c - from the losses back to the gradients of all parameters, block by block. What is
 * complete is added to the net's sums section by section, so that it can travel while the rest is
 * still computed. */
#include <stddef.h>
#include <string.h>

#include "cuda_call.h"
#include "net.h"

static float *grad(const struct pass *p, int64_t offset) { return p->net->sums + offset; }

/* ---- sums over partial results -------------------------------------------------------------------- */

static void reduce_flush(struct pass *p)
{
    if (p->reduce.n_jobs > 0)
        launch_reduce(&p->reduce, p->stream);
    p->reduce.n_jobs = 0;
}

static void reduce_add(struct pass *p, const float *partial, int n_tiles, int stride, int n, float *to)
{
    if (p->reduce.n_jobs == REDUCE_JOBS)
        reduce_flush(p);
    p->reduce.job[p->reduce.n_jobs++] = (struct reduce_job){partial, n_tiles, stride, n, to};
}

/* Partials [n_tiles][n_rows][channels] of a norm: row 0 is the scale's, row 1 the bias's. */
static void reduce_norm(struct pass *p, const float *partial, int n_tiles, int n_rows, int norm)
{
    const struct norm_map *n = &p->net->shape.norms[norm];
    int stride = n_rows * n->channels;

    reduce_add(p, partial, n_tiles, stride, n->n, grad(p, n->scale));
    reduce_add(p, partial + n->channels, n_tiles, stride, n->n, grad(p, n->bias));
}

/* ---- on the side ---------------------------------------------------------------------------------- */

/* The pass goes on behind works [0, n) of the side. */
static enum tg_status side_wait(struct pass *p, int n, struct tg_error *err)
{
    struct side *s = p->side;

    if (n == 0)
        return TG_OK;
    CUDA(cudaStreamWaitEvent(p->stream, s->work[n - 1].done, 0));
    for (int i = 0; i < n; i++) { /* the events turn round */
        struct side_work first = s->work[0];

        memmove(s->work, s->work + 1, (SIDE_WORKS - 1) * sizeof *s->work);
        s->work[SIDE_WORKS - 1] = first;
    }
    s->n_works -= n;
    return TG_OK;
}

static enum tg_status side_join(struct pass *p, struct tg_error *err)
{
    return p->side != NULL ? side_wait(p, p->side->n_works, err) : TG_OK;
}

/* The gradient at x is about to be written over. */
static enum tg_status side_spare(struct pass *p, const void *x, struct tg_error *err)
{
    int n = 0;

    for (int i = 0; p->side != NULL && i < p->side->n_works; i++)
        n = p->side->work[i].reads == x ? i + 1 : n;
    return n > 0 ? side_wait(p, n, err) : TG_OK;
}

/* *stream := where to enqueue what nobody but the section's end waits for; without a side the pass's own. */
static enum tg_status side_begin(struct pass *p, cudaStream_t *stream, struct tg_error *err)
{
    struct side *s = p->side;

    *stream = p->stream;
    if (s == NULL)
        return TG_OK;
    if (s->n_works == SIDE_WORKS)
        TRY(side_wait(p, 1, err));
    CUDA(cudaEventRecord(s->split, p->stream));
    CUDA(cudaStreamWaitEvent(s->stream, s->split, 0));
    *stream = s->stream;
    return TG_OK;
}

/* reads: see side_work; NULL: nothing that is written again in this pass. */
static enum tg_status side_end(struct pass *p, const void *reads, struct tg_error *err)
{
    struct side *s = p->side;

    if (s == NULL)
        return TG_OK;
    s->work[s->n_works].reads = reads;
    CUDA(cudaEventRecord(s->work[s->n_works].done, s->stream));
    s->n_works++;
    return TG_OK;
}

/* A convolution of a pass that is not recorded, by the handle that a record will use: what that allocates at its
 * first call it could not allocate there. */
static enum tg_status conv_rehearse(struct pass *p, const struct conv_spec *spec, void **pointers, struct tg_error *err)
{
    struct side *s = p->net->side;
    struct pass beside = *p;

    beside.cudnn = s->cudnn;
    if (cudnnSetStream(s->cudnn, p->stream) != CUDNN_STATUS_SUCCESS)
        return FAIL(err, TG_EDEVICE, "cuDNN takes no stream");
    enum tg_status rc = conv_run(&beside, spec, pointers, err);
    if (cudnnSetStream(s->cudnn, s->stream) != CUDNN_STATUS_SUCCESS && rc == TG_OK)
        rc = FAIL(err, TG_EDEVICE, "cuDNN takes no stream back");
    return rc;
}

/* A convolution on the side. */
static enum tg_status side_conv(struct pass *p, const struct conv_spec *spec, void **pointers, const void *reads,
                                struct tg_error *err)
{
    struct pass beside = *p;

    if (p->side == NULL)
        return p->mode == PASS_RUN ? conv_rehearse(p, spec, pointers, err) : conv_run(p, spec, pointers, err);
    TRY(side_begin(p, &beside.stream, err));
    beside.cudnn = p->side->cudnn;
    beside.workspace = p->side->workspace;
    beside.workspace_bytes = TRAIN_WORKSPACE;
    TRY(conv_run(&beside, spec, pointers, err));
    return side_end(p, reads, err);
}

/* Gradients of small matrices on the side. */
static enum tg_status side_dense(struct pass *p, const struct dense_grad_jobs *jobs, const void *reads,
                                 struct tg_error *err)
{
    cudaStream_t stream;

    TRY(side_begin(p, &stream, err));
    launch_dense_grads(jobs, stream);
    LAUNCHED();
    return side_end(p, reads, err);
}

/* ---- sections ------------------------------------------------------------------------------------- */

/* Everything from map `first` on is done, from: its first flat parameter. Gradients go to their place, unless
 * they may as well go with those that follow: each time costs two launches that do little. */
static enum tg_status section_end(struct pass *p, int first_map, int64_t from, struct tg_error *err)
{
    struct nn_net *net = p->net;
    int n = p->filter_grads_from - first_map;

    if (p->mode == PASS_COLLECT || (from > 0 && !p->section_due(p, from)))
        return TG_OK;
    TRY(side_join(p, err));
    reduce_flush(p);
    if (n > 0)
        launch_filter_grads(net->precision, net->maps, first_map, n, net->shape.max_out,
                            net->filter_grads, net->sums, p->stream);
    p->filter_grads_from = first_map;
    LAUNCHED();
    return p->section_done(p, from, err);
}

/* ---- layers --------------------------------------------------------------------------------------- */

/* Gradient of the filters from x and dy; dx := gradient of x (NULL: not wanted). */
static enum tg_status conv_backward(struct pass *p, int map, void *x, void *dy, void *dx,
                                    struct tg_error *err)
{
    struct nn_net *net = p->net;
    int64_t at = net->shape.maps[map].packed;
    struct conv_spec spec = conv_spec_of(p, CONV_FILTER_GRAD, map, 0);
    void *pointers[CONV_TENSORS] = {[CONV_X] = x, [CONV_Y] = dy,
                                    [CONV_W] = pass_elements(p, net->filter_grads, at)};

    TRY(side_conv(p, &spec, pointers, dy, err));
    if (dx == NULL)
        return TG_OK;
    spec = conv_spec_of(p, CONV_DATA_GRAD, map, 0);
    pointers[CONV_X] = dx;
    pointers[CONV_W] = pass_elements(p, net->filters, at);
    return conv_run(p, &spec, pointers, err);
}

/* dx := (accumulate ? dx : 0) + gradient of x through the norm, from du. */
static enum tg_status norm_backward(struct pass *p, int norm, const void *x, const void *du, void *dx,
                                    bool accumulate, float *partial, struct tg_error *err)
{
    const struct net_shape *s = &p->net->shape;
    int channels = s->norms[norm].channels;
    struct norm_backward_args a = {.b = pass_boards(p), .channels = channels, .act = s->arch.activation,
                                   .x_stride = channels, .x = x, .du = du, .norm = pass_norm(p, norm),
                                   .dx = dx, .accumulate = accumulate, .partial = partial};

    if (p->mode == PASS_COLLECT)
        return TG_OK;
    TRY(side_spare(p, dx, err));
    launch_norm_backward(p->net->precision, &a, p->stream);
    LAUNCHED();
    reduce_norm(p, partial, norm_backward_tiles(p->rows, s->points, channels), 2, norm);
    return TG_OK;
}

/* v's gradient stands in d_in; d_mid := that of z, both its parts. */
static enum tg_status gpool_backward(struct pass *p, const struct shape_block *k,
                                     const struct block_buffers *m, struct tg_error *err)
{
    const struct net_shape *s = &p->net->shape;
    struct pass_buffers *b = p->buf;
    int regular = padded(k->mid), pooled = padded(k->gpool), act = s->arch.activation;
    struct row_backward_args r = {
        .b = pass_boards(p), .channels = regular, .n = k->mid, .act = act, .x = m->z,
        .x_stride = regular + pooled, .row_bias = m->row_bias, .row_bias_stride = regular,
        .norm = pass_norm(p, k->norm2), .du = b->d_in, .dx = b->d_mid, .dx_stride = regular + pooled, .partial = m->partial2, .d_row_bias = b->d_row_bias,
        .d_row_bias_stride = regular};
    struct dense_backward_args dense = {.rows = p->rows, .n_in = 3 * k->gpool, .n_out = k->mid,
                                        .stride = regular, .dy = b->d_row_bias,
                                        .weight = pass_param(p, k->pool_matmul), .dx = b->d_pooled};
    struct dense_grad_jobs weights = {
        .rows = p->rows, .n_jobs = 1,
        .job = {{.x = m->pooled, .dy = b->d_row_bias, .n_in = 3 * k->gpool, .n_out = k->mid,
                 .x_stride = 3 * k->gpool, .dy_stride = regular, .grad = grad(p, k->pool_matmul)}}};
    struct row_backward_args g = {
        .b = r.b, .channels = pooled, .n = k->gpool, .act = act,
        .x = pass_elements(p, m->z, regular), .x_stride = r.x_stride, .norm = pass_norm(p, k->normg),
        .d_pooled = b->d_pooled, .top = m->top, .dx = pass_elements(p, b->d_mid, regular),
        .dx_stride = r.x_stride, .partial = m->partialg};

    if (p->mode == PASS_COLLECT)
        return TG_OK;
    TRY(side_spare(p, b->d_mid, err));
    TRY(side_spare(p, b->d_row_bias, err));
    launch_row_backward(p->net->precision, &r, p->stream);
    TRY(side_dense(p, &weights, b->d_row_bias, err));
    launch_dense_backward(&dense, p->stream);
    launch_row_backward(p->net->precision, &g, p->stream);
    LAUNCHED();
    reduce_norm(p, m->partial2, p->rows, 2, k->norm2);
    reduce_norm(p, m->partialg, p->rows, 2, k->normg);
    return TG_OK;
}

/* The list [at, end) on the stream that starts at x: d, the gradient behind its last block, becomes that
 * of x. Blocks are met from the last to the first, so the list is walked by recursion. */
static enum tg_status blocks_backward(struct pass *p, int at, int end, void *x, void *d,
                                      struct tg_error *err)
{
    const struct net_shape *s = &p->net->shape;
    const struct shape_block *k = &s->blocks[at];
    const struct block_buffers *m = &p->buf->blocks[at];
    void *d_mid = p->buf->d_mid, *d_in = p->buf->d_in;

    if (at >= end)
        return TG_OK;
    TRY(blocks_backward(p, at + k->span, end, m->out, d, err));
    TRY(conv_backward(p, k->conv2, m->v, d, d_in, err));
    switch ((enum nn_block_kind)k->kind) {
    case NN_BLOCK_RESIDUAL:
        TRY(norm_backward(p, k->norm2, m->z, d_in, d_mid, false, m->partial2, err));
        break;
    case NN_BLOCK_GPOOL:
        TRY(gpool_backward(p, k, m, err));
        break;
    case NN_BLOCK_NESTED: {
        int last = at + 1;

        while (last + s->blocks[last].span < at + k->span)
            last += s->blocks[last].span;
        d_mid = p->buf->d_stream[k->depth + 1];
        TRY(norm_backward(p, k->norm2, p->buf->blocks[last].out, d_in, d_mid, false, m->partial2, err));
        TRY(blocks_backward(p, at + 1, at + k->span, m->z, d_mid, err));
        break;
    }
    }
    TRY(conv_backward(p, k->conv1, m->u, d_mid, d_in, err));
    TRY(norm_backward(p, k->norm1, x, d_in, d, true, m->partial1, err));
    return k->depth == 0 ? section_end(p, k->conv1, s->norms[k->norm1].scale, err) : TG_OK;
}

/* ---- heads ---------------------------------------------------------------------------------------- */

static void launch_head_losses(struct pass *p)
{
    const struct net_shape *s = &p->net->shape;
    struct head_buffers *h = &p->buf->heads;
    struct loss_args a = {
        .rows = p->rows, .points = s->points, .n_policy = s->arch.n_policy, .n_score = s->arch.n_score,
        .channel = {-1, -1, -1}, .scales = s->arch.scales, .settings = p->buf->loss,
        .symmetry = p->io->symmetry, .to = p->net->turns + GAME_SYMMETRIES * s->points,
        .planes = p->io->planes, .row_bytes = s->arch.n_planes * ((s->points + 7) / 8),
        .logits = h->logits, .pass = h->rows.pass, .value = h->rows.value, .score = h->rows.score,
        .raw_ownership = h->raw_ownership, .t = p->io->t, .d_logits = h->d_logits, .d_pass = h->d_pass,
        .d_value = h->d_value, .d_score = h->d_score, .d_ownership = h->d_ownership,
        .row_metrics = h->row_metrics};

    for (int c = s->arch.n_policy - 1; c >= 0; c--)
        if (s->arch.policy_role[c] <= NN_POLICY_SOFT)
            a.channel[s->arch.policy_role[c]] = c;
    launch_loss(&a, p->stream);
}

/* Policy points, then everything per row, then the two pooled parts. */
static void launch_head_parts(struct pass *p)
{
    const struct net_shape *s = &p->net->shape;
    const struct shape_heads *w = &s->heads;
    const struct conv_map *map = &s->maps[w->conv];
    struct head_buffers *h = &p->buf->heads;
    int g1 = map->part[1].at, v1 = map->part[2].at, stride = map->n_out;
    struct row_backward_args policy = {
        .b = pass_boards(p), .channels = g1, .n = s->arch.p1, .act = s->arch.activation, .x = h->z,
        .x_stride = stride, .row_bias = h->rows.row_bias, .row_bias_stride = g1,
        .norm = pass_norm(p, w->norm_p1), .point_grad = h->d_logits,
        .point_weight = pass_param(p, w->conv_p2), .n_grads = s->arch.n_policy, .dx = h->d_z,
        .dx_stride = stride, .partial = h->partial_p1, .d_row_bias = h->d_row_bias,
        .d_row_bias_stride = g1};
    struct row_backward_args g = {
        .b = policy.b, .channels = v1 - g1, .n = s->arch.g1, .act = policy.act,
        .x = pass_elements(p, h->z, g1), .x_stride = stride, .norm = pass_norm(p, w->norm_g1),
        .d_pooled = h->d_pooled_g, .top = h->rows.top_g, .dx = pass_elements(p, h->d_z, g1),
        .dx_stride = stride, .partial = h->partial_g1};
    struct row_backward_args v = {
        .b = policy.b, .channels = stride - v1, .n = s->arch.v1, .act = policy.act,
        .x = pass_elements(p, h->z, v1), .x_stride = stride, .norm = pass_norm(p, w->norm_v1),
        .d_pooled = h->d_pooled_v, .point_grad = h->d_ownership,
        .point_weight = pass_param(p, w->ownership), .n_grads = 1, .dx = pass_elements(p, h->d_z, v1),
        .dx_stride = stride, .partial = h->partial_v1};
    struct head_rows_backward_args rows = {
        .rows = p->rows, .shape = pass_head_shape(p), .w = pass_head_weights(p), .fwd = h->rows,
        .d_pass = h->d_pass, .d_value = h->d_value, .d_score = h->d_score, .d_row_bias = h->d_row_bias,
        .d_hidden = h->d_hidden, .d_fc2 = h->d_fc2, .d_pooled_g = h->d_pooled_g,
        .d_pooled_v = h->d_pooled_v};

    launch_row_backward(p->net->precision, &policy, p->stream);
    launch_head_rows_backward(&rows, p->stream);
    launch_row_backward(p->net->precision, &g, p->stream);
    launch_row_backward(p->net->precision, &v, p->stream);
}

static void dense_job(struct dense_grad_jobs *jobs, const float *x, const float *dy, int n_in, int n_out,
                      int dy_stride, float *to)
{
    jobs->job[jobs->n_jobs++] = (struct dense_grad_job){.x = x, .dy = dy, .n_in = n_in, .n_out = n_out,
                                                        .x_stride = n_in, .dy_stride = dy_stride,
                                                        .grad = to};
}

static enum tg_status head_weights(struct pass *p, struct tg_error *err)
{
    const struct nn_arch *a = &p->net->shape.arch;
    const struct shape_heads *w = &p->net->shape.heads;
    const struct head_buffers *h = &p->buf->heads;
    const struct head_rows *r = &h->rows;
    struct dense_grad_jobs policy = {.rows = p->rows}, value = {.rows = p->rows};

    dense_job(&policy, r->pooled_g, h->d_row_bias, 3 * a->g1, a->p1, padded(a->p1), grad(p, w->gpool));
    if (a->pass_hidden) {
        dense_job(&policy, r->pooled_g, h->d_hidden, 3 * a->g1, a->p1, a->p1, grad(p, w->pass1));
        dense_job(&policy, NULL, h->d_hidden, 1, a->p1, a->p1, grad(p, w->pass1_bias));
        dense_job(&policy, r->hidden_act, h->d_pass, a->p1, a->n_policy, a->n_policy, grad(p, w->pass2));
    } else {
        dense_job(&policy, r->pooled_g, h->d_pass, 3 * a->g1, a->n_policy, a->n_policy, grad(p, w->pass));
    }
    dense_job(&value, r->pooled_v, h->d_fc2, 3 * a->v1, a->v2, a->v2, grad(p, w->fc2));
    dense_job(&value, NULL, h->d_fc2, 1, a->v2, a->v2, grad(p, w->fc2_bias));
    dense_job(&value, r->fc2_act, h->d_value, a->v2, NN_N_VALUE, NN_N_VALUE, grad(p, w->fc3));
    dense_job(&value, NULL, h->d_value, 1, NN_N_VALUE, NN_N_VALUE, grad(p, w->fc3_bias));
    dense_job(&value, r->fc2_act, h->d_score, a->v2, a->n_score, a->n_score, grad(p, w->score));
    dense_job(&value, NULL, h->d_score, 1, a->n_score, a->n_score, grad(p, w->score_bias));
    TRY(side_dense(p, &policy, NULL, err));
    return side_dense(p, &value, NULL, err);
}

static enum tg_status head_metrics(struct pass *p, struct tg_error *err)
{
    cudaStream_t stream;

    TRY(side_begin(p, &stream, err));
    launch_metrics(p->rows, p->buf->heads.row_metrics, p->net->sums + p->net->shape.layout.n_params, stream);
    LAUNCHED();
    return side_end(p, NULL, err);
}

/* d := gradient of the stream x behind the last block. */
static enum tg_status heads_backward(struct pass *p, void *x, void *d, struct tg_error *err)
{
    const struct net_shape *s = &p->net->shape;
    const struct shape_heads *w = &s->heads;
    struct head_buffers *h = &p->buf->heads;

    if (p->mode == PASS_RUN) {
        launch_head_losses(p);
        launch_head_parts(p);
        LAUNCHED();
        TRY(head_weights(p, err));
        TRY(head_metrics(p, err));
        int p1 = s->norms[w->norm_p1].channels, v1 = s->norms[w->norm_v1].channels;
        int policy_rows = 2 + s->arch.n_policy;

        reduce_norm(p, h->partial_p1, p->rows, policy_rows, w->norm_p1);
        for (int k = 0; k < s->arch.n_policy; k++)
            reduce_add(p, h->partial_p1 + (2 + k) * p1, p->rows, policy_rows * p1, s->arch.p1,
                       grad(p, w->conv_p2 + (int64_t)k * s->arch.p1));
        reduce_norm(p, h->partial_g1, p->rows, 2, w->norm_g1);
        reduce_norm(p, h->partial_v1, p->rows, 3, w->norm_v1);
        reduce_add(p, h->partial_v1 + 2 * v1, p->rows, 3 * v1, s->arch.v1, grad(p, w->ownership));
    }
    TRY(conv_backward(p, w->conv, h->u, h->d_z, p->buf->d_in, err));
    TRY(norm_backward(p, w->tip, x, p->buf->d_in, d, false, h->partial_tip, err));
    return section_end(p, w->conv, s->norms[w->tip].scale, err);
}

/* Globals reach the stream as a bias of each row. */
static enum tg_status stem_backward(struct pass *p, void *d, struct tg_error *err)
{
    const struct net_shape *s = &p->net->shape;
    struct boards boards = pass_boards(p);
    int channels = padded(s->arch.trunk);
    struct dense_grad_jobs globals = {
        .rows = p->rows, .n_jobs = 1,
        .job = {{.x = p->io->globals, .dy = p->buf->d_row_bias, .n_in = s->arch.n_globals,
                 .n_out = s->arch.trunk, .x_stride = s->arch.n_globals, .dy_stride = channels,
                 .grad = grad(p, s->globals)}}};

    if (p->mode == PASS_RUN) {
        TRY(side_spare(p, p->buf->d_row_bias, err));
        launch_row_sums(p->net->precision, &boards, channels, d, p->buf->d_row_bias, p->stream);
        TRY(side_dense(p, &globals, p->buf->d_row_bias, err));
    }
    TRY(conv_backward(p, s->stem, p->buf->x, d, NULL, err));
    return section_end(p, s->stem, 0, err);
}

enum tg_status pass_backward(struct pass *p, struct tg_error *err)
{
    const struct net_shape *s = &p->net->shape;
    int last = -1;
    void *d = p->buf->d_stream[0], *x;

    for (int at = 0; at < s->arch.n_blocks; at += s->blocks[at].span)
        last = at;
    x = last < 0 ? p->buf->stem : p->buf->blocks[last].out;
    p->reduce.n_jobs = 0;
    p->filter_grads_from = s->n_maps;
    TRY(heads_backward(p, x, d, err));
    TRY(blocks_backward(p, 0, s->arch.n_blocks, p->buf->stem, d, err));
    return stem_backward(p, d, err);
}
