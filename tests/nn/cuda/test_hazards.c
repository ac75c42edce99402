/* test_hazards.c - what a device punishes: too little workspace, settings that change under a pass; and what is
 * said of a cuDNN that cannot fuse. */
#define BACKEND_FIND emulated_backend_find
#include "../backend_fixture.h"

#define NO_FOLDER ":/dev/null/no" /* plans are not kept */
enum { ROWS = 5, TURNS = 3 /* piece by piece; recorded; played */ };

/* A batch for training has more workspace. The emulated plans want all of it, and end the program where it
 * is not there. */
static void passes_of_less_workspace_have_plans_of_their_own(void **state)
{
    struct nn_arch arch = gpool_net(NN_RELU);
    struct nn_batch small;
    struct fixture f;
    float first[NN_N_VALUE];

    (void)state;
    fixture_open(&f, &arch, 5, 1, ROWS, NN_BATCH_TRAIN);
    fill(&f, ROWS, 3);
    assert_ok(f.backend->backward(f.net, &f.batch, &all_losses, ROWS, true, &f.err), &f.err);
    infer(&f);
    assert_ok(f.backend->batch_open(f.net, ROWS, 0, &small, &f.err), &f.err);
    random_row(&f, &small, 0, 3);
    small.n = 1;
    for (int turn = 0; turn < TURNS; turn++) {
        assert_ok(f.backend->infer(f.net, &small, &f.err), &f.err);
        assert_ok(f.backend->wait(f.net, &small, &f.err), &f.err);
        if (turn == 0)
            memcpy(first, small.value, sizeof first);
        assert_memory_equal(first, small.value, sizeof first);
        assert_memory_equal(first, f.batch.value, sizeof first);
    }
    f.backend->batch_close(f.net, &small);
    fixture_close(&f);
}

/* The gradient of batches that are handed in one behind the other; which: a bit for each loss. */
static void gradient_of_losses(struct fixture *f, int which, float *grads)
{
    static const struct nn_loss losses[] = {{.policy = 1.0f}, {.value = 3.0f}};
    bool first = true;

    for (int i = 0; i < 2; i++)
        if (which & 1 << i) {
            assert_ok(f->backend->backward(f->net, &f->batch, &losses[i], ROWS, first, &f->err), &f->err);
            first = false;
        }
    assert_ok(f->backend->get(f->net, NN_GRADS, grads, &f->err), &f->err);
}

static void a_pass_under_way_keeps_its_settings(void **state)
{
    struct nn_arch arch = gpool_net(NN_MISH);
    struct fixture f;
    float *grads[4];

    (void)state;
    fixture_open(&f, &arch, 5, 1, ROWS, NN_BATCH_TRAIN);
    fill(&f, ROWS, 3);
    for (int which = 1; which < 4; which++) {
        grads[which] = malloc(f.layout.n_params * sizeof(float));
        gradient_of_losses(&f, which, grads[which]);
    }
    for (size_t i = 0; i < f.layout.n_params; i++)
        assert_true(fabsf(grads[3][i] - grads[1][i] - grads[2][i]) < 1e-5f);
    for (int which = 1; which < 4; which++)
        free(grads[which]);
    fixture_close(&f);
}

/* Outputs of a network of its own. */
static void values_of(struct tg_log *log, const char *option, float *values)
{
    struct nn_arch arch = gpool_net(NN_RELU);
    struct fixture f;

    backend_log = log;
    backend_option = option;
    fixture_open(&f, &arch, 5, 1, ROWS, NN_BATCH_OWNERSHIP);
    fill(&f, ROWS, 3);
    infer(&f);
    memcpy(values, f.batch.value, ROWS * NN_N_VALUE * sizeof *values);
    fixture_close(&f);
    backend_log = NULL;
    backend_option = "fp32" NO_FOLDER;
}

static void a_cudnn_that_fuses_nothing_is_slower_and_says_why_once(void **state)
{
    const char *what = "cuDNN has no fused plan for fwd ", *why = "no compiler";
    float fused[ROWS * NN_N_VALUE], pieces[ROWS * NN_N_VALUE];
    struct tg_log log = {.level = TG_LOG_WARN};
    char *text;
    size_t n;

    (void)state;
    log.stream = open_memstream(&text, &n);
    values_of(&log, "bf16" NO_FOLDER, fused);
    setenv("TENGEN_EMULATE_NO_COMPILER", "1", 1);
    values_of(&log, "bf16-plain" NO_FOLDER, pieces); /* what is not asked for is not missed */
    fflush(log.stream);
    assert_int_equal(n, 0);
    for (int net = 0; net < 2; net++)
        values_of(&log, "bf16" NO_FOLDER, pieces);
    unsetenv("TENGEN_EMULATE_NO_COMPILER");
    for (int i = 0; i < ROWS * NN_N_VALUE; i++)
        assert_true(fabsf(fused[i] - pieces[i]) < 0.1f);
    fclose(log.stream);
    const char *at = strstr(text, what);

    if (at == NULL || strstr(at, why) == NULL || strstr(at + 1, what) != NULL)
        fail_msg("not once with its reason: %s", text);
    free(text);
}

void emulated_forget_compiled(void);
int emulated_compiled(int64_t kernel);
int emulated_compiled_again(void);

/* On all cores, before the first pass: both kernels for every 3x3 convolution that is fused, where one at a time only
 * the first would have both; and nothing that the pass then compiles once more. */
static void what_a_pass_chooses_from_is_compiled_before_it_once(void **state)
{
    struct nn_arch arch = residual_net(NN_MISH);
    struct fixture f;

    (void)state;
    backend_option = "bf16" NO_FOLDER;
    emulated_forget_compiled();
    fixture_open(&f, &arch, 5, 1, ROWS, NN_BATCH_TRAIN);
    fill(&f, ROWS, 3);
    assert_ok(f.backend->backward(f.net, &f.batch, &all_losses, ROWS, true, &f.err), &f.err);
    assert_true(emulated_compiled(2) > 1);
    assert_int_equal(emulated_compiled(10), emulated_compiled(2));
    assert_true(emulated_compiled(-1) > 0 && emulated_compiled(-1) < emulated_compiled(2));
    assert_int_equal(emulated_compiled_again(), 0);
    fixture_close(&f);
    emulated_forget_compiled();
    backend_option = "bf16-plain" NO_FOLDER;
    fixture_open(&f, &arch, 5, 1, ROWS, NN_BATCH_TRAIN);
    fill(&f, ROWS, 3);
    assert_ok(f.backend->backward(f.net, &f.batch, &all_losses, ROWS, true, &f.err), &f.err);
    assert_int_equal(emulated_compiled(2) + emulated_compiled(10) + emulated_compiled(-1), 0);
    fixture_close(&f);
    backend_option = "fp32" NO_FOLDER;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(passes_of_less_workspace_have_plans_of_their_own),
        cmocka_unit_test(a_pass_under_way_keeps_its_settings),
        cmocka_unit_test(what_a_pass_chooses_from_is_compiled_before_it_once),
        cmocka_unit_test(a_cudnn_that_fuses_nothing_is_slower_and_says_why_once),
    };

    backend_name = "cuda";
    backend_option = "fp32" NO_FOLDER;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
