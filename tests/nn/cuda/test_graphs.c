/* test_graphs.c - a device that cannot record: the same results, and one warning that names the reason. Where
 * it can, plans are chosen by what they take in a record. */
#define BACKEND_FIND emulated_backend_find
#include "../backend_fixture.h"

#include "cache.h"

enum { ROWS = 5, TURNS = 3 /* piece by piece; recorded where that works; played */ };

struct result {
    float value[ROWS * NN_N_VALUE];
    double norm; /* of the gradient */
};

/* What a network of its own comes to in the third turn. */
static struct result result_of(struct tg_log *log)
{
    const struct nn_update freeze = {.kind = NN_SGD};
    struct nn_arch arch = gpool_net(NN_RELU);
    struct nn_update_result update;
    struct result r;
    struct fixture f;

    backend_log = log;
    fixture_open(&f, &arch, 5, 1, ROWS, NN_BATCH_TRAIN);
    fill(&f, ROWS, 3);
    for (int turn = 0; turn < TURNS; turn++) {
        infer(&f);
        assert_ok(f.backend->backward(f.net, &f.batch, &all_losses, ROWS, true, &f.err), &f.err);
        assert_ok(f.backend->update(f.net, &freeze, &update, &f.err), &f.err);
    }
    memcpy(r.value, f.batch.value, sizeof r.value);
    r.norm = update.grad_norm;
    fixture_close(&f);
    return r;
}

static void a_device_without_graphs_is_slower_and_says_why_once(void **state)
{
    const char *what = "not recorded as CUDA graphs", *why = "CUDA: an error (cudaStreamBeginCapture";
    struct tg_log log = {.level = TG_LOG_WARN};
    struct result played, pieces;
    char *text;
    size_t n;

    (void)state;
    log.stream = open_memstream(&text, &n);
    played = result_of(&log);
    fflush(log.stream);
    assert_int_equal(n, 0);
    setenv("TENGEN_EMULATE_NO_GRAPHS", "1", 1);
    result_of(NULL); /* nobody to tell */
    for (int net = 0; net < 2; net++)
        pieces = result_of(&log);
    unsetenv("TENGEN_EMULATE_NO_GRAPHS");
    assert_memory_equal(played.value, pieces.value, sizeof played.value);
    assert_true(played.norm > 0.0 && played.norm == pieces.norm);
    fclose(log.stream);
    const char *at = strstr(text, what);

    if (at == NULL || strstr(at, why) == NULL || strstr(at + 1, what) != NULL)
        fail_msg("not once with its reason: %s", text);
    free(text);
}

/* How many of the chosen plans are fused, of a network whose convolutions are chosen anew. */
static int n_fused(void)
{
    const char *dir = tg_test_mkdir();
    char option[256];
    struct plan_cache c;
    int n = 0;

    snprintf(option, sizeof option, "bf16:%s", dir);
    backend_option = option;
    result_of(NULL);
    backend_option = "fp32";
    plan_cache_open(dir, "emulated", 90, 0, &c);
    assert_true(c.n > 0);
    for (int i = 0; i < c.n; i++)
        n += c.entries[i].fused;
    plan_cache_close(&c);
    tg_test_rmdir(dir);
    return n;
}

/* The emulator's fused kernels are the fastest once they are recorded, and slow to call. */
static void plans_are_chosen_by_what_they_take_in_a_record(void **state)
{
    (void)state;
    assert_true(n_fused() > 0);
    setenv("TENGEN_EMULATE_NO_GRAPHS", "1", 1);
    assert_int_equal(n_fused(), 0);
    unsetenv("TENGEN_EMULATE_NO_GRAPHS");
}

/* The gradient of a backend, by its third backward pass: CUDA's is then played. */
static float *gradient_by(const struct nn_backend *backend, const struct fixture *f)
{
    const struct nn_net_options options = {.size = f->size, .threads = 1, .train = true, .extra = backend_option};
    float *grads = malloc(f->layout.n_params * sizeof *grads);
    struct nn_batch own, b;
    struct nn_net *net;
    struct tg_error err;

    assert_ok(backend->open(&f->arch, &options, &net, &err), &err);
    assert_ok(backend->set(net, NN_PARAMS, f->params, &err), &err);
    assert_ok(backend->batch_open(net, f->batch.capacity, NN_BATCH_TRAIN, &own, &err), &err);
    b = f->batch;
    b.device = own.device;
    for (int turn = 0; turn < TURNS; turn++)
        assert_ok(backend->backward(net, &b, &all_losses, b.n, true, &err), &err);
    assert_ok(backend->get(net, NN_GRADS, grads, &err), &err);
    backend->batch_close(net, &own);
    backend->close(net);
    return grads;
}

static void check_played_gradient(const struct nn_arch *arch, int size, int rows)
{
    const struct nn_backend *cpu;
    struct nearness near = {0};
    struct fixture f;

    fixture_open(&f, arch, size, 1, rows, NN_BATCH_TRAIN);
    fill(&f, rows, 3);
    assert_ok(nn_backend_find("cpu", &cpu, &f.err), &f.err);
    float *got = gradient_by(f.backend, &f), *want = gradient_by(cpu, &f);

    for (size_t i = 0; i < f.layout.n_params; i++)
        compare(&near, (double)got[i], (double)want[i]);
    assert_true(near.want2 > 0.0 && near.error2 < 1e-8 * near.want2 && near.worst < 1e-4);
    free(got);
    free(want);
    fixture_close(&f);
}

/* Gradients are complete in pieces of at least four million parameters: here each block is one. */
static void gradients_that_come_in_pieces_are_those_of_the_cpu(void **state)
{
    struct nn_arch arch;

    (void)state;
    base_arch(&arch, NN_SILU);
    arch.trunk = 500;
    add_block(&arch, NN_BLOCK_RESIDUAL, 500, 0, 0);
    add_block(&arch, NN_BLOCK_GPOOL, 490, 12, 0);
    check_played_gradient(&arch, 2, 1);
}

/* Gradients of filters and matrices are recorded beside the pass; the emulator comes to them as late as it may. */
static void gradients_read_what_is_not_yet_written_over(void **state)
{
    struct nn_arch arch = nested_net(NN_MISH);

    (void)state;
    check_played_gradient(&arch, 5, ROWS);
    arch = gpool_net(NN_MISH);
    add_block(&arch, NN_BLOCK_GPOOL, 10, 5, 0);
    check_played_gradient(&arch, 5, ROWS);
    arch = residual_net(NN_RELU);
    check_played_gradient(&arch, 5, ROWS);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_device_without_graphs_is_slower_and_says_why_once),
        cmocka_unit_test(gradients_read_what_is_not_yet_written_over),
        cmocka_unit_test(gradients_that_come_in_pieces_are_those_of_the_cpu),
        cmocka_unit_test(plans_are_chosen_by_what_they_take_in_a_record),
    };

    (void)argc, (void)argv;
    backend_name = "cuda";
    backend_option = "fp32";
    return cmocka_run_group_tests(tests, NULL, NULL);
}
