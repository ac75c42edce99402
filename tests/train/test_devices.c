/* test_devices.c - what ranks sum and send in device memory, on emulated devices: from device to device,
 * through host memory, and when a device fails. On 1, 2 and 3 ranks. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tengen/comm.h"
#include "tengen/nn.h"
#include "tengen/rng.h"
#include "tg_test.h"

enum tg_status emulated_backend_find(const char *name, const struct nn_backend **backend,
                                     struct tg_error *err);

enum { SIZE = 5, ROWS = 6, PLANES = 4, GLOBALS = 2, POINTS = SIZE * SIZE };

struct fixture {
    struct comm *comm;
    struct tg_log log;
    char *text; /* what was logged */
    size_t n_text;
    const struct nn_backend *backend;
    struct nn_arch arch;
    size_t n_params;
    struct nn_net *net;
    struct nn_batch batch;
    struct tg_error err;
};

static void describe(struct nn_arch *a, int trunk)
{
    memset(a, 0, sizeof *a);
    snprintf(a->name, sizeof a->name, "test");
    a->n_planes = PLANES, a->n_globals = GLOBALS;
    a->trunk = trunk, a->stem = 3, a->activation = NN_RELU;
    a->p1 = a->g1 = a->v1 = a->v2 = 8;
    a->n_policy = 1, a->n_score = 4;
    a->scales = nn_scales_default;
    a->blocks[a->n_blocks++] = (struct nn_block){.kind = NN_BLOCK_RESIDUAL, .mid = 8};
}

static void random_params(struct fixture *f, uint64_t seed, float *params)
{
    struct tg_rng rng = tg_rng_stream(seed, TG_RNG_TEST, 1, 0);

    for (size_t i = 0; i < f->n_params; i++)
        params[i] = 0.3f * (float)tg_rng_normal(&rng);
}

/* Rows first .. first + n - 1 of the same batch on all ranks. */
static void fill(struct fixture *f, int first, int n)
{
    struct nn_batch *b = &f->batch;

    b->n = n;
    for (int r = 0; r < n; r++) {
        struct tg_rng rng = tg_rng_stream(2, TG_RNG_TEST, 2, (uint64_t)(first + r));

        memset(b->planes + r * PLANES * 4, 0, PLANES * 4);
        memset(b->t.policy + r * (POINTS + 1), 0, (POINTS + 1) * sizeof(float));
        memset(b->t.value + r * 3, 0, 3 * sizeof(float));
        for (int p = 0; p < POINTS; p++)
            for (int c = 0; c < PLANES; c++)
                if (c == 0 || tg_rng_below(&rng, 2))
                    b->planes[(r * PLANES + c) * 4 + p / 8] |= (uint8_t)(0x80 >> p % 8);
        b->globals[r * GLOBALS] = (float)tg_rng_normal(&rng);
        b->t.policy[r * (POINTS + 1) + (int)tg_rng_below(&rng, POINTS)] = 1.0f;
        b->t.value[r * 3 + (int)tg_rng_below(&rng, 2)] = 1.0f;
        b->t.w_policy[r] = b->t.w_value[r] = b->t.row_weight[r] = 1.0f;
    }
}

static void open_on(struct fixture *f, int trunk)
{
    const struct nn_net_options options = {.size = SIZE, .train = true, .extra = "fp32"};
    struct nn_layout layout;

    memset(f, 0, sizeof *f);
    f->log = (struct tg_log){.level = TG_LOG_INFO, .stream = open_memstream(&f->text, &f->n_text)};
    assert_ok(comm_open(MPI_COMM_WORLD, "train", &f->comm, &f->err), &f->err);
    comm_log(f->comm, &f->log);
    describe(&f->arch, trunk);
    assert_ok(nn_layout_open(&f->arch, &layout, &f->err), &f->err);
    f->n_params = layout.n_params;
    nn_layout_close(&layout);
    assert_ok(emulated_backend_find("cuda", &f->backend, &f->err), &f->err);
    assert_ok(f->backend->open(&f->arch, &options, &f->net, &f->err), &f->err);
    assert_ok(f->backend->batch_open(f->net, ROWS, NN_BATCH_TRAIN, &f->batch, &f->err), &f->err);
}

static void close_all(struct fixture *f)
{
    f->backend->batch_close(f->net, &f->batch);
    f->backend->close(f->net);
    comm_close(f->comm);
    fclose(f->log.stream);
    free(f->text);
}

/* Is the line in rank 0's log, once? */
static void assert_said(struct fixture *f, const char *text)
{
    fflush(f->log.stream);
    if (comm_rank(f->comm) != 0 || comm_size(f->comm) == 1)
        return;
    const char *at = strstr(f->text, text);

    if (at == NULL || strstr(at + 1, text) != NULL)
        fail_msg("not once \"%s\": %s", text, f->text);
}

/* The gradient of ROWS rows, one share a rank, twice; against that of all rows here. */
static void check_sums(struct fixture *f)
{
    const struct nn_loss loss = {.policy = 1.0f, .value = 1.0f};
    float *params = malloc(f->n_params * sizeof *params), *sum = malloc(f->n_params * sizeof *sum);
    float *want = malloc(f->n_params * sizeof *want), largest = 0.0f;
    int rank = comm_rank(f->comm), size = comm_size(f->comm);
    int first = rank * ROWS / size, end = (rank + 1) * ROWS / size;

    random_params(f, 1, params);
    assert_ok(f->backend->set(f->net, NN_PARAMS, params, &f->err), &f->err);
    for (int turn = 0; turn < 3; turn++) { /* piece by piece, recorded, played */
        fill(f, first, end - first);
        assert_ok(f->backend->backward(f->net, &f->batch, &loss, ROWS, true, &f->err), &f->err);
        assert_ok(comm_sum_span(f->comm, f->backend->reduce_span(f->net), &f->err), &f->err);
        assert_ok(f->backend->get(f->net, NN_GRADS, sum, &f->err), &f->err);
        fill(f, 0, ROWS);
        assert_ok(f->backend->backward(f->net, &f->batch, &loss, ROWS, true, &f->err), &f->err);
        assert_ok(f->backend->get(f->net, NN_GRADS, want, &f->err), &f->err);
        for (size_t i = 0; i < f->n_params; i++)
            largest = fmaxf(largest, fabsf(want[i]));
        assert_true(largest > 1e-3f);
        for (size_t i = 0; i < f->n_params; i++)
            if (!(fabsf(sum[i] - want[i]) < 1e-5f * largest))
                fail_msg("element %zu of the gradient: %.9g on %d ranks, %.9g on one", i, (double)sum[i], size,
                         (double)want[i]);
    }
    free(params), free(sum), free(want);
}

/* Every rank's parameters become those of the last rank, and inference uses them. */
static void check_broadcast(struct fixture *f)
{
    float *params = malloc(f->n_params * sizeof *params), *want = malloc(f->n_params * sizeof *want);
    float value[3];
    int root = comm_size(f->comm) - 1;

    random_params(f, (uint64_t)(10 + root), want);
    assert_ok(f->backend->set(f->net, NN_PARAMS, want, &f->err), &f->err);
    fill(f, 0, 1);
    assert_ok(f->backend->infer(f->net, &f->batch, &f->err), &f->err);
    assert_ok(f->backend->wait(f->net, &f->batch, &f->err), &f->err);
    memcpy(value, f->batch.value, sizeof value);
    random_params(f, (uint64_t)(10 + comm_rank(f->comm)), params);
    assert_ok(f->backend->set(f->net, NN_PARAMS, params, &f->err), &f->err);
    assert_ok(comm_bcast_span(f->comm, f->backend->span(f->net, NN_PARAMS), root, &f->err), &f->err);
    assert_ok(f->backend->set(f->net, NN_PARAMS, NULL, &f->err), &f->err);
    assert_ok(f->backend->get(f->net, NN_PARAMS, params, &f->err), &f->err);
    assert_memory_equal(params, want, f->n_params * sizeof *want);
    assert_ok(f->backend->infer(f->net, &f->batch, &f->err), &f->err);
    assert_ok(f->backend->wait(f->net, &f->batch, &f->err), &f->err);
    assert_memory_equal(f->batch.value, value, sizeof value);
    free(params), free(want);
}

static void ranks_with_a_device_each_sum_and_send_from_device_to_device(void **state)
{
    struct fixture f;

    (void)state;
    open_on(&f, 16);
    check_sums(&f);
    check_broadcast(&f);
    assert_said(&f, "from device to device");
    close_all(&f);
}

static void ranks_that_share_a_device_go_through_host_memory_and_say_so_once(void **state)
{
    struct fixture f;

    (void)state;
    setenv("TENGEN_EMULATE_SHARED", "1", 1);
    open_on(&f, 16);
    check_broadcast(&f);
    check_sums(&f);
    assert_said(&f, "through host memory, because ranks share a device");
    close_all(&f);
    unsetenv("TENGEN_EMULATE_SHARED");
}

static void spans_that_are_not_alike_are_refused_on_all_ranks(void **state)
{
    struct fixture f;

    (void)state;
    open_on(&f, 16);
    struct tg_span span = f.backend->reduce_span(f.net);

    span.n -= (size_t)comm_rank(f.comm); /* another network */
    if (comm_size(f.comm) > 1)
        assert_fails(comm_sum_span(f.comm, span, &f.err), TG_EINVAL, "cannot be summed", &f.err);
    close_all(&f);
}

static void a_device_that_fails_ends_the_sum_on_all_ranks(void **state)
{
    struct fixture f;

    (void)state;
    open_on(&f, 16);
    assert_ok(comm_span_open(f.comm, f.backend->reduce_span(f.net), &f.err), &f.err);
    setenv("TENGEN_EMULATE_NCCL", "error", 1);
    if (comm_size(f.comm) > 1)
        assert_fails(comm_sum_span(f.comm, f.backend->reduce_span(f.net), &f.err), TG_EDEVICE,
                     "another rank failed", &f.err);
    unsetenv("TENGEN_EMULATE_NCCL");
    close_all(&f);
}

/* With an argument: a group that is never joined, under a watchdog of half a second. */
static int hang(void)
{
    struct fixture f;
    struct comm_watchdog *w;

    setenv("TENGEN_EMULATE_NCCL", "hang", 1);
    open_on(&f, 16);
    f.log.stream = stderr;
    assert_ok(comm_watchdog_start(0.5, &f.log, &w, &f.err), &f.err);
    comm_phase("drill");
    comm_span_open(f.comm, f.backend->reduce_span(f.net), &f.err);
    return 0; /* not reached */
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranks_with_a_device_each_sum_and_send_from_device_to_device),
        cmocka_unit_test(ranks_that_share_a_device_go_through_host_memory_and_say_so_once),
        cmocka_unit_test(spans_that_are_not_alike_are_refused_on_all_ranks),
        cmocka_unit_test(a_device_that_fails_ends_the_sum_on_all_ranks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(int argc, char **argv) { return mpi_test_main(&argc, &argv, argc > 1 ? hang : run); }
