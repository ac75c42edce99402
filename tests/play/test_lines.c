/* Lines from a descriptor: any chunks, any endings, bounded length. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../../src/play/lines.h"
#include "tg_test.h"

struct fixture {
    int ends[2];
    struct lines in;
};

static int setup(void **state)
{
    static struct fixture f;

    assert_int_equal(pipe(f.ends), 0);
    lines_init(&f.in, f.ends[0]);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    close(f->ends[0]);
    if (f->ends[1] >= 0)
        close(f->ends[1]);
    return 0;
}

static void feed(struct fixture *f, const char *text)
{
    assert_int_equal(write(f->ends[1], text, strlen(text)), (ssize_t)strlen(text));
}

static void end(struct fixture *f)
{
    close(f->ends[1]);
    f->ends[1] = -1;
}

static void assert_line(struct fixture *f, const char *expected)
{
    const char *line;
    size_t n;

    assert_int_equal(lines_next(&f->in, &line, &n), LINES_LINE);
    assert_int_equal(n, strlen(expected));
    assert_memory_equal(line, expected, n);
}

static void lines_come_out_whole(void **state)
{
    struct fixture *f = *state;
    const char *line;
    size_t n;

    feed(f, "one\n\ntw");
    assert_line(f, "one");
    assert_line(f, "");
    feed(f, "o\nthree");
    end(f);
    assert_line(f, "two");
    assert_line(f, "three"); /* without a newline */
    assert_int_equal(lines_next(&f->in, &line, &n), LINES_END);
    assert_int_equal(lines_next(&f->in, &line, &n), LINES_END);
}

static void a_line_too_long_is_dropped_whole_and_told_once(void **state)
{
    FILE *file = tmpfile();
    struct lines in;
    const char *line;
    size_t n;

    (void)state;
    assert_non_null(file);
    for (int i = 0; i < 5 * LINES_BYTES; i++)
        fputc('x', file);
    fputs("\nnext\n", file);
    for (int i = 0; i < LINES_BYTES - 1; i++) /* the longest that fits */
        fputc('y', file);
    fputs("\nlast", file);
    rewind(file);
    lines_init(&in, fileno(file));
    assert_int_equal(lines_next(&in, &line, &n), LINES_TOO_LONG);
    assert_int_equal(lines_next(&in, &line, &n), LINES_LINE);
    assert_int_equal(n, 4);
    assert_memory_equal(line, "next", 4);
    assert_int_equal(lines_next(&in, &line, &n), LINES_LINE);
    assert_int_equal(n, LINES_BYTES - 1);
    assert_int_equal(lines_next(&in, &line, &n), LINES_LINE);
    assert_int_equal(n, 4);
    assert_int_equal(lines_next(&in, &line, &n), LINES_END);
    fclose(file);
}

static void waiting_input_is_seen_without_reading_it(void **state)
{
    struct fixture *f = *state;

    assert_false(lines_waiting(&f->in));
    feed(f, "a\nb");
    assert_true(lines_waiting(&f->in));
    assert_line(f, "a");
    assert_true(lines_waiting(&f->in)); /* in our own buffer */
    end(f);
    assert_line(f, "b");
    assert_true(lines_waiting(&f->in)); /* the end is news, too */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lines_come_out_whole, setup, teardown),
        cmocka_unit_test(a_line_too_long_is_dropped_whole_and_told_once),
        cmocka_unit_test_setup_teardown(waiting_input_is_seen_without_reading_it, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
