/* SPDX-License-Identifier: Apache-2.0
 *
 * Whom a mesh dials, and when.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cluster/mesh_private.h"
#include "mesh_support.h"

enum { HOUR_MS = 3600 * 1000 };

/* Addresses as peers write them. */
static void
urls_are_parsed(void **state)
{
    static const struct {
        const char *url, *host;
        uint16_t port;
    } cases[] = {
        { "nats-route://10.0.0.1:6222/", "10.0.0.1", 6222 },
        { "nats-route://10.0.0.1:6222", "10.0.0.1", 6222 },
        { "nats://Host.Example:1/x?y#z", "host.example", 1 },
        { "nats-route://user:p@ss@h:65535/", "h", 65535 },
        { "h:6222", "h", 6222 },
        { "nats-route://[fe80::1%eth0]:6222/", "fe80::1%eth0", 6222 },
        { "nats-route://[::]:6222/", "::", 6222 },
        { "nats-route://h:65536/", "", 0 },
        { "nats-route://h:0/", "", 0 },
        { "nats-route://h:/", "", 0 },
        { "nats-route://h/", "", 0 },
        { "nats-route://:6222/", "", 0 },
        { "nats-route://[]:6222/", "", 0 },
        { "nats-route://[::1:6222/", "", 0 },
        { "nats-route://a b:6222/", "", 0 },
        { "nats-route://a\tb:6222/", "", 0 },
        { "nats-route://a\"b:6222/", "", 0 },
        { "nats-route://h:6222x/", "", 0 },
        { "nats-route://h:-1/", "", 0 },
        { "", "", 0 },
        { NULL, "", 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct address address;

        url_parse(&address, cases[i].url);
        if (strcmp(address.host, cases[i].host) != 0 || address.port != cases[i].port) {
            print_error("%s: %s %u\n", cases[i].url, address.host, address.port);
            fail();
        }
    }
}

static void
configured_routes_are_dialled_for_ever(void **state)
{
    struct fixture f;

    (void)state;
    fixture_open(&f, NULL);
    configure(&f, "A", "a");
    EXPECT(&f, "dial a:6222");
    assert_int_equal(f.dial.route, 0);
    for (unsigned attempt = 1; attempt < 5000; attempt++) {
        assert_int_equal(f.dial.attempt, attempt);
        assert_false(f.dial.reached);
        mesh_dial_failed(f.mesh, f.target, f.now_ms);
        tick_within(&f, 1000, 1100);
        EXPECT(&f, "dial a:6222");
    }
    dialled(&f, 1, "a");
    info(&f, 1, "a");
    EXPECT(&f, "register 1 to a");
    assert_int_equal(mesh_next_ms(f.mesh), -1);
    f.now_ms += 5000;
    closed(&f, 1);
    tick_within(&f, 1000, 1100);
    EXPECT(&f, "dial a:6222");
    assert_true(f.dial.reached);
    assert_int_equal(f.dial.attempt, 1);
    dialled(&f, 2, "a");
    closed(&f, 2); /* without INFO */
    tick_within(&f, 1000, 1100);
    EXPECT(&f, "dial a:6222");
    assert_int_equal(f.dial.attempt, 2);
    fixture_close(&f);
}

static const int64_t doubling[] = { 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000 };

static void
fail_in_doubling_steps(struct fixture *f, const char *again)
{
    for (size_t i = 0; i < sizeof(doubling) / sizeof(doubling[0]); i++) {
        mesh_dial_failed(f->mesh, f->target, f->now_ms);
        tick_within(f, doubling[i], doubling[i] + 100);
        EXPECT(f, again);
    }
}

static void
configured_routes_with_backoff(void **state)
{
    struct fixture f;

    (void)state;
    fixture_open(&f, NULL);
    mesh_set_retries(f.mesh, 0, true);
    configure(&f, "a", NULL);
    EXPECT(&f, "dial a:6222");
    fail_in_doubling_steps(&f, "dial a:6222");
    fixture_close(&f);
}

/* Link 1 to server a, through which the gossip comes. */
static void
open_with_route(struct fixture *f, unsigned retries)
{
    fixture_open(f, NULL);
    mesh_set_retries(f->mesh, retries, false);
    configure(f, "a", NULL);
    EXPECT(f, "dial a:6222");
    dialled(f, 1, "a");
    info(f, 1, "a");
    EXPECT(f, "register 1 to a");
}

static void
gossip(struct fixture *f, const char *id, const char *ip)
{
    struct mesh_info told = info_of(id);

    told.ip = ip;
    mesh_link_info(f->mesh, 1, &told, f->now_ms);
}

static void
gossip_is_dialled_unless_it_is_known(void **state)
{
    static const struct {
        const char *id, *host, *ip, *want;
    } cases[] = {
        { "b", "b", "nats-route://10.0.0.9:6222/", "dial 10.0.0.9:6222" },
        { "b", "b", NULL, "dial b:6222" },
        { "b", "b", "nonsense", "dial b:6222" },
        { "b", NULL, "nats-route://10.0.0.9:6222/", "dial 10.0.0.9:6222" },
        { "b", NULL, NULL, "" },
        { "m", "b", "nats-route://10.0.0.9:6222/", "" },    /* ourselves */
        { "a", "a", "nats-route://10.0.0.9:6222/", "" },    /* the route's own INFO */
        { "c", "c", "nats-route://10.0.0.9:6222/", "" },    /* has a route */
        { "b", "A", "nats-route://10.0.0.9:6222/", "" },    /* configured, by host */
        { "b", "b", "nats-route://a:6222/", "" },           /* configured, by URL */
        { "b", "b", "nats-route://own.example:6222/", "" }, /* our listener */
        { "", "b", "nats-route://10.0.0.9:6222/", "" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct mesh_info told = info_of(cases[i].id);
        struct fixture f;

        open_with_route(&f, 0);
        mesh_add_own(f.mesh, "Own.Example", 6222);
        accepted(&f, 2, "c");
        info(&f, 2, "c");
        EXPECT(&f, "register 2 to c; tell 1 about 2 at nats-route://10.0.0.c:6222/");
        told.host = cases[i].host;
        told.ip = cases[i].ip;
        told.auth_required = true;
        mesh_link_info(f.mesh, 1, &told, f.now_ms);
        EXPECT(&f, cases[i].want);
        if (*cases[i].want != '\0') {
            assert_int_equal(f.dial.route, MESH_LEARNED);
            assert_true(f.dial.auth_required);
            mesh_link_info(f.mesh, 1, &told, f.now_ms);
            EXPECT(&f, ""); /* under way */
        }
        fixture_close(&f);
    }
}

/* connect_retries of them quickly, as in the reference; then not given up for an hour. */
static void
learned_addresses_that_do_not_answer(void **state)
{
    for (unsigned retries = 0; retries < 4; retries++) {
        struct fixture f;
        int64_t start_ms;

        (void)state;
        open_with_route(&f, retries);
        gossip(&f, "b", "nats-route://b:6222/");
        EXPECT(&f, "dial b:6222");
        start_ms = f.now_ms;
        for (unsigned i = 0; i < retries; i++) {
            mesh_dial_failed(f.mesh, f.target, f.now_ms);
            tick_within(&f, 1000, 1100);
            EXPECT(&f, "dial b:6222");
        }
        fail_in_doubling_steps(&f, "dial b:6222");
        for (;;) {
            mesh_dial_failed(f.mesh, f.target, f.now_ms);
            f.now_ms = mesh_next_ms(f.mesh);
            mesh_tick(f.mesh, f.now_ms);
            if (f.now_ms >= start_ms + HOUR_MS)
                break;
            EXPECT(&f, "dial b:6222");
        }
        EXPECT(&f, "");
        assert_int_equal(f.now_ms, start_ms + HOUR_MS);
        assert_int_equal(mesh_next_ms(f.mesh), -1);
        fixture_close(&f);
    }
}

static void
a_lost_route_to_a_learned_address(void **state)
{
    struct fixture f;

    (void)state;
    open_with_route(&f, 0);
    gossip(&f, "b", "nats-route://b:6222/");
    EXPECT(&f, "dial b:6222");
    dialled(&f, 2, "b");
    info(&f, 2, "b");
    EXPECT(&f, "register 2 to b; tell 1 about 2 at nats-route://10.0.0.b:6222/");
    f.now_ms += 2LL * HOUR_MS;
    closed(&f, 2);
    tick_within(&f, 0, 100);
    EXPECT(&f, "dial b:6222");
    fail_in_doubling_steps(&f, "dial b:6222");
    /* It comes by itself: covered, until it goes again. */
    mesh_dial_failed(f.mesh, f.target, f.now_ms);
    accepted(&f, 3, "b");
    info(&f, 3, "b");
    EXPECT(&f, "register 3 to b; tell 1 about 3 at nats-route://10.0.0.b:6222/");
    assert_int_equal(mesh_next_ms(f.mesh), -1);
    f.now_ms += 10;
    closed(&f, 3); /* too early to be a success */
    tick_within(&f, 30000, 30100);
    EXPECT(&f, "dial b:6222");
    fixture_close(&f);
}

/* Who has dialled us dials again first; if it does not, we do. */
static void
a_lost_route_that_was_accepted(void **state)
{
    struct fixture f;

    (void)state;
    fixture_open(&f, NULL);
    accepted(&f, 1, "b");
    info(&f, 1, "b");
    EXPECT(&f, "register 1 to b");
    assert_false(mesh_is_configured(f.mesh, 1));
    f.now_ms += 5000;
    closed(&f, 1);
    tick_within(&f, 2000, 2100);
    EXPECT(&f, "dial 10.0.0.b:6222");
    fail_in_doubling_steps(&f, "dial 10.0.0.b:6222");
    fixture_close(&f);
}

static void
a_server_that_said_that_it_ends(void **state)
{
    struct fixture f;
    struct mesh_info told = info_of("a");

    (void)state;
    open_with_route(&f, 0);
    gossip(&f, "b", "nats-route://b:6222/");
    EXPECT(&f, "dial b:6222");
    dialled(&f, 2, "b");
    info(&f, 2, "b");
    accepted(&f, 3, "c");
    info(&f, 3, "c");
    EXPECT(&f, "register 2 to b; tell 1 about 2 at nats-route://10.0.0.b:6222/; register 3 to c; "
               "tell 1 about 3 at nats-route://10.0.0.c:6222/; "
               "tell 2 about 3 at nats-route://10.0.0.c:6222/");
    f.now_ms += 5000;
    mesh_link_ending(f.mesh, 2);
    mesh_link_ending(f.mesh, 3);
    closed(&f, 2);
    closed(&f, 3);
    EXPECT(&f, "");
    assert_int_equal(mesh_next_ms(f.mesh), -1);
    /* The configuration wants it nevertheless. */
    told.ldm = true;
    mesh_link_info(f.mesh, 1, &told, f.now_ms);
    closed(&f, 1);
    tick_within(&f, 1000, 1100);
    EXPECT(&f, "dial a:6222");
    fixture_close(&f);
}

static void
we_do_not_dial_ourselves_twice(void **state)
{
    struct fixture f;

    (void)state;
    fixture_open(&f, NULL);
    configure(&f, "localhost", NULL);
    EXPECT(&f, "dial localhost:6222");
    dialled(&f, 1, "m");
    accepted(&f, 2, "m");
    info(&f, 1, "m");
    info(&f, 2, "m");
    EXPECT(&f, "close 1 Duplicate Route; close 2 Duplicate Route");
    closed(&f, 1);
    closed(&f, 2);
    /* The name may have another address; but it has this one alone. */
    tick_within(&f, 1000, 1100);
    EXPECT(&f, "dial localhost:6222");
    dialled(&f, 3, "m");
    info(&f, 3, "m");
    EXPECT(&f, "close 3 Duplicate Route");
    closed(&f, 3);
    assert_int_equal(mesh_next_ms(f.mesh), -1);
    assert_true(mesh_is_own(f.mesh, "10.0.0.m", 6222));
    assert_true(mesh_is_own(f.mesh, "LOCALHOST", 6222));
    assert_false(mesh_is_own(f.mesh, "10.0.0.m", 40000));
    configure(&f, "localhost", "10.0.0.m");
    EXPECT(&f, "");
    for (int i = 0; i < 2 * MESH_OWN_MAX; i++) {
        char host[16];

        snprintf(host, sizeof(host), "own%d", i);
        mesh_add_own(f.mesh, host, 6222);
    }
    assert_false(mesh_is_own(f.mesh, "own100", 6222));
    fixture_close(&f);
}

static void
a_learned_address_that_is_our_own(void **state)
{
    struct fixture f;

    (void)state;
    open_with_route(&f, 0);
    gossip(&f, "b", "nats-route://b:6222/");
    EXPECT(&f, "dial b:6222");
    dialled(&f, 2, "m");
    info(&f, 2, "m");
    EXPECT(&f, "close 2 Duplicate Route");
    closed(&f, 2);
    assert_int_equal(mesh_next_ms(f.mesh), -1);
    gossip(&f, "b", "nats-route://b:6222/");
    EXPECT(&f, "");
    fixture_close(&f);
}

/* Lame duck may last, but not for an hour. */
static void
a_lost_lame_duck(void **state)
{
    struct fixture f;
    struct mesh_info told = info_of("b");
    int64_t lost_ms;

    (void)state;
    fixture_open(&f, NULL);
    accepted(&f, 1, "b");
    told.ldm = true;
    mesh_link_info(f.mesh, 1, &told, f.now_ms);
    EXPECT(&f, "register 1 to b");
    f.now_ms += 2LL * HOUR_MS;
    closed(&f, 1);
    lost_ms = f.now_ms;
    tick_within(&f, 2000, 2100);
    EXPECT(&f, "dial 10.0.0.b:6222");
    while (mesh_dial_failed(f.mesh, f.target, f.now_ms), mesh_next_ms(f.mesh) != -1) {
        f.now_ms = mesh_next_ms(f.mesh);
        mesh_tick(f.mesh, f.now_ms);
        EXPECT(&f, f.now_ms < lost_ms + 300000 ? "dial 10.0.0.b:6222" : "");
    }
    assert_int_equal(f.now_ms, lost_ms + 300000);
    fixture_close(&f);
}

/* A route that lives for a moment after a long one is no reason to forget the server. */
static void
an_old_address_is_remembered_after_a_short_route(void **state)
{
    struct fixture f;

    (void)state;
    fixture_open(&f, NULL);
    accepted(&f, 1, "b");
    accepted(&f, 2, "b");
    info(&f, 1, "b");
    f.now_ms += 2LL * HOUR_MS;
    info(&f, 2, "b");
    EXPECT(&f, "register 1 to b; spare 2");
    closed(&f, 1);
    EXPECT(&f, "register 2 to b");
    f.now_ms += 10;
    closed(&f, 2);
    tick_within(&f, 1000, 1100);
    EXPECT(&f, "dial 10.0.0.b:6222");
    fixture_close(&f);
}

/* ---- reload ---- */

static void
a_removed_route_is_closed(void **state)
{
    struct fixture f;
    uint32_t old;

    (void)state;
    open_with_route(&f, 0);
    assert_true(mesh_is_configured(f.mesh, 1));
    configure(&f, "b", "a");
    EXPECT(&f, "dial b:6222");
    old = f.target;
    configure(&f, "c", NULL);
    EXPECT(&f, "close 1 Route Removed; dial c:6222");
    assert_false(mesh_link_opened(f.mesh, 2, old, "10.0.0.b", 6222, f.now_ms));
    mesh_dial_failed(f.mesh, old, f.now_ms);
    closed(&f, 1);
    mesh_dial_failed(f.mesh, f.target, f.now_ms);
    configure(&f, NULL, NULL);
    EXPECT(&f, "");
    assert_int_equal(mesh_next_ms(f.mesh), -1);
    fixture_close(&f);
}

/* The configured state has moved to the link that the server itself has dialled. */
static void
a_removed_route_whose_server_came_by_itself(void **state)
{
    struct fixture f;

    (void)state;
    fixture_open(&f, NULL);
    accepted(&f, 1, "a");
    info(&f, 1, "a");
    configure(&f, "a", "also-a");
    EXPECT(&f, "register 1 to a; dial a:6222; dial also-a:6222");
    dialled(&f, 2, "a");
    info(&f, 2, "a");
    EXPECT(&f, "spare 2");
    closed(&f, 2);
    assert_true(mesh_is_configured(f.mesh, 1));
    configure(&f, "a", NULL);
    EXPECT(&f, "close 1 Route Removed");
    closed(&f, 1);
    fixture_close(&f);
}

/* As long as another configured address leads to the server. */
static void
one_of_two_routes_to_a_server_is_removed(void **state)
{
    struct fixture f;
    uint32_t first;

    (void)state;
    fixture_open(&f, NULL);
    configure(&f, "a", NULL);
    EXPECT(&f, "dial a:6222");
    first = f.target;
    configure(&f, "a", "also-a");
    EXPECT(&f, "dial also-a:6222");
    dialled(&f, 2, "a");
    info(&f, 2, "a");
    f.target = first;
    dialled(&f, 1, "a");
    info(&f, 1, "a");
    EXPECT(&f, "register 2 to a; spare 1");
    closed(&f, 1);
    configure(&f, "also-a", NULL);
    EXPECT(&f, "");
    assert_true(mesh_is_configured(f.mesh, 2));
    fixture_close(&f);
}

static void
a_learned_address_becomes_configured(void **state)
{
    struct fixture f;

    (void)state;
    open_with_route(&f, 0);
    gossip(&f, "b", "nats-route://b:6222/");
    EXPECT(&f, "dial b:6222");
    mesh_dial_failed(f.mesh, f.target, f.now_ms);
    configure(&f, "a", "b");
    EXPECT(&f, "dial b:6222");
    assert_int_equal(f.dial.route, 1);
    mesh_dial_failed(f.mesh, f.target, f.now_ms);
    tick_within(&f, 1000, 1100);
    EXPECT(&f, "dial b:6222");
    fixture_close(&f);
}

/* ---- restarts, bounds ---- */

/* The old server's end is not noticed yet, and the address is that of another one already. */
static void
another_server_at_a_learned_address(void **state)
{
    for (int dials = 0; dials < 2; dials++) {
        struct fixture f;

        (void)state;
        open_with_route(&f, 0);
        if (dials) {
            gossip(&f, "b", "nats-route://10.0.0.b:6222/");
            EXPECT(&f, "dial 10.0.0.b:6222");
            dialled(&f, 2, "b");
        } else {
            accepted(&f, 2, "b");
        }
        info(&f, 2, "b");
        EXPECT(&f, "register 2 to b; tell 1 about 2 at nats-route://10.0.0.b:6222/");
        gossip(&f, "new", "nats-route://10.0.0.b:6222/");
        EXPECT(&f, "dial 10.0.0.b:6222");
        closed(&f, 2);
        dialled(&f, 3, "b");
        info(&f, 3, "new");
        EXPECT(&f, "register 3 to new; tell 1 about 3 at nats-route://10.0.0.b:6222/");
        assert_int_equal(mesh_next_ms(f.mesh), -1);
        fixture_close(&f);
    }
}

/* Before it answers, a server may be told of at another address. */
static void
a_server_at_another_address(void **state)
{
    struct fixture f;

    (void)state;
    open_with_route(&f, 0);
    gossip(&f, "b", "nats-route://old:6222/");
    EXPECT(&f, "dial old:6222");
    mesh_dial_failed(f.mesh, f.target, f.now_ms);
    gossip(&f, "b", "nats-route://new:6222/");
    EXPECT(&f, "dial new:6222");
    fixture_close(&f);
}

static void
learned_addresses_are_bounded(void **state)
{
    struct fixture f;
    struct mesh_action action;
    size_t dials = 0;

    (void)state;
    open_with_route(&f, 0);
    for (int i = 0; i < MESH_LEARNED_MAX + 10; i++) {
        char id[16], ip[40];

        snprintf(id, sizeof(id), "s%d", i);
        snprintf(ip, sizeof(ip), "nats-route://h%d:6222/", i);
        gossip(&f, id, ip);
        f.now_ms++;
    }
    while (mesh_take(f.mesh, &action)) {
        mesh_dial_failed(f.mesh, action.target, f.now_ms);
        dials++;
    }
    assert_int_equal(dials, MESH_LEARNED_MAX); /* those under way make no room */
    gossip(&f, "s9999", "nats-route://h9999:6222/");
    EXPECT(&f, "dial h9999:6222");
    gossip(&f, "s0", "nats-route://h0:6222/"); /* was the oldest, and has made the room */
    EXPECT(&f, "dial h0:6222");
    fixture_close(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls_are_parsed),
        cmocka_unit_test(configured_routes_are_dialled_for_ever),
        cmocka_unit_test(configured_routes_with_backoff),
        cmocka_unit_test(gossip_is_dialled_unless_it_is_known),
        cmocka_unit_test(learned_addresses_that_do_not_answer),
        cmocka_unit_test(a_lost_route_to_a_learned_address),
        cmocka_unit_test(a_lost_route_that_was_accepted),
        cmocka_unit_test(a_server_that_said_that_it_ends),
        cmocka_unit_test(a_lost_lame_duck),
        cmocka_unit_test(an_old_address_is_remembered_after_a_short_route),
        cmocka_unit_test(we_do_not_dial_ourselves_twice),
        cmocka_unit_test(a_learned_address_that_is_our_own),
        cmocka_unit_test(a_removed_route_is_closed),
        cmocka_unit_test(a_removed_route_whose_server_came_by_itself),
        cmocka_unit_test(one_of_two_routes_to_a_server_is_removed),
        cmocka_unit_test(a_learned_address_becomes_configured),
        cmocka_unit_test(another_server_at_a_learned_address),
        cmocka_unit_test(a_server_at_another_address),
        cmocka_unit_test(learned_addresses_are_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
