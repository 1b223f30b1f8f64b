/* SPDX-License-Identifier: Apache-2.0
 *
 * nats-server.conf(5) against the option table: each option where it belongs, under all its
 * names, with its default and what a reload does; and nothing that the server refuses.
 */
#include "conf/option_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"

#define ITEM    "\n.It Cm "
#define RESTART "\n.Em restart ."

static struct buf page = BUF_INIT;

static int
read_page(void **state)
{
    FILE *file = fopen(CONF_PAGE, "re");
    char part[4096];
    size_t len;

    (void)state;
    assert_non_null(file);
    while ((len = fread(part, 1, sizeof(part), file)) > 0)
        (void)buf_append(&page, part, len);
    assert_int_equal(fclose(file), 0);
    (void)buf_cstr(&page);
    return 0;
}

static int
release_page(void **state)
{
    (void)state;
    buf_release(&page);
    return 0;
}

static bool
holds(struct str text, const char *what)
{
    return memmem(text.data, text.len, what, strlen(what)) != NULL;
}

/* From the first occurrence of head to that of the next end behind it. */
static struct str
cut(const char *text, const char *head, const char *end)
{
    const char *from = strstr(text, head), *to;

    if (from == NULL)
        return STR_NULL;
    to = strstr(from + 1, end);
    return (struct str) { from, to == NULL ? strlen(from) : (size_t)(to - from) };
}

/* The part of the page about the options of one section of the table. */
static struct str
part_of(const char *section)
{
    char head[64];

    if (section[0] == '\0')
        return cut(buf_cstr(&page), "\n.Sh OPTIONS\n", "\n.Sh ");
    (void)snprintf(head, sizeof(head), "\n.Ss %s", section);
    return cut(buf_cstr(&page), head, "\n.El");
}

/* What stands before the next end, or all of text. */
static struct str
before(struct str text, const char *end)
{
    const char *to = memmem(text.data, text.len, end, strlen(end));

    return (struct str) { text.data, to == NULL ? text.len : (size_t)(to - text.data) };
}

/* Steps through the items of part: the next one, or a str without data. */
static struct str
next_item(struct str *part)
{
    const char *end = part->data + part->len;
    const char *from = memmem(part->data, part->len, ITEM, strlen(ITEM));
    struct str item;

    if (from == NULL)
        return STR_NULL;
    item = (struct str) { from + 1, (size_t)(end - from) - 1 };
    item = before(before(item, "\n.It "), "\n.El");
    part->data = item.data + item.len;
    part->len = (size_t)(end - part->data);
    return item;
}

/* Steps through the names of an item: ".It Cm host | net\n..." */
static struct str
next_name(struct str item, size_t *at)
{
    struct str word;

    *at += *at == 0 ? strlen(ITEM) - 1 : strspn(item.data + *at, " |");
    word = (struct str) { item.data + *at, strcspn(item.data + *at, " \n") };
    *at += word.len;
    return word.len == 0 ? STR_NULL : word;
}

static bool
is_named(struct str item, struct str wanted)
{
    size_t at = 0;

    for (struct str name = next_name(item, &at); name.data != NULL; name = next_name(item, &at))
        if (str_eq(name, wanted))
            return true;
    return false;
}

static struct str
find_item(const char *section, struct str name)
{
    struct str part = part_of(section), item;

    if (part.data == NULL)
        fail_msg("there is no part about \"%s\"", section);
    for (item = next_item(&part); item.data != NULL; item = next_item(&part))
        if (is_named(item, name))
            break;
    return item;
}

static void
check_row(void *context, const struct option_row *row)
{
    const char *list = row->names;

    (void)context;
    if (row->section == NULL || row->type == OPTION_UNSUPPORTED)
        return;
    for (struct str name = option_next_word(&list); name.data != NULL;
         name = option_next_word(&list)) {
        struct str item = find_item(row->section, name);
        int len = (int)name.len;

        if (item.data == NULL)
            fail_msg("%s \"%.*s\" is missing", row->section, len, name.data);
        if (row->initial != NULL && !holds(item, row->initial))
            fail_msg("%s \"%.*s\": the default is %s", row->section, len, name.data, row->initial);
        if (holds(item, RESTART) != (row->reload == OPTION_RESTART))
            fail_msg("%s \"%.*s\": restart or not", row->section, len, name.data);
    }
}

static void
test_every_option_is_there(void **state)
{
    (void)state;
    options_each(check_row, NULL);
}

static void
test_nothing_else_is_there(void **state)
{
    static const char *const sections[] = { "",
                                            "authorization",
                                            "tokens",
                                            "users",
                                            "permissions",
                                            "publish",
                                            "allow_responses",
                                            "tls",
                                            "certs",
                                            "cluster",
                                            "cluster authorization" };

    (void)state;
    for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
        struct str part = part_of(sections[i]), item = next_item(&part);

        for (; item.data != NULL; item = next_item(&part)) {
            size_t at = 0;

            for (struct str name = next_name(item, &at); name.data != NULL;
                 name = next_name(item, &at)) {
                const struct option_row *row = option_by_name(sections[i], name);

                if (row == NULL || row->type == OPTION_UNSUPPORTED)
                    fail_msg("%s \"%.*s\" is no option", sections[i], (int)name.len, name.data);
            }
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_option_is_there),
        cmocka_unit_test(test_nothing_else_is_there),
    };

    return cmocka_run_group_tests(tests, read_page, release_page);
}
