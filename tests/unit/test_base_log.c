/* SPDX-License-Identifier: Apache-2.0
 *
 * base - the log on stderr and in files: line format, levels, rotation, reopening
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/files.h"
#include "base/log.h"
#include "base/mem.h"

#define TIME  "[0-9]{4}/[0-9]{2}/[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{6}"
#define STAMP "[0-9]{4}(\\.[0-9]{2}){5}\\.[0-9]{9}"

/* A folder of its own for each test, and a log file in it. */
struct place {
    char folder[32], file[48];
    struct log *log;
    struct log_options options;
};

static int
setup(void **state)
{
    struct place *place = xcalloc(1, sizeof(*place));

    (void)snprintf(place->folder, sizeof(place->folder), "log_test_XXXXXX");
    assert_non_null(mkdtemp(place->folder));
    (void)snprintf(place->file, sizeof(place->file), "%s/server.log", place->folder);
    place->log = log_new();
    place->options = (struct log_options) { .file = place->file, .timestamps = true };
    *state = place;
    return 0;
}

/* Calls see() for each file in the folder. */
static unsigned
each_file(const struct place *place, void (*see)(const char *path))
{
    const struct dirent *entry;
    DIR *dir = opendir(place->folder);
    unsigned count = 0;

    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL) {
        char path[320];

        if (entry->d_name[0] == '.')
            continue;
        count++;
        (void)snprintf(path, sizeof(path), "%s/%s", place->folder, entry->d_name);
        if (see != NULL)
            see(path);
    }
    closedir(dir);
    return count;
}

static void
remove_file(const char *path)
{
    assert_int_equal(unlink(path), 0);
}

static int
teardown(void **state)
{
    struct place *place = *state;

    log_free(place->log);
    (void)each_file(place, remove_file);
    assert_int_equal(rmdir(place->folder), 0);
    free(place);
    return 0;
}

static char *
content(const char *path)
{
    struct buf buf = BUF_INIT;
    FILE *file = fopen(path, "r");
    int byte;

    assert_non_null(file);
    while ((byte = fgetc(file)) != EOF)
        assert_true(buf_append_char(&buf, (char)byte));
    (void)fclose(file);
    assert_true(buf_append_char(&buf, '\0'));
    return buf.data;
}

/* pattern: extended, for the whole text; %d becomes the process id. */
static void
assert_matches(const char *text, const char *pattern)
{
    struct buf whole = BUF_INIT;
    regex_t regex;
    const char *pid = strstr(pattern, "%d");

    assert_true(buf_append_char(&whole, '^'));
    if (pid != NULL) {
        assert_true(buf_append(&whole, pattern, (size_t)(pid - pattern)));
        assert_true(buf_printf(&whole, "%d", (int)getpid()));
        pattern = pid + 2;
    }
    assert_true(buf_append_str(&whole, pattern) && buf_append_char(&whole, '$'));
    assert_int_equal(regcomp(&regex, buf_cstr(&whole), REG_EXTENDED | REG_NOSUB), 0);
    if (regexec(&regex, text, 0, NULL, 0) != 0)
        fail_msg("\"%s\" is not \"%s\"", text, buf_cstr(&whole));
    regfree(&regex);
    buf_release(&whole);
}

static void
assert_file_matches(const char *path, const char *pattern)
{
    char *text = content(path);

    assert_matches(text, pattern);
    free(text);
}

static void
open_log(struct place *place)
{
    struct errmsg why;

    if (log_open(place->log, &place->options, &why) != ERR_OK)
        fail_msg("%s", why.text);
}

/* ---- lines */

static void
test_line_format(void **state)
{
    struct place *place = *state;
    struct stat st;

    open_log(place);
    log_inf(place->log, "Listening on %s:%d", "0.0.0.0", 4222);
    assert_file_matches(place->file, "\\[%d\\] " TIME " \\[INF\\] Listening on 0.0.0.0:4222\n");
    assert_int_equal(stat(place->file, &st), 0);
    assert_int_equal(st.st_mode & 0137, 0); /* 0640 at most */
}

static void
test_without_timestamps(void **state)
{
    struct place *place = *state;

    place->options.timestamps = false;
    open_log(place);
    log_wrn(place->log, "x");
    assert_file_matches(place->file, "\\[%d\\] \\[WRN\\] x\n");
}

static void
test_utc_and_local_time(void **state)
{
    struct place *place = *state;
    const char *before = getenv("TZ");
    char *saved = before == NULL ? NULL : xstrdup(before), *text;
    int hours[2];

    /* No clock runs twelve hours apart but for the zone. */
    setenv("TZ", "XXX-12", 1);
    tzset();
    for (int utc = 0; utc < 2; utc++) {
        place->options.utc = utc == 1;
        open_log(place);
        log_inf(place->log, "x");
        text = content(place->file);
        hours[utc] = (int)strtol(strchr(strchr(text, ' ') + 1, ' ') + 1, NULL, 10);
        free(text);
        unlink(place->file);
    }
    if (saved != NULL)
        setenv("TZ", saved, 1);
    else
        unsetenv("TZ");
    tzset();
    free(saved);
    /* 12, or 11 when an hour ended in between */
    assert_in_range((hours[0] - hours[1] + 24) % 24, 11, 12);
}

static void
test_levels(void **state)
{
    struct place *place = *state;
    int evaluated = 0;

    place->options.timestamps = false;
    open_log(place);
    assert_false(log_enabled(place->log, LOG_LEVEL_DBG));
    assert_true(log_enabled(place->log, LOG_LEVEL_FTL));
    log_dbg(place->log, "off %d", ++evaluated);
    log_trc(place->log, "off %d", ++evaluated);
    assert_int_equal(evaluated, 0);
    log_write(place->log, LOG_LEVEL_DBG, "off");
    log_err(place->log, "e");
    log_ftl(place->log, "f");
    log_set_levels(place->log, true, false);
    log_dbg(place->log, "d%d", ++evaluated);
    log_trc(place->log, "off");
    log_set_levels(place->log, false, true);
    log_dbg(place->log, "off");
    log_trc(place->log, "t");
    assert_file_matches(place->file, "\\[%d\\] \\[ERR\\] e\n.[0-9]+\\] \\[FTL\\] f\n"
                                     ".[0-9]+\\] \\[DBG\\] d1\n.[0-9]+\\] \\[TRC\\] t\n");
}

static void
test_control_bytes_cannot_forge_lines(void **state)
{
    struct place *place = *state;

    place->options.timestamps = false;
    open_log(place);
    log_inf(place->log, "a%sz \xc3\xa9", "\n[1] [INF] forged\r\t\x1b[2J\x7f");
    assert_file_matches(place->file, "\\[%d\\] \\[INF\\] a\\\\x0a\\[1\\] \\[INF\\] forged\\\\x0d"
                                     "\\\\x09\\\\x1b\\[2J\\\\x7fz \xc3\xa9\n");
}

static void
test_long_lines_are_cut(void **state)
{
    struct place *place = *state;
    char *text, *line = xcalloc(1, 4 * LOG_LINE_MAX + 1);

    open_log(place);
    for (int escaped = 0; escaped < 2; escaped++) {
        memset(line, escaped ? '\n' : 'x', 4 * LOG_LINE_MAX);
        log_inf(place->log, "%s", line);
        text = content(place->file);
        assert_in_range(strlen(text), LOG_LINE_MAX - 128, LOG_LINE_MAX);
        assert_string_equal(text + strlen(text) - 4, "...\n");
        assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
        free(text);
        assert_int_equal(truncate(place->file, 0), 0);
    }
    free(line);
}

/* ---- stderr: fd is put in its place while write() runs */

static void
with_stderr(int fd, bool timestamps)
{
    int saved = dup(STDERR_FILENO);
    struct log_options options = { .timestamps = timestamps, .debug = true, .trace = true };
    struct log *log;

    assert_true(saved != -1 && dup2(fd, STDERR_FILENO) != -1);
    log = log_new();
    (void)log_open(log, &options, NULL);
    for (int level = 0; level <= LOG_LEVEL_TRC; level++)
        log_write(log, (enum log_level)level, "x");
    log_free(log);
    dup2(saved, STDERR_FILENO);
    close(saved);
}

static void
test_stderr_without_colours(void **state)
{
    char text[512] = { 0 };
    int ends[2];

    (void)state;
    assert_int_equal(pipe(ends), 0);
    with_stderr(ends[1], true);
    assert_true(read(ends[0], text, sizeof(text) - 1) > 0);
    *(strchr(text, '\n') + 1) = '\0';
    assert_matches(text, "\\[%d\\] " TIME " \\[INF\\] x\n");
    close(ends[0]);
    close(ends[1]);
}

static void
test_terminal_has_colours(void **state)
{
    static const char *const labels[] = { "[\x1b[32mINF\x1b[0m] x", "[\x1b[0;93mWRN\x1b[0m] x",
                                          "[\x1b[31mERR\x1b[0m] x", "[\x1b[31mFTL\x1b[0m] x",
                                          "[\x1b[36mDBG\x1b[0m] x", "[\x1b[33mTRC\x1b[0m] x" };
    int master = posix_openpt(O_RDWR | O_NOCTTY), slave;
    char text[512] = { 0 };
    size_t len = 0;

    (void)state;
    if (master == -1 || grantpt(master) == -1 || unlockpt(master) == -1)
        skip();
    slave = open(ptsname(master), O_RDWR | O_NOCTTY);
    assert_true(slave != -1);
    with_stderr(slave, false);
    while (strstr(text, "TRC\x1b[0m] x") == NULL) {
        ssize_t got = read(master, text + len, sizeof(text) - 1 - len);

        assert_true(got > 0);
        len += (size_t)got;
    }
    for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++)
        assert_non_null(strstr(text, labels[i]));
    close(slave);
    close(master);
}

/* ---- files */

static void
test_failed_open_changes_nothing(void **state)
{
    struct place *place = *state;
    struct log_options bad = { .file = "no/such/folder/file", .debug = true };
    struct errmsg why;

    open_log(place);
    assert_int_equal(log_open(place->log, &bad, &why), ERR_SYS);
    assert_non_null(strstr(why.text, "no/such/folder/file"));
    assert_false(log_enabled(place->log, LOG_LEVEL_DBG));
    log_inf(place->log, "still here");
    assert_file_matches(place->file, ".*still here\n");
}

static void
test_reopen(void **state)
{
    struct place *place = *state;
    struct errmsg why;
    char moved[64];

    assert_int_equal(log_reopen(place->log, &why), ERR_NOTFOUND);
    place->options.timestamps = false;
    open_log(place);
    log_inf(place->log, "one");
    (void)snprintf(moved, sizeof(moved), "%s.1", place->file);
    assert_int_equal(rename(place->file, moved), 0);
    log_inf(place->log, "two");
    assert_int_equal(log_reopen(place->log, &why), ERR_OK);
    log_inf(place->log, "three");
    assert_file_matches(moved, "\\[%d\\] \\[INF\\] one\n.*two\n");
    assert_file_matches(place->file, "\\[%d\\] \\[INF\\] three\n");
    open_log(place); /* appends */
    log_inf(place->log, "four");
    assert_file_matches(place->file, ".*three\n.*four\n");
}

static void
see_rotated(const char *path)
{
    struct stat st;

    assert_int_equal(stat(path, &st), 0);
    assert_true(st.st_size > 0);
    if (strcmp(path + strlen(path) - 4, ".log") == 0)
        assert_file_matches(path,
                            ".*Rotated log, backup saved as \"log_test_.*\\.log\\." STAMP "\"\n.*");
    else
        assert_matches(path, "log_test_.*/server\\.log\\." STAMP);
}

static void
test_rotation(void **state)
{
    struct place *place = *state;

    place->options.size_limit = 300;
    open_log(place);
    for (int i = 0; i < 5; i++)
        log_inf(place->log, "%0300d", i);
    assert_int_equal(each_file(place, see_rotated), 6);
}

static void
test_rotation_keeps_some_files(void **state)
{
    struct place *place = *state;
    char kept[80];
    FILE *file;

    (void)snprintf(kept, sizeof(kept), "%s.2020.01.01.00.00.00.00000000x", place->file);
    file = fopen(kept, "w"); /* looks like a backup, but is none */
    assert_non_null(file);
    (void)fclose(file);
    place->options.size_limit = 300;
    place->options.files_max = 3;
    open_log(place);
    for (int i = 0; i < 10; i++)
        log_inf(place->log, "%0300d", i);
    assert_int_equal(each_file(place, NULL), 4);
    assert_int_equal(access(kept, F_OK), 0);
    assert_file_matches(place->file,
                        ".*Rotated log.*Purged log file \"server\\.log\\." STAMP "\"\n");
}

static void
test_rotation_that_fails_goes_on(void **state)
{
    struct place *place = *state;
    char away[64];

    place->options.size_limit = 300;
    place->options.timestamps = false;
    open_log(place);
    (void)snprintf(away, sizeof(away), "%s/away", place->folder);
    assert_int_equal(rename(place->file, away), 0);
    log_inf(place->log, "%0300d", 1); /* nothing to rename any more */
    log_inf(place->log, "next");
    assert_file_matches(away, ".*1\n.*\\[ERR\\] Log not rotated, next attempt at 600 bytes: "
                              "could not rename.*\n.*next\n");
}

static void
test_no_rotation_of_what_is_no_file(void **state)
{
    struct place *place = *state;

    place->options.file = "/dev/null";
    place->options.size_limit = 1;
    open_log(place);
    log_inf(place->log, "x");
    log_inf(place->log, "x");
    assert_int_equal(access("/dev/null", F_OK), 0);
    assert_int_equal(each_file(place, NULL), 0);
}

static void
test_lost_lines_are_reported(void **state)
{
    struct place *place = *state;
    struct log_options full = { .file = "/dev/full" };

    if (access("/dev/full", W_OK) == -1)
        skip();
    assert_int_equal(log_open(place->log, &full, NULL), ERR_OK);
    for (int i = 0; i < 3; i++)
        log_inf(place->log, "lost");
    place->options.timestamps = false;
    open_log(place);
    log_inf(place->log, "kept");
    log_inf(place->log, "kept");
    assert_file_matches(place->file, "\\[%d\\] \\[WRN\\] 3 log lines could not be written\n"
                                     ".*kept\n.*kept\n");
}

/* ---- threads */

#define WRITERS    4
#define LINES_EACH 500

static void *
write_many(void *log)
{
    for (int i = 0; i < LINES_EACH; i++)
        log_inf(log, "line %d of a writer;", i);
    return NULL;
}

static unsigned lines_seen;

static void
count_lines(const char *path)
{
    char *text = content(path), *save = NULL;

    for (char *line = strtok_r(text, "\n", &save); line != NULL;
         line = strtok_r(NULL, "\n", &save)) {
        if (strstr(line, "Rotated") != NULL)
            continue;
        assert_matches(line, "\\[%d\\] " TIME " \\[INF\\] line [0-9]+ of a writer;");
        lines_seen++;
    }
    free(text);
}

static void
test_writers_rotation_and_reopening(void **state)
{
    struct place *place = *state;
    pthread_t writers[WRITERS];

    place->options.size_limit = 8192;
    open_log(place);
    for (int i = 0; i < WRITERS; i++)
        assert_int_equal(pthread_create(&writers[i], NULL, write_many, place->log), 0);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(log_reopen(place->log, NULL), ERR_OK);
        open_log(place);
        log_set_levels(place->log, i % 2 == 0, false);
    }
    for (int i = 0; i < WRITERS; i++)
        pthread_join(writers[i], NULL);
    lines_seen = 0;
    (void)each_file(place, count_lines);
    assert_int_equal(lines_seen, WRITERS * LINES_EACH);
}

#define LOG_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        LOG_TEST(test_line_format),
        LOG_TEST(test_without_timestamps),
        LOG_TEST(test_utc_and_local_time),
        LOG_TEST(test_levels),
        LOG_TEST(test_control_bytes_cannot_forge_lines),
        LOG_TEST(test_long_lines_are_cut),
        cmocka_unit_test(test_stderr_without_colours),
        cmocka_unit_test(test_terminal_has_colours),
        LOG_TEST(test_failed_open_changes_nothing),
        LOG_TEST(test_reopen),
        LOG_TEST(test_rotation),
        LOG_TEST(test_rotation_keeps_some_files),
        LOG_TEST(test_rotation_that_fails_goes_on),
        LOG_TEST(test_no_rotation_of_what_is_no_file),
        LOG_TEST(test_lost_lines_are_reported),
        LOG_TEST(test_writers_rotation_and_reopening),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
