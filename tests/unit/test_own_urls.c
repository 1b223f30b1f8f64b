/* SPDX-License-Identifier: Apache-2.0 */
#include "server/own_urls.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "server/lame_duck.h"

static const struct endpoint machine[] = {
    { "127.0.0.1", 0 },       { "10.0.0.5", 0 },    { "169.254.7.7", 0 }, { "192.168.1.2", 0 },
    { "10.0.0.5", 0 },        { "224.0.0.1", 0 },   { "127.9.9.9", 0 },   { "::1", 0 },
    { "fe80::1", 0 },         { "2001:db8::7", 0 }, { "ff02::1", 0 },     { "0.0.0.0", 0 },
    { "255.255.255.255", 0 },
};

enum { MACHINE_COUNT = sizeof(machine) / sizeof(machine[0]) };

static void
expect_urls(size_t row, const struct options *options, size_t count, const char *want)
{
    struct text_list urls = { 0 };
    struct buf got = BUF_INIT;

    server_own_urls(&urls, options, 4333, machine, count);
    for (size_t i = 0; i < urls.count; i++)
        (void)buf_printf(&got, "%s%s", i == 0 ? "" : " ", urls.texts[i]);
    if (strcmp(buf_cstr(&got), want) != 0)
        fail_msg("row %zu: \"%s\" instead of \"%s\"", row, buf_cstr(&got), want);
    buf_release(&got);
    text_list_release(&urls);
}

static void
own_urls_are_what_others_can_use(void **state)
{
    static const struct {
        const char *host, *advertise;
        size_t addresses;
        const char *want;
    } rows[] = {
        { "127.0.0.1", NULL, MACHINE_COUNT, "127.0.0.1:4333" },
        { "localhost", NULL, MACHINE_COUNT, "localhost:4333" },
        { "::1", NULL, MACHINE_COUNT, "[::1]:4333" },
        { "0.0.0.0", NULL, MACHINE_COUNT, "10.0.0.5:4333 192.168.1.2:4333" },
        { "", NULL, MACHINE_COUNT, "10.0.0.5:4333 192.168.1.2:4333" },
        { "::", NULL, MACHINE_COUNT, "10.0.0.5:4333 192.168.1.2:4333 [2001:db8::7]:4333" },
        { "0.0.0.0", NULL, 1, "" }, /* a machine that has no other address */
        { "::", NULL, 0, "" },      /* getifaddrs() failed */
        { "0.0.0.0", "nats.example.com", MACHINE_COUNT, "nats.example.com:4333" },
        { "0.0.0.0", "nats.example.com:14222", 0, "nats.example.com:14222" },
        { "10.0.0.5", "[2001:db8::9]:1", MACHINE_COUNT, "[2001:db8::9]:1" },
        { "10.0.0.5", "[2001:db8::9]", MACHINE_COUNT, "[2001:db8::9]:4333" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char host[64], advertise[64];
        struct options options = { .host = host, .port = -1 };

        (void)snprintf(host, sizeof(host), "%s", rows[i].host);
        if (rows[i].advertise != NULL) {
            (void)snprintf(advertise, sizeof(advertise), "%s", rows[i].advertise);
            options.client_advertise = advertise;
        }
        expect_urls(i, &options, rows[i].addresses, rows[i].want);
    }
}

static void
machines_have_a_loopback_address(void **state)
{
    struct endpoint *addresses;
    size_t count = machine_addresses(&addresses);
    bool found = false;

    (void)state;
    if (count == 0) {
        print_message("skipped: the interfaces cannot be asked for here\n");
        free(addresses);
        skip();
    }
    for (size_t i = 0; i < count; i++)
        found = found || strcmp(addresses[i].ip, "127.0.0.1") == 0;
    free(addresses);
    assert_true(found);
}

static void
text_lists_keep_order_and_copies(void **state)
{
    struct text_list list = { 0 }, other = { 0 };
    char text[] = "b";

    (void)state;
    assert_true(text_list_equal(&list, &other));
    assert_null(text_list_texts(&list));
    text_list_add(&list, text);
    text[0] = 'x';
    text_list_add(&list, "a");
    text_list_add_once(&list, "b");
    assert_int_equal(list.count, 2);
    assert_true(text_list_has(&list, "a"));
    assert_false(text_list_has(&list, "x"));
    text_list_add(&other, "a");
    text_list_add(&other, "b");
    assert_false(text_list_equal(&list, &other));
    text_list_add(&list, "b");
    text_list_add(&list, "a");
    text_list_sort_once(&list);
    assert_true(text_list_equal(&list, &other));
    assert_null(text_list_texts(&list)[2]);
    text_list_release(&list);
    assert_false(text_list_equal(&list, &other));
    text_list_release(&other);
}

/* At most a second between two, at least half of what is said; all within the time. */
static void
lame_ducks_spread_their_clients(void **state)
{
    static const struct {
        int64_t clients, duration_s, grace_s;
        uint32_t interval_ms, batch;
    } rows[] = {
        { 0, 120, 10, 1000, 1 },           { 1, 120, 10, 1000, 1 },   { 10, 120, 10, 1000, 1 },
        { 110, 120, 10, 1000, 1 },         { 220, 120, 10, 500, 1 },  { 5500, 120, 10, 20, 1 },
        { 5501, 120, 10, 20, 2 },          { 11000, 120, 10, 20, 2 }, { 65536, 30, 0, 20, 44 },
        { 1000000, 120, 10, 20, 182 },     { 1, 30, 60, 1000, 1 },    { 100, 30, 30, 20, 2 },
        { 65536, 24 * 3600, 10, 1000, 1 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct lame_duck_plan plan = lame_duck_plan(
            rows[i].clients, rows[i].duration_s * CLOCK_NS_PER_S, rows[i].grace_s * CLOCK_NS_PER_S);

        if (plan.interval_ms != rows[i].interval_ms || plan.batch != rows[i].batch)
            fail_msg("row %zu: %u at once in %u ms", i, plan.batch, plan.interval_ms);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(own_urls_are_what_others_can_use),
        cmocka_unit_test(machines_have_a_loopback_address),
        cmocka_unit_test(text_lists_keep_order_and_copies),
        cmocka_unit_test(lame_ducks_spread_their_clients),
    };

    return cmocka_run_group_tests_name("own_urls", tests, NULL, NULL);
}
