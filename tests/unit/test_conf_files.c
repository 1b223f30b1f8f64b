/* SPDX-License-Identifier: Apache-2.0
 *
 * Real files and the real environment.
 */
#include "conf/load.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "conf/memory_host.h"

static char dir[] = "test_conf_XXXXXX"; /* in the build folder */
static char where[4096];                /* its absolute path */

static int
make_dir(void **state)
{
    (void)state;
    return mkdtemp(dir) == NULL || chdir(dir) != 0 || getcwd(where, sizeof(where)) == NULL;
}

static int
remove_dir(void **state)
{
    static const char *const paths[] = { "sub/b.conf", "sub/c.conf", "sub", "a.conf" };

    (void)state;
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        (void)remove(paths[i]);
    return chdir("..") != 0 || rmdir(dir) != 0;
}

static void
write_file(const char *path, const char *text, mode_t mode)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, mode), 0);
}

/* Loads path; the findings go to got. */
static struct options *
load(const char *path, struct buf *got)
{
    const char *argv[] = { "nats-server", "-c", path };
    struct diags diags = { 0 };
    struct flags flags = { 0 };
    struct options *options;

    assert_int_equal(flags_parse(&flags, 3, (char **)(uintptr_t)argv), FLAGS_RUN);
    options = options_load(&flags, &diags);
    memory_put_diags(&diags, got);
    assert_int_equal(options == NULL, diags.errors > 0);
    diags_release(&diags);
    flags_free(&flags);
    return options;
}

static void
expect(const char *path, const char *want)
{
    struct buf got = BUF_INIT;

    options_free(load(path, &got));
    assert_string_equal(buf_cstr(&got), want);
    buf_release(&got);
}

static void
test_include(void **state)
{
    struct buf text = BUF_INIT, got = BUF_INIT;
    struct options *options;

    (void)state;
    assert_int_equal(mkdir("sub", 0700), 0);
    /* relative to the file that includes, not to the working directory; absolute as it is */
    write_file("sub/b.conf", "include c.conf\nmax_payload: $SIZE", 0600);
    write_file("sub/c.conf", "SIZE: 2kb\n", 0600);
    buf_printf(&text, "include '%s/sub/b.conf'\n", where);
    write_file("a.conf", buf_cstr(&text), 0600);
    options = load("a.conf", &got);
    assert_string_equal(buf_cstr(&got), "");
    assert_int_equal(options->max_payload, 2048);
    assert_string_equal(options->config_file, "a.conf");
    options_free(options);
    buf_release(&text);
    buf_release(&got);
}

static void
test_environment(void **state)
{
    struct buf got = BUF_INIT;
    struct options *options;

    (void)state;
    write_file("a.conf",
               "host: localhost\nport: $TEST_CONF_PORT\n"
               "authorization { token: $TEST_CONF_TOKEN }",
               0644);
    assert_int_equal(setenv("TEST_CONF_PORT", "4333", 1), 0);
    assert_int_equal(setenv("TEST_CONF_TOKEN", "\"a,b\"", 1), 0);
    options = load("a.conf", &got);
    /* nothing on a plain token or the file's mode: the file does not hold it */
    assert_string_equal(buf_cstr(&got), "");
    assert_int_equal(options->port, 4333);
    assert_string_equal(options->auth.entries[0].secret, "a,b");
    options_free(options);
    buf_release(&got);
    assert_int_equal(unsetenv("TEST_CONF_TOKEN"), 0);
    expect("a.conf", "a.conf:3:24: variable reference on line 3 can not be found; a value that "
                     "begins with $ needs quotes");
}

static void
test_modes(void **state)
{
    static const char plain[] =
        "W a.conf:2:24: the token is in plain text; configure its hash instead, made with: "
        "nats server passwd";
    static const char readable[] = "W a.conf:2:24: others may read this file, which holds a "
                                   "secret; close it with: chmod o-r a.conf";
    char both[512];

    (void)state;
    (void)snprintf(both, sizeof(both), "%s\n%s", plain, readable);
    write_file("a.conf", "host: 127.0.0.1\nauthorization { token: s3cr3t }", 0600);
    expect("a.conf", plain);
    assert_int_equal(chmod("a.conf", 0640), 0);
    expect("a.conf", plain);
    assert_int_equal(chmod("a.conf", 0604), 0);
    expect("a.conf", both);
}

static void
test_unreadable(void **state)
{
    (void)state;
    expect("/nonexistent/x.conf", "open /nonexistent/x.conf: no such file or directory");
    expect("/", "read /: is a directory");
    write_file("a.conf", "include sub", 0600);
    (void)mkdir("sub", 0700);
    expect("a.conf", "a.conf:1:9: error parsing include file 'sub', read sub: is a directory");
    expect("/dev/zero", "read /dev/zero: larger than 16777216 bytes");
}

static void
test_pipe(void **state)
{
    struct buf got = BUF_INIT;
    struct options *options;
    char path[32];
    int ends[2];

    (void)state;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "port: 77", 8), 8);
    assert_int_equal(close(ends[1]), 0);
    (void)snprintf(path, sizeof(path), "/dev/fd/%d", ends[0]);
    options = load(path, &got);
    assert_string_equal(buf_cstr(&got), "");
    assert_int_equal(options->port, 77);
    options_free(options);
    buf_release(&got);
    (void)close(ends[0]);
}

/* The files beside this test. */
static void
test_samples(void **state)
{
    struct buf got = BUF_INIT;
    struct options *options;

    (void)state;
    assert_int_equal(setenv("SERVER_NAME", "nats-0", 1), 0);
    options = load(CONF_DATA "/kubernetes.conf", &got);
    assert_string_equal(buf_cstr(&got), "");
    assert_string_equal(options->server_name, "nats-0");
    assert_int_equal(options->max_connections, 100);
    assert_int_equal(options->max_subscriptions, 100);
    assert_int_equal(options->max_pending, 1 << 30);
    assert_int_equal(options->lame_duck_duration_ns, 30000000000);
    options_free(options);

    options = load(CONF_DATA "/token-page.conf", &got);
    assert_non_null(options);
    assert_string_equal(options->auth.entries[0].secret,
                        "$2a$11$PWIFAL8RsWyGI3jVZtO9Nu8.6jOxzxfZo7c/W0eLk017hjgUKWrhy");
    options_free(options);
    buf_release(&got);
}

/* One run shows every mistake of a file. */
static void
test_all_mistakes(void **state)
{
    static const char *const wanted[] = {
        ":1:12: Parse error on line 1: 'Expected a top-level value to end",
        ":2:1: unknown field \"max_paylod\"; did you mean \"max_payload\"?",
        ":5:5: \"token\" is already set at " CONF_DATA "/mistakes.conf:4:5",
        ":6:5: unknown field \"timout\"; did you mean \"timeout\"?",
        ":8:1: server name cannot contain spaces",
        ":9:1: \"lame_duck_duration\" wants a duration, in quotes, not \"2m\"",
        ":10:9: error parsing include file '" CONF_DATA "/nowhere.conf', open " CONF_DATA
        "/nowhere.conf: no such file or directory",
    };
    struct buf got = BUF_INIT;

    (void)state;
    assert_null(load(CONF_DATA "/mistakes.conf", &got));
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        if (strstr(buf_cstr(&got), wanted[i]) == NULL)
            fail_msg("%s\nis not in\n%s", wanted[i], buf_cstr(&got));
    }
    buf_release(&got);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_include),      cmocka_unit_test(test_environment),
        cmocka_unit_test(test_modes),        cmocka_unit_test(test_unreadable),
        cmocka_unit_test(test_pipe),         cmocka_unit_test(test_samples),
        cmocka_unit_test(test_all_mistakes),
    };

    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
