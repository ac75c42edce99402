/* test_comm.c - src/comm, on 1, 2 and 3 ranks. */
#include "tg_test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "comm_private.h"
#include "tengen/comm.h"
#include "tengen/device.h"

static int open_world(void **state)
{
    static struct comm *c;

    if (comm_open(MPI_COMM_WORLD, "world", &c, NULL) != TG_OK)
        return -1;
    *state = c;
    return 0;
}

static int close_world(void **state)
{
    comm_close(*state);
    return 0;
}

static void a_broadcast_brings_the_roots_bytes(void **state)
{
    struct comm *c = *state;

    for (int root = 0; root < comm_size(c); root++) {
        int value = 100 + comm_rank(c);

        comm_bcast(c, &value, sizeof value, root);
        assert_int_equal(value, 100 + root);
    }
}

static void a_prefix_sum_counts_the_lower_ranks(void **state)
{
    struct comm *c = *state;
    int64_t before = -1, total = -1, size = comm_size(c), rank = comm_rank(c);

    comm_exscan_i64(c, rank + 1, &before, &total);
    assert_int_equal(before, rank * (rank + 1) / 2);
    assert_int_equal(total, size * (size + 1) / 2);
}

static void sums_and_maxima_cover_all_ranks(void **state)
{
    struct comm *c = *state;
    int64_t counts[2] = {1, comm_rank(c)};
    double most[2] = {comm_rank(c), -comm_rank(c)};

    comm_sum_i64(c, counts, 2);
    comm_max_f64(c, most, 2);
    assert_int_equal(counts[0], comm_size(c));
    assert_int_equal(counts[1], comm_size(c) * (comm_size(c) - 1) / 2);
    assert_true(most[0] == comm_size(c) - 1 && most[1] == 0.0);
}

static void doubles_are_added_in_rank_order(void **state)
{
    struct comm *c = *state;
    double values[100], expected[100];

    for (int i = 0; i < 100; i++) {
        /* 1 + 1e-16 + 1e-16 depends on the order; rank 0's is the large one. */
        values[i] = comm_rank(c) == 0 ? 1.0 + i : 1e-16 * (1 + i);
        expected[i] = 1.0 + i;
        for (int r = 1; r < comm_size(c); r++)
            expected[i] += 1e-16 * (1 + i);
    }
    comm_sum_f64(c, values, 100);
    assert_memory_equal(values, expected, sizeof values);
}

static void an_all_gather_keeps_rank_order(void **state)
{
    struct comm *c = *state;
    int mine[3] = {comm_rank(c), 7, -comm_rank(c)}, all[3 * 16] = {0};

    comm_allgather(c, mine, all, sizeof mine);
    for (int r = 0; r < comm_size(c); r++) {
        assert_int_equal(all[3 * r], r);
        assert_int_equal(all[3 * r + 1], 7);
        assert_int_equal(all[3 * r + 2], -r);
    }
}

static void ranks_gather_different_amounts(void **state)
{
    struct comm *c = *state;
    struct tg_error err = {0};
    size_t starts[17], n = 5 * (size_t)comm_rank(c); /* rank 0: nothing */
    char mine[80], *all = NULL;

    memset(mine, 'a' + comm_rank(c), sizeof mine);
    assert_ok(comm_allgatherv(c, mine, n, (void **)&all, starts, &err), &err);
    for (int r = 0; r < comm_size(c); r++) {
        assert_int_equal(starts[r + 1] - starts[r], 5 * (size_t)r);
        for (size_t i = starts[r]; i < starts[r + 1]; i++)
            assert_int_equal(all[i], 'a' + r);
    }
    free(all);
}

static void personal_messages_arrive_in_rank_order(void **state)
{
    struct comm *c = *state;
    struct tg_error err = {0};
    size_t out_starts[17] = {0}, in_starts[17], size = (size_t)comm_size(c), n = 0;
    char out[256], *in = NULL;

    for (size_t r = 0; r < size; r++) { /* to rank r: r + own rank letters */
        for (size_t i = 0; i < r + (size_t)comm_rank(c); i++)
            out[n++] = (char)('a' + 4 * comm_rank(c) + (int)r);
        out_starts[r + 1] = n;
    }
    for (size_t most = 1; most < 16; most += 3) { /* by pieces of 1, 4, 7, 10 bytes, and at once */
        if (most < 13)
            assert_ok(comm_alltoallv_most(c, out, out_starts, (void **)&in, in_starts, most, &err), &err);
        else
            assert_ok(comm_alltoallv(c, out, out_starts, (void **)&in, in_starts, &err), &err);
        for (size_t r = 0; r < size; r++) {
            assert_int_equal(in_starts[r + 1] - in_starts[r], r + (size_t)comm_rank(c));
            for (size_t i = in_starts[r]; i < in_starts[r + 1]; i++)
                assert_int_equal(in[i], 'a' + 4 * (int)r + comm_rank(c));
        }
        free(in);
    }
}

static void a_span_longer_than_a_piece_is_summed_whole(void **state)
{
    struct comm *c = *state;
    struct tg_error err = {0};
    size_t n = ((size_t)1 << 20) + 12345; /* floats: 4 MiB and some */
    float *x = malloc(n * sizeof *x);
    int64_t big[2] = {INT64_C(1) << 40, comm_rank(c)};

    assert_non_null(x);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)(i % 1000) + (float)comm_rank(c);
    assert_ok(comm_sum_span(c, (struct tg_span){.ptr = x, .n = n, .dtype = TG_F32}, &err), &err);
    for (size_t i = 0; i < n; i += 7)
        assert_true(x[i] == (float)(i % 1000) * (float)comm_size(c)
                              + (float)(comm_size(c) * (comm_size(c) - 1) / 2));
    free(x);
    assert_ok(comm_sum_span(c, (struct tg_span){.ptr = big, .n = 2, .dtype = TG_I64}, &err), &err);
    assert_true(big[0] == (INT64_C(1) << 40) * comm_size(c));
}

static void a_span_of_halves_is_refused(void **state)
{
    struct comm *c = *state;
    struct tg_error err = {0};
    uint16_t half = 0;

    assert_fails(comm_sum_span(c, (struct tg_span){.ptr = &half, .n = 1, .dtype = TG_F16}, &err),
                 TG_EINVAL, "32-bit floats", &err);
}

/* A device that all ranks share, whose memory is the host's; it fails at the copy number fail_at. */
static int n_copies, fail_at;

static enum tg_status fake_identify(const struct tg_span *span, unsigned char uuid[TG_DEVICE_UUID],
                                    struct tg_error *err)
{
    (void)span, (void)err;
    memset(uuid, 7, TG_DEVICE_UUID);
    return TG_OK;
}

static enum tg_status fake_to_host(const struct tg_span *span, size_t at, size_t n, void *host,
                                   struct tg_error *err)
{
    if (++n_copies == fail_at)
        return FAIL(err, TG_EDEVICE, "copy %d fell off the bus", n_copies);
    memcpy(host, (float *)span->ptr + at, n * sizeof(float));
    return TG_OK;
}

static enum tg_status fake_from_host(const struct tg_span *span, size_t at, size_t n, const void *host,
                                     struct tg_error *err)
{
    (void)err;
    memcpy((float *)span->ptr + at, host, n * sizeof(float));
    return TG_OK;
}

static const struct tg_device fake_device = {.name = "fake", .identify = fake_identify,
                                             .to_host = fake_to_host, .from_host = fake_from_host};

static void ranks_that_share_a_device_sum_and_send_through_host_memory(void **state)
{
    struct comm *c = *state;
    struct tg_error err = {0};
    size_t n = ((size_t)9 << 20) / sizeof(float); /* three pieces */
    float *data = malloc(n * sizeof *data);
    struct tg_span span = {.ptr = data, .n = n, .dtype = TG_F32, .mem = TG_DEVICE, .device = &fake_device};
    int rank = comm_rank(c), size = comm_size(c);

    for (size_t i = 0; i < n; i++)
        data[i] = (float)(i % 1000) + (float)rank;
    n_copies = fail_at = 0;
    assert_ok(comm_sum_span(c, span, &err), &err);
    for (size_t i = 0; i < n; i++)
        assert_true(data[i] == (float)(i % 1000) * (float)size + (float)(size * (size - 1) / 2));
    assert_int_equal(n_copies, size > 1 ? 3 : 0);
    for (size_t i = 0; i < n; i++)
        data[i] = (float)(i % 10) + (float)rank;
    assert_ok(comm_bcast_span(c, span, size - 1, &err), &err);
    for (size_t i = 0; i < n; i++)
        assert_true(data[i] == (float)(i % 10) + (float)(size - 1));
    free(data);
}

static void a_device_that_fails_on_one_rank_fails_the_sum_on_all(void **state)
{
    struct comm *c = *state;
    struct tg_error err = {0};
    size_t n = ((size_t)9 << 20) / sizeof(float);
    float *data = calloc(n, sizeof *data);
    struct tg_span span = {.ptr = data, .n = n, .dtype = TG_F32, .mem = TG_DEVICE, .device = &fake_device};

    n_copies = 0;
    fail_at = comm_rank(c) == comm_size(c) - 1 ? 2 : 0;
    if (comm_size(c) > 1)
        assert_fails(comm_sum_span(c, span, &err), TG_EDEVICE, "copy 2 fell off the bus", &err);
    free(data);
}

static void spans_in_different_memory_are_refused_on_all_ranks(void **state)
{
    struct comm *c = *state;
    struct tg_error err = {0};
    float data[3] = {0};
    struct tg_span span = {.ptr = data, .n = 3, .dtype = TG_F32, .mem = comm_rank(c) == 0 ? TG_HOST : TG_DEVICE,
                           .device = &fake_device};

    if (comm_size(c) > 1)
        assert_fails(comm_span_open(c, span, &err), TG_EINVAL, "host and device memory", &err);
    span.mem = TG_HOST;
    assert_ok(comm_span_open(c, span, &err), &err);
}

static void agreement_carries_the_failing_ranks_text(void **state)
{
    struct comm *c = *state;
    int last = comm_size(c) - 1;
    struct tg_error err = {0};
    enum tg_status rc = TG_OK;
    char number[32];

    if (comm_rank(c) == last)
        rc = FAIL(&err, TG_EIO, "disk of %d is full", last);
    assert_fails(comm_agree(c, rc, &err), TG_EIO, "is full", &err);
    snprintf(number, sizeof number, "rank %d: ", last);
    assert_true(last == 0 || strncmp(err.text, number, strlen(number)) == 0);
    assert_int_equal(err.code, TG_EIO);
}

static void agreement_on_success_leaves_the_error_alone(void **state)
{
    struct comm *c = *state;
    struct tg_error err = {.text = "as it was"};

    assert_int_equal(comm_agree(c, TG_OK, &err), TG_OK);
    assert_string_equal(err.text, "as it was");
}

static void agreement_gives_the_worst_status_and_the_first_text(void **state)
{
    struct comm *c = *state;
    struct tg_error err = {0};
    /* rank 0: TG_EINVAL, rank 1: TG_EFORMAT, rank 2: TG_ENOMEM */
    enum tg_status mine[3] = {TG_EINVAL, TG_EFORMAT, TG_ENOMEM};
    enum tg_status worst = comm_size(c) == 1 ? TG_EINVAL : TG_EFORMAT;

    FAIL(&err, mine[comm_rank(c) % 3], "from %d", comm_rank(c));
    assert_fails(comm_agree(c, mine[comm_rank(c) % 3], &err), worst, "from 0", &err);
}

static void a_second_agreement_does_not_rename_the_rank_at_fault(void **state)
{
    struct comm *c = *state;
    struct tg_error err = {0};
    int last = comm_size(c) - 1;
    char number[32];

    comm_agree(c, comm_rank(c) == last ? FAIL(&err, TG_EIO, "gone") : TG_OK, &err);
    assert_fails(comm_agree(c, TG_EIO, &err), TG_EIO, "gone", &err);
    snprintf(number, sizeof number, "rank %d: gone", last);
    assert_string_equal(err.text, last == 0 ? "gone" : number);
}

static void a_subset_holds_its_members_in_order(void **state)
{
    struct comm *c = *state, *part = NULL;
    struct tg_error err = {0};
    bool member = comm_rank(c) > 0; /* nobody, with one rank */

    assert_ok(comm_subset(c, member, "tail", &part, &err), &err);
    assert_int_equal(part != NULL, member);
    if (part != NULL) {
        assert_int_equal(comm_rank(part), comm_rank(c) - 1);
        assert_int_equal(comm_size(part), comm_size(c) - 1);
        assert_string_equal(comm_name(part), "tail");
    }
    comm_close(part);
}

static void waiting_for_a_late_rank_is_counted(void **state)
{
    struct comm *c = *state;

    comm_barrier(c);
    comm_wait_sec(c);
    if (comm_rank(c) == 0)
        nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
    comm_barrier(c);
    double waited = comm_wait_sec(c);
    assert_true(comm_rank(c) == 0 ? waited < 0.15 : waited > 0.1);
    assert_true(comm_wait_sec(c) == 0.0);
}

/* In place of the C library's: interrupted by signals so often, as some kernels are. */
static int interruptions;
int posix_fallocate(int fd, off_t at, off_t n)
{
    (void)at;
    (void)n;
    if (interruptions-- > 0)
        return EINTR;
    return fd >= 0 ? 0 : EBADF;
}

static void signals_do_not_keep_memory_from_being_reserved(void **state)
{
    struct comm *c = *state, *host = NULL;
    struct comm_shared *s = NULL;
    struct tg_error err = {0};
    void *memory = NULL;

    assert_ok(comm_host(c, &host, &err), &err);
    assert_ok(comm_shared_open(host, 1 << 20, &s, &memory, &err), &err);
    interruptions = 3;
    assert_ok(comm_shared_reserve(s, 0, 4096, &err), &err);
    assert_int_equal(interruptions, comm_size(host) > 1 ? -1 : 3); /* one rank alone reserves nothing */
    interruptions = 0;
    comm_shared_close(s);
    comm_close(host);
}

static void ranks_of_a_host_see_each_others_writes(void **state)
{
    struct comm *c = *state, *host = NULL;
    struct comm_shared *s = NULL;
    struct tg_error err = {0};
    void *memory = NULL;

    assert_ok(comm_host(c, &host, &err), &err);
    assert_int_equal(comm_size(host), comm_size(c)); /* this test runs on one machine */
    assert_ok(comm_shared_open(host, 1 << 20, &s, &memory, &err), &err);
    int *numbers = memory;
    assert_int_equal(numbers[comm_rank(host)], 0);
    assert_ok(comm_shared_reserve(s, 0, 4096, &err), &err);
    comm_shared_sync(s);
    numbers[comm_rank(host)] = 1000 + comm_rank(host);
    comm_shared_sync(s);
    for (int r = 0; r < comm_size(host); r++)
        assert_int_equal(numbers[r], 1000 + r);
    comm_shared_close(s);
    comm_close(host);
}

/* With one rank a host there is no shared memory to run out of. */
static void more_shared_memory_than_there_is_gives_a_status(void **state)
{
    struct comm *c = *state, *host = NULL;
    struct comm_shared *s = NULL;
    struct tg_error err = {0};
    void *memory = NULL;

    assert_ok(comm_host(c, &host, &err), &err);
    if (comm_size(host) > 1) {
        assert_fails(comm_shared_open(host, (size_t)1 << 46, &s, &memory, &err), TG_ENOMEM, "/dev/shm",
                     &err);
        assert_null(s);
    }
    assert_ok(comm_shared_open(host, 4096, &s, &memory, &err), &err);
    assert_fails(comm_shared_reserve(s, 4000, 97, &err), TG_EINVAL, "4097", &err);
    comm_shared_close(s);
    comm_close(host);
}

static void the_watchdog_leaves_a_job_alone_that_works(void **state)
{
    struct comm *c = *state;
    struct comm_watchdog *w = NULL;
    struct tg_error err = {0};

    assert_ok(comm_watchdog_start(0.0, NULL, &w, &err), &err);
    assert_null(w);
    assert_ok(comm_watchdog_start(20.0, NULL, &w, &err), &err);
    for (int i = 0; i < 100; i++)
        comm_barrier(c);
    comm_watchdog_stop(w);
}

/* Rank 0 waits for longer than the limit, and the others get on meanwhile. */
static void the_watchdog_leaves_a_long_wait_alone_while_the_others_get_on(void **state)
{
    enum { LIMIT_SEC = 2, PIECES = 14, PIECE_NSEC = 250000000 };
    struct comm *c = *state;
    struct comm_watchdog *w = NULL;
    struct tg_error err = {0};
    char path[64] = "/tmp/tengen-ranks-XXXXXX", *said = NULL;
    size_t n = 0;
    struct tg_log log = {.level = TG_LOG_INFO, .stream = open_memstream(&said, &n)};

    if (comm_rank(c) == 0)
        close(mkstemp(path));
    comm_bcast(c, path, sizeof path, 0);
    assert_ok(comm_watchdog_start(LIMIT_SEC, &log, &w, &err), &err);
    assert_ok(comm_watchdog_board(w, c, path, &err), &err);
    comm_phase("work");
    for (int i = 0; i < PIECES && comm_rank(c) > 0; i++) {
        nanosleep(&(struct timespec){.tv_nsec = PIECE_NSEC}, NULL);
        comm_progress();
    }
    comm_barrier(c);
    comm_watchdog_stop(w);
    fclose(log.stream);
    if (comm_rank(c) == 0 && comm_size(c) > 1)
        assert_non_null(strstr(said, "it goes on, for others do: rank"));
    else
        assert_int_equal(n, 0);
    free(said);
    if (comm_rank(c) == 0)
        remove(path);
}

static void a_pulse_brings_everybody_the_same_sums_in_the_same_order(void **state)
{
    struct comm *c = *state;
    struct comm_pulse *p;
    struct tg_error err = {0};
    int64_t seen[3];

    assert_ok(comm_pulse_open(c, 1, 0.0, &p, &err), &err);
    assert_int_equal(comm_pulse_sums(p)[0], 0);
    comm_pulse_set(p, 0, 1);
    for (int k = 0; k < 3;) {
        if (!comm_pulse_poll(p))
            continue;
        assert_int_equal(comm_pulse_number(p), k + 1);
        seen[k++] = comm_pulse_sums(p)[0];
        if (comm_rank(c) == 0)
            comm_pulse_set(p, 0, 1 + k); /* from the next sum on */
    }
    for (int k = 0; k < 3; k++)
        assert_int_equal(seen[k], comm_size(c) + k);
    comm_pulse_close(p);
}

static void messages_arrive_in_the_order_in_which_they_were_posted(void **state)
{
    struct comm *c = *state;
    struct tg_error err = {0};
    int message, next[8] = {0}, n = 0, size = comm_size(c), to = (comm_rank(c) + 1) % size;

    assert_true(size <= 8);
    assert_false(comm_fetch(c, &message, sizeof message));
    comm_barrier(c);
    for (int i = 0; i < 20; i++) {
        message = 100 * comm_rank(c) + i;
        assert_ok(comm_post(c, to, &message, sizeof message, &err), &err);
    }
    while (n < 20) {
        if (!comm_fetch(c, &message, sizeof message))
            continue;
        assert_int_equal(message % 100, next[message / 100]++);
        n++;
    }
    assert_int_equal(next[(comm_rank(c) + size - 1) % size], 20);
    comm_barrier(c);
}

static void poll_pulse(void *ctx) { comm_pulse_poll(ctx); }

static void a_pulse_beats_on_while_a_rank_waits_elsewhere(void **state)
{
    struct comm *c = *state;
    struct comm_pulse *p;
    struct tg_error err = {0};

    assert_ok(comm_pulse_open(c, 1, 0.001, &p, &err), &err);
    if (comm_rank(c) == comm_size(c) - 1) { /* the late one: the others are in the barrier */
        comm_pulse_set(p, 0, 7);
        while (comm_pulse_sums(p)[0] != 7)
            comm_pulse_poll(p);
    } else {
        comm_on_wait(c, poll_pulse, p);
    }
    comm_barrier(c);
    comm_on_wait(c, NULL, NULL);
    comm_pulse_close(p);
}

static int run(void)
{
#define ON_WORLD(t) cmocka_unit_test_setup_teardown(t, open_world, close_world)
    const struct CMUnitTest tests[] = {
        ON_WORLD(a_broadcast_brings_the_roots_bytes),
        ON_WORLD(a_prefix_sum_counts_the_lower_ranks),
        ON_WORLD(sums_and_maxima_cover_all_ranks),
        ON_WORLD(doubles_are_added_in_rank_order),
        ON_WORLD(an_all_gather_keeps_rank_order),
        ON_WORLD(ranks_gather_different_amounts),
        ON_WORLD(personal_messages_arrive_in_rank_order),
        ON_WORLD(a_span_longer_than_a_piece_is_summed_whole),
        ON_WORLD(a_span_of_halves_is_refused),
        ON_WORLD(ranks_that_share_a_device_sum_and_send_through_host_memory),
        ON_WORLD(a_device_that_fails_on_one_rank_fails_the_sum_on_all),
        ON_WORLD(spans_in_different_memory_are_refused_on_all_ranks),
        ON_WORLD(agreement_carries_the_failing_ranks_text),
        ON_WORLD(agreement_on_success_leaves_the_error_alone),
        ON_WORLD(agreement_gives_the_worst_status_and_the_first_text),
        ON_WORLD(a_second_agreement_does_not_rename_the_rank_at_fault),
        ON_WORLD(a_subset_holds_its_members_in_order),
        ON_WORLD(waiting_for_a_late_rank_is_counted),
        ON_WORLD(ranks_of_a_host_see_each_others_writes),
        ON_WORLD(signals_do_not_keep_memory_from_being_reserved),
        ON_WORLD(more_shared_memory_than_there_is_gives_a_status),
        ON_WORLD(a_pulse_brings_everybody_the_same_sums_in_the_same_order),
        ON_WORLD(messages_arrive_in_the_order_in_which_they_were_posted),
        ON_WORLD(a_pulse_beats_on_while_a_rank_waits_elsewhere),
        ON_WORLD(the_watchdog_leaves_a_job_alone_that_works),
        ON_WORLD(the_watchdog_leaves_a_long_wait_alone_while_the_others_get_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(int argc, char **argv) { return mpi_test_main(&argc, &argv, run); }
