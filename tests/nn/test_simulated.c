/* test_simulated.c - the device that takes time and computes nothing. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "tengen/nn.h"
#include "tg_test.h"

struct fixture {
    const struct nn_backend *backend;
    struct nn_arch arch;
    struct tg_error err;
    const char *dir;
    char table[200];
};

static int setup(void **state)
{
    static struct fixture f;

    memset(&f, 0, sizeof f);
    assert_ok(nn_backend_find("simulated", &f.backend, &f.err), &f.err);
    assert_ok(nn_arch_preset("b2c16", 22, 19, &f.arch, &f.err), &f.err);
    f.dir = tg_test_mkdir();
    snprintf(f.table, sizeof f.table, "%s/latency", f.dir);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    tg_test_rmdir(f->dir);
    return 0;
}

static void write_table(const struct fixture *f, const char *head, const char *table)
{
    FILE *file = fopen(f->table, "w");

    assert_non_null(file);
    fputs(head, file);
    fputs(table, file);
    fclose(file);
}

static const char head[] = "device a test's # comment\nsource assumed: made up\nnet b2c16\nsize 9\n";

static enum tg_status open_with(struct fixture *f, const char *table, struct nn_net **net)
{
    struct nn_net_options options = {.size = 9, .train = true, .extra = f->table};

    write_table(f, head, table);
    return f->backend->open(&f->arch, &options, net, &f->err);
}

static double now_sec(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void a_batch_is_ready_when_its_time_has_come(void **state)
{
    struct fixture *f = *state;
    struct nn_net *net;
    struct nn_batch b;
    double start;

    assert_ok(open_with(f, "infer 1 20000\ninfer 101 120000\n", &net), &f->err);
    assert_ok(f->backend->batch_open(net, 16, 0, &b, &f->err), &f->err);
    b.n = 11;
    b.policy[3] = b.value[0] = 5.0f;
    start = now_sec();
    assert_ok(f->backend->infer(net, &b, &f->err), &f->err);
    if (now_sec() - start < 0.025)
        assert_false(f->backend->ready(net, &b));
    assert_ok(f->backend->wait(net, &b, &f->err), &f->err);
    assert_true(now_sec() - start >= 0.03); /* between the table's lines */
    assert_true(f->backend->ready(net, &b));
    assert_true(b.policy[3] == 0.0f && b.value[0] == b.value[1]);
    f->backend->batch_close(net, &b);
    f->backend->close(net);
}

static void batches_queue_as_on_one_device(void **state)
{
    struct fixture *f = *state;
    struct nn_net *net;
    struct nn_batch b[2];
    double start;

    assert_ok(open_with(f, "infer 1 15000\n", &net), &f->err);
    for (int i = 0; i < 2; i++) {
        assert_ok(f->backend->batch_open(net, 1, 0, &b[i], &f->err), &f->err);
        b[i].n = 1;
    }
    start = now_sec();
    for (int i = 0; i < 2; i++)
        assert_ok(f->backend->infer(net, &b[i], &f->err), &f->err);
    assert_ok(f->backend->wait(net, &b[1], &f->err), &f->err);
    assert_true(now_sec() - start >= 0.03);
    assert_true(f->backend->ready(net, &b[0]));
    for (int i = 0; i < 2; i++)
        f->backend->batch_close(net, &b[i]);
    f->backend->close(net);
}

static void training_leaves_parameters_and_counts_rows(void **state)
{
    struct fixture *f = *state;
    const struct nn_loss loss = {.policy = 1.0f};
    const struct nn_update u = {.learning_rate = 1.0f, .ema = 0.5f, .step = 1};
    struct nn_update_result result;
    struct nn_layout layout;
    struct nn_net *net;
    struct nn_batch b;

    assert_ok(open_with(f, "infer 1 10\n", &net), &f->err);
    assert_ok(nn_layout_open(&f->arch, &layout, &f->err), &f->err);
    float *params = test_malloc(layout.n_params * sizeof *params);
    float *after = test_malloc(layout.n_params * sizeof *after);

    nn_params_init(&f->arch, &layout, 1, params);
    assert_ok(f->backend->set(net, NN_PARAMS, params, &f->err), &f->err);
    assert_ok(f->backend->batch_open(net, 4, NN_BATCH_TRAIN, &b, &f->err), &f->err);
    b.n = 3;
    assert_ok(f->backend->backward(net, &b, &loss, 7, true, &f->err), &f->err);
    b.n = 4;
    assert_ok(f->backend->backward(net, &b, &loss, 7, false, &f->err), &f->err);
    assert_int_equal(f->backend->reduce_span(net).dtype, TG_I64);
    assert_ok(f->backend->update(net, &u, &result, &f->err), &f->err);
    assert_false(result.skipped);
    assert_true(result.metrics[NN_METRIC_ROWS] == 7.0);
    assert_ok(f->backend->get(net, NN_PARAMS, after, &f->err), &f->err);
    assert_memory_equal(params, after, layout.n_params * sizeof *params);
    assert_ok(f->backend->get(net, NN_EMA, after, &f->err), &f->err);
    assert_true(after[0] == 0.5f * params[0]);
    test_free(params);
    test_free(after);
    nn_layout_close(&layout);
    f->backend->batch_close(net, &b);
    f->backend->close(net);
}

static void a_step_takes_its_own_times(void **state)
{
    struct fixture *f = *state;
    const struct nn_loss loss = {.policy = 1.0f};
    const struct nn_update u = {.ema = 0.5f, .step = 1};
    struct nn_update_result result;
    struct nn_net *net;
    struct nn_batch b;

    assert_ok(open_with(f, "infer 1 1\ntrain 4 20000\nupdate 30000\n", &net), &f->err);
    assert_ok(f->backend->batch_open(net, 4, NN_BATCH_TRAIN, &b, &f->err), &f->err);
    b.n = 4;
    double start = now_sec();
    assert_ok(f->backend->backward(net, &b, &loss, 4, true, &f->err), &f->err);
    assert_true(now_sec() - start >= 0.02);
    assert_ok(f->backend->update(net, &u, &result, &f->err), &f->err);
    assert_true(now_sec() - start >= 0.05);
    f->backend->batch_close(net, &b);
    f->backend->close(net);
}

static void assert_usec(double sec, double usec) { assert_true(sec > 1e-6 * usec - 1e-12 && sec < 1e-6 * usec + 1e-12); }

static void a_table_says_what_it_is_of(void **state)
{
    struct fixture *f = *state;
    struct nn_device d;
    char option[260];

    write_table(f, head, "unit thread\ninfer 1 100\ninfer 11 1100\nupdate 7\nhost 5 # us\n");
    assert_ok(nn_device_load(f->table, &d, &f->err), &f->err);
    assert_string_equal(d.device, "a test's");
    assert_string_equal(d.net, "b2c16");
    assert_int_equal(d.size, 9);
    assert_true(d.per_thread && !d.measured);
    assert_usec(nn_latency_sec(&d.infer, 0.5), 100);
    assert_usec(nn_latency_sec(&d.infer, 6), 600);
    assert_usec(nn_latency_sec(&d.infer, 22), 2200);
    assert_usec(nn_latency_sec(&d.train, 6), 1800); /* no line: 3 times */
    assert_usec(d.update_sec, 7);
    assert_usec(d.host_sec, 5);

    snprintf(option, sizeof option, "%s,slow=40", f->table);
    assert_ok(nn_device_load(option, &d, &f->err), &f->err);
    assert_usec(nn_latency_sec(&d.infer, 6), 40 * 600);
    assert_usec(d.update_sec, 40 * 7);
    assert_usec(d.host_sec, 5); /* not the device's */
}

static void a_bad_table_is_refused_by_line(void **state)
{
    struct fixture *f = *state;
    struct nn_net *net;
    struct nn_net_options none = {.size = 9, .extra = "/no/such/table"};
    struct nn_device d;
    char option[260];

    assert_fails(open_with(f, "infer 1 10\ninfer 64 twenty\n", &net), TG_EFORMAT, ":6:", &f->err);
    assert_fails(open_with(f, "infer 64 10\ninfer 1 20\n", &net), TG_EFORMAT, ":6:", &f->err);
    assert_fails(open_with(f, "infer 1 -5\n", &net), TG_EFORMAT, ":5:", &f->err);
    assert_fails(open_with(f, "infer 1 5 6\n", &net), TG_EFORMAT, ":5:", &f->err);
    assert_fails(open_with(f, "unit host\n", &net), TG_EFORMAT, "rank or thread", &f->err);
    assert_fails(open_with(f, "size 99\n", &net), TG_EFORMAT, "size 99", &f->err);
    assert_fails(open_with(f, "update soon\n", &net), TG_EFORMAT, "update", &f->err);
    assert_fails(open_with(f, "watts 700\n", &net), TG_EFORMAT, "unknown key \"watts\"", &f->err);
    assert_fails(open_with(f, "# nothing\n", &net), TG_EFORMAT, "empty", &f->err);
    assert_fails(f->backend->open(&f->arch, &none, &net, &f->err), TG_EIO, "/no/such/table", &f->err);
    assert_null(net);
    write_table(f, "device x\nnet b2c16\nsize 9\n", "infer 1 5\n");
    assert_fails(nn_device_load(f->table, &d, &f->err), TG_EFORMAT, "measured", &f->err);
    write_table(f, "source measured so\n", "infer 1 5\n");
    assert_fails(nn_device_load(f->table, &d, &f->err), TG_EFORMAT, "does not say", &f->err);
    snprintf(option, sizeof option, "%s,slow=much", f->table);
    assert_fails(nn_device_load(option, &d, &f->err), TG_EINVAL, "factor", &f->err);
}

static void an_unknown_backend_is_refused_with_the_names(void **state)
{
    struct fixture *f = *state;
    const struct nn_backend *backend;

    assert_fails(nn_backend_find("tpu", &backend, &f->err), TG_EINVAL, "cpu", &f->err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_batch_is_ready_when_its_time_has_come),
        cmocka_unit_test(batches_queue_as_on_one_device),
        cmocka_unit_test(training_leaves_parameters_and_counts_rows),
        cmocka_unit_test(a_step_takes_its_own_times),
        cmocka_unit_test(a_table_says_what_it_is_of),
        cmocka_unit_test(a_bad_table_is_refused_by_line),
        cmocka_unit_test(an_unknown_backend_is_refused_with_the_names),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
