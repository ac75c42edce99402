/* play.c - passes recorded as CUDA graphs. Copies, kernels and cuDNN's calls go through one stream, so
 * a record is a chain; its addresses stay what they are as long as the batch is open. */
#include "cuda_call.h"
#include "net.h"

static pthread_mutex_t setup = PTHREAD_MUTEX_INITIALIZER; /* captures are the process's, not a net's */
static bool told; /* under setup: one word for all networks */

void gpu_setup_lock(void) { pthread_mutex_lock(&setup); }
void gpu_setup_unlock(void) { pthread_mutex_unlock(&setup); }

static enum tg_status capture_begin(struct player *p, struct tg_error *err)
{
    CUDA(cudaStreamBeginCapture(p->stream, cudaStreamCaptureModeThreadLocal));
    return TG_OK;
}

/* Ends the capture in any case. */
static enum tg_status capture_end(struct player *p, struct tg_error *err)
{
    cudaGraph_t graph = NULL;
    cudaGraphExec_t exec = NULL;

    CUDA(cudaStreamEndCapture(p->stream, &graph));
    cudaError_t made = cudaGraphInstantiate(&exec, graph, cudaGraphInstantiateFlagUseNodePriority); /* two streams' */

    cudaGraphDestroy(graph);
    CUDA(made);
    p->r->exec[p->r->n++] = exec;
    return TG_OK;
}

static enum tg_status segment_end(struct player *p, struct tg_error *err)
{
    if (p->ends != NULL)
        CUDA(cudaEventRecord(p->ends[p->segment], p->stream));
    p->segment++;
    return TG_OK;
}

enum tg_status player_cut(struct player *p, struct tg_error *err)
{
    if (!p->recording)
        return segment_end(p, err);
    if (p->r->n + 1 >= MAX_SEGMENTS)
        return FAIL(err, TG_EDEVICE, "a pass of more than %d segments", (int)MAX_SEGMENTS);
    TRY(capture_end(p, err));
    return capture_begin(p, err);
}

static enum tg_status record(struct player *p,
                             enum tg_status (*body)(struct player *p, void *ctx, bool first,
                                                    struct tg_error *err),
                             void *ctx, struct tg_error *err)
{
    TRY(capture_begin(p, err));
    enum tg_status rc = body(p, ctx, false, err);

    if (rc != TG_OK) {
        cudaGraph_t graph = NULL;

        cudaStreamEndCapture(p->stream, &graph);
        if (graph != NULL)
            cudaGraphDestroy(graph);
        return rc;
    }
    return capture_end(p, err);
}

/* Slower, and right. */
static void do_without_graphs(struct nn_net *net, const char *why)
{
    cudaGetLastError();
    net->no_graphs = true;
    if (net->log == NULL || told)
        return;
    told = true;
    tg_log(net->log, TG_LOG_WARN, "passes through the network are not recorded as CUDA graphs, which is slower: %s",
           why);
}

static enum tg_status play(struct player *p, struct tg_error *err)
{
    for (int i = 0; i < p->r->n; i++) {
        CUDA(cudaGraphLaunch(p->r->exec[i], p->stream));
        TRY(segment_end(p, err));
    }
    return TG_OK;
}

enum tg_status player_play(struct player *p,
                           enum tg_status (*body)(struct player *p, void *ctx, bool first,
                                                  struct tg_error *err),
                           void *ctx, struct tg_error *err)
{
    struct tg_error why;

    p->segment = 0;
    p->recording = false;
    if (p->r->ready)
        return play(p, err);
    if (p->r->warm && !p->net->no_graphs) {
        p->recording = true;
        enum tg_status rc = record(p, body, ctx, &why);

        p->recording = false;
        if (rc == TG_OK) {
            p->r->ready = true;
            return play(p, err);
        }
        recorded_close(p->r);
        do_without_graphs(p->net, why.text);
    }
    TRY(body(p, ctx, !p->r->warm, err));
    p->r->warm = true;
    return segment_end(p, err);
}

void recorded_close(struct recorded *r)
{
    while (r->n > 0)
        cudaGraphExecDestroy(r->exec[--r->n]);
    r->ready = false;
}
