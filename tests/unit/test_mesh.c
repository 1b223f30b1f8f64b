/* SPDX-License-Identifier: Apache-2.0
 *
 * One mesh, event by event: names, duplicates, URLs. Whom it dials is in test_mesh_dial.c, whole
 * clusters are in test_mesh_sim.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mesh_support.h"

static void
the_others_are_told_of_a_new_one(void **state)
{
    struct fixture f;
    struct mesh_info advertised = info_of("c"), nowhere = info_of("d"), v6 = info_of("e");

    (void)state;
    fixture_open(&f, NULL);
    accepted(&f, 1, "a");
    EXPECT(&f, "");
    info(&f, 1, "a");
    EXPECT(&f, "register 1 to a");
    accepted(&f, 2, "b");
    info(&f, 2, "b");
    EXPECT(&f, "register 2 to b; tell 1 about 2 at nats-route://10.0.0.b:6222/");
    advertised.ip = "nats-route://c.example:7222/";
    accepted(&f, 3, "c");
    mesh_link_info(f.mesh, 3, &advertised, f.now_ms);
    EXPECT(&f, "register 3 to c; tell 1 about 3 at nats-route://c.example:7222/; "
               "tell 2 about 3 at nats-route://c.example:7222/");
    nowhere.port = 0;
    accepted(&f, 4, "d");
    mesh_link_info(f.mesh, 4, &nowhere, f.now_ms);
    EXPECT(&f, "register 4 to d");
    assert_true(mesh_link_opened(f.mesh, 5, 0, "fe80::1", 40000, f.now_ms));
    closed(&f, 2);
    closed(&f, 3);
    closed(&f, 4);
    mesh_link_info(f.mesh, 5, &v6, f.now_ms);
    EXPECT(&f, "register 5 to e; tell 1 about 5 at nats-route://[fe80::1]:6222/");
    assert_int_equal(mesh_route_count(f.mesh), 2);
    assert_int_equal(mesh_route(f.mesh, "e"), 5);
    assert_int_equal(mesh_route(f.mesh, "b"), 0);
    fixture_close(&f);
}

/* What the shell does in between makes an action pointless: it is left out. */
static void
actions_are_looked_up_when_taken(void **state)
{
    struct fixture f;

    (void)state;
    fixture_open(&f, NULL);
    accepted(&f, 1, "a");
    accepted(&f, 2, "b");
    info(&f, 1, "a");
    info(&f, 2, "b");
    closed(&f, 1);
    EXPECT(&f, "register 2 to b");
    fixture_close(&f);
}

/* ---- names ---- */

#define REJECTED(theirs)                                                                           \
    "close 1 Cluster Name Conflict -ERR 'Rejecting connection, cluster name \"" theirs             \
    "\" does not match \"east\"'"

static void
cluster_names(void **state)
{
    static const struct {
        bool own_dynamic;
        const char *theirs;
        bool dynamic;
        const char *after_connect, *after_info;
    } cases[] = {
        { false, "east", false, "", "register 1 to a" },
        { false, "east", true, "", "register 1 to a" },
        { false, "west", false, REJECTED("west"), "close 1 Cluster Name Conflict" },
        { false, "west", true, REJECTED("west"), "close 1 Cluster Name Conflict" },
        { false, NULL, false, REJECTED(""), "close 1 Cluster Name Conflict" },
        { true, NULL, false, REJECTED(""), "close 1 Cluster Name Conflict" },
        { true, "west", true, "renamed west (dynamic)", "renamed west (dynamic); register 1 to a" },
        { true, "away", true, REJECTED("away"), "close 1 Cluster Name Conflict" },
        { true, "away", false, "renamed away", "renamed away; register 1 to a" },
        { true, "east", true, "", "register 1 to a" },
        { true, "east", false, "renamed east", "renamed east; register 1 to a" },
        { false, "it's\r\n", false, REJECTED("it?s??"), "close 1 Cluster Name Conflict" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct mesh_settings settings = { .server_id = "m",
                                          .server_name = "mike",
                                          .cluster = "east",
                                          .cluster_dynamic = cases[i].own_dynamic };
        struct mesh_info told = info_of("a");
        struct fixture f;

        fixture_open(&f, &settings);
        accepted(&f, 1, "a");
        mesh_link_connect(f.mesh, 1, cases[i].theirs, cases[i].dynamic);
        EXPECT(&f, cases[i].after_connect);
        fixture_close(&f);

        fixture_open(&f, &settings);
        accepted(&f, 1, "a");
        told.cluster = cases[i].theirs;
        told.cluster_dynamic = cases[i].dynamic;
        mesh_link_info(f.mesh, 1, &told, f.now_ms);
        EXPECT(&f, cases[i].after_info);
        fixture_close(&f);
    }
}

static void
a_name_too_long_is_shown_in_part_and_not_adopted(void **state)
{
    struct mesh_settings settings = {
        .server_id = "m", .server_name = "mike", .cluster = "east", .cluster_dynamic = true
    };
    char name[MESH_NAME_MAX + 2];
    struct mesh_action action;
    struct fixture f;

    (void)state;
    memset(name, 'x', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    fixture_open(&f, &settings);
    accepted(&f, 1, "a");
    mesh_link_connect(f.mesh, 1, name, false);
    assert_true(mesh_take(f.mesh, &action));
    assert_int_equal(action.reason, MESH_REASON_CLUSTER_NAME);
    assert_true(strlen(action.error) < MESH_ERROR_MAX);
    assert_non_null(strstr(action.error, "\" does not match \"east\""));
    name[MESH_NAME_MAX] = '\0';
    accepted(&f, 2, "a");
    mesh_link_connect(f.mesh, 2, name, false);
    assert_string_equal(mesh_cluster(f.mesh), name);
    fixture_close(&f);
}

static void
adoption_and_reload_drop_the_other_links(void **state)
{
    struct mesh_settings settings = {
        .server_id = "m", .server_name = "mike", .cluster = "east", .cluster_dynamic = true
    };
    struct fixture f;

    (void)state;
    fixture_open(&f, &settings);
    accepted(&f, 1, "a");
    info(&f, 1, "a");
    EXPECT(&f, "renamed east; register 1 to a");
    accepted(&f, 2, "b");
    mesh_link_connect(f.mesh, 2, "west", false);
    EXPECT(&f, "close 2 Cluster Name Conflict -ERR 'Rejecting connection, cluster name \"west\" "
               "does not match \"east\"'");
    mesh_set_cluster(f.mesh, "west");
    EXPECT(&f, "renamed west; close 1 Cluster Name Conflict");
    mesh_set_cluster(f.mesh, "west");
    EXPECT(&f, "");
    fixture_close(&f);

    fixture_open(&f, &settings);
    accepted(&f, 1, "a");
    accepted(&f, 2, "b");
    mesh_link_connect(f.mesh, 2, "west", true);
    EXPECT(&f, "renamed west (dynamic); close 1 Cluster Name Conflict");
    info(&f, 1, "a");
    EXPECT(&f, "");
    fixture_close(&f);
}

static void
ids_and_names_of_servers(void **state)
{
    char id[MESH_ID_MAX + 2];
    struct mesh_info twin = info_of("a");
    struct fixture f;

    (void)state;
    fixture_open(&f, NULL);
    accepted(&f, 1, "a");
    twin.server_name = "mike";
    mesh_link_info(f.mesh, 1, &twin, f.now_ms);
    EXPECT(&f, "close 1 Duplicate Server Name");
    memset(id, 'x', sizeof(id) - 1);
    id[sizeof(id) - 1] = '\0';
    accepted(&f, 2, "a");
    info(&f, 2, id);
    EXPECT(&f, "close 2 Protocol Violation");
    accepted(&f, 3, "a");
    info(&f, 3, "");
    EXPECT(&f, "close 3 Protocol Violation");
    accepted(&f, 4, "m");
    info(&f, 4, "m");
    EXPECT(&f, "close 4 Duplicate Route");
    id[MESH_ID_MAX] = '\0';
    accepted(&f, 5, "a");
    info(&f, 5, id);
    assert_int_equal(mesh_route(f.mesh, id), 5);
    fixture_close(&f);
}

/* ---- duplicates ---- */

/* The peer has the greater or the smaller id; the first and the second link are dialled from here
 * or accepted. */
struct twice {
    const char *peer;
    bool first_dialled, second_dialled;
    int64_t after_ms;
    bool stays; /* 1 is still the route */
};

static const struct twice twice_cases[] = {
    { "z", true, false, 1000, false }, /* the peer should have closed 2: it does not know of 1 */
    { "a", true, false, 250, false },  /* we have dialled 1, and lose it */
    { "z", false, true, 1000, false }, /* the peer should have closed 1 */
    { "a", false, true, 250, true },   /* we have dialled 2, and lose it */
    { "z", true, true, 250, true },    /* both ours: the route stays */
    { "a", true, true, 250, true },
    { "z", false, false, 1000, false }, /* both the peer's: it keeps the second */
    { "a", false, false, 1000, false },
};

/* Links 1 and 2 to the peer; two configured addresses lead to it. A dial that is not used is still
 * under way. */
static void
open_twice(struct fixture *f, const struct twice *t)
{
    uint32_t targets[2];
    struct mesh_action action;

    fixture_open(f, NULL);
    configure(f, "first", "second");
    for (int i = 0; i < 2; i++) {
        assert_true(mesh_take(f->mesh, &action));
        targets[i] = action.target;
    }
    for (uint64_t link = 1; link <= 2; link++) {
        f->target = targets[link - 1];
        if (link == 1 ? t->first_dialled : t->second_dialled)
            dialled(f, link, t->peer);
        else
            accepted(f, link, t->peer);
    }
    info(f, 1, t->peer);
    info(f, 2, t->peer);
    EXPECT(f, t->peer[0] == 'a' ? "register 1 to a; spare 2" : "register 1 to z; spare 2");
}

static void
two_links_to_one_server(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(twice_cases) / sizeof(twice_cases[0]); i++) {
        const struct twice *t = &twice_cases[i];
        struct fixture f;

        open_twice(&f, t);
        tick_within(&f, t->after_ms, t->after_ms);
        if (t->stays)
            EXPECT(&f, "close 2 Duplicate Route");
        else
            EXPECT(&f, t->peer[0] == 'a' ? "close 1 Duplicate Route; register 2 to a"
                                         : "close 1 Duplicate Route; register 2 to z");
        closed(&f, t->stays ? 2 : 1);
        EXPECT(&f, "");
        assert_int_equal(mesh_route(f.mesh, t->peer), t->stays ? 1 : 2);
        assert_int_equal(mesh_next_ms(f.mesh), -1);
        fixture_close(&f);
    }
}

/* Whatever the peer closes, the other one is the route, and no target that leads there is dialled
 * until that one is gone too. */
static void
the_peer_decides_first(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * sizeof(twice_cases) / sizeof(twice_cases[0]); i++) {
        const struct twice *t = &twice_cases[i / 2];
        uint64_t dies = 1 + i % 2, lives = 3 - dies;
        struct fixture f;

        open_twice(&f, t);
        closed(&f, dies);
        if (dies == 1)
            EXPECT(&f, t->peer[0] == 'a' ? "register 2 to a" : "register 2 to z");
        else
            EXPECT(&f, "");
        assert_int_equal(mesh_route(f.mesh, t->peer), lives);
        assert_int_equal(mesh_is_configured(f.mesh, lives), t->first_dialled || t->second_dialled);
        assert_int_equal(mesh_next_ms(f.mesh), -1);
        closed(&f, lives);
        EXPECT(&f, "");
        assert_int_not_equal(mesh_next_ms(f.mesh), -1);
        fixture_close(&f);
    }
}

static void
three_links_to_one_server(void **state)
{
    struct fixture f;

    (void)state;
    fixture_open(&f, NULL);
    for (uint64_t link = 1; link <= 3; link++) {
        accepted(&f, link, "a");
        info(&f, link, "a");
    }
    EXPECT(&f, "register 1 to a; spare 2; spare 3");
    f.now_ms += 900;
    closed(&f, 1);
    EXPECT(&f, "register 2 to a");
    tick_within(&f, 1000, 1000);
    EXPECT(&f, "close 2 Duplicate Route; register 3 to a");
    closed(&f, 3);
    EXPECT(&f, "");
    closed(&f, 2);
    fixture_close(&f);
}

/* ---- URLs ---- */

static void
tell_urls(struct fixture *f, uint64_t link, const char *id, bool ldm, const char *a, const char *b)
{
    const char *urls[] = { a, b };
    struct mesh_info told = info_of(id);

    told.ldm = ldm;
    told.connect_urls = urls;
    told.connect_url_count = (a != NULL) + (size_t)(b != NULL);
    mesh_link_info(f->mesh, link, &told, f->now_ms);
}

static void
urls_are_the_union_of_all_servers(void **state)
{
    struct fixture f;

    (void)state;
    fixture_open(&f, NULL);
    accepted(&f, 1, "a");
    accepted(&f, 2, "b");
    accepted(&f, 3, "a");
    tell_urls(&f, 1, "a", false, "x:1", "w:1");
    EXPECT(&f, "register 1 to a; urls w:1 x:1");
    tell_urls(&f, 2, "b", false, "x:1", NULL);
    EXPECT(&f, "register 2 to b; tell 1 about 2 at nats-route://10.0.0.b:6222/");
    tell_urls(&f, 3, "a", false, "not:1", NULL);
    EXPECT(&f, "spare 3");
    tell_urls(&f, 1, "a", true, "x:1", "w:1");
    EXPECT(&f, "urls x:1");
    tell_urls(&f, 2, "b", false, "y:1", "x:1");
    EXPECT(&f, "urls x:1 y:1");
    closed(&f, 2);
    EXPECT(&f, "urls");
    tell_urls(&f, 1, "a", false, "v:1", NULL);
    EXPECT(&f, "urls v:1");
    closed(&f, 1);
    EXPECT(&f, "register 3 to a; urls not:1");
    fixture_close(&f);
}

static void
urls_of_one_server_are_bounded(void **state)
{
    static char texts[MESH_URLS_MAX + 5][16];
    const char *urls[MESH_URLS_MAX + 5];
    struct mesh_info told = info_of("a");
    struct mesh_action action;
    struct fixture f;
    size_t count;

    (void)state;
    for (size_t i = 0; i < MESH_URLS_MAX + 5; i++) {
        snprintf(texts[i], sizeof(texts[i]), "h%zu:4222", i);
        urls[i] = texts[i];
    }
    told.connect_urls = urls;
    told.connect_url_count = MESH_URLS_MAX + 5;
    fixture_open(&f, NULL);
    accepted(&f, 1, "a");
    mesh_link_info(f.mesh, 1, &told, f.now_ms);
    while (mesh_take(f.mesh, &action))
        assert_int_equal(action.kind, action.kind == MESH_URLS ? MESH_URLS : MESH_REGISTER);
    mesh_urls(f.mesh, &count);
    assert_int_equal(count, MESH_URLS_MAX);
    fixture_close(&f);
}

static void
links_are_bounded(void **state)
{
    struct fixture f;

    (void)state;
    fixture_open(&f, NULL);
    for (uint64_t link = 1; link <= MESH_LINKS_MAX - MESH_DIALLED_MIN; link++)
        accepted(&f, link, "a");
    assert_false(mesh_link_opened(f.mesh, 9998, 0, "10.0.0.b", 6222, f.now_ms));
    closed(&f, 7);
    accepted(&f, 9997, "a");
    configure(&f, "b", NULL);
    EXPECT(&f, "dial b:6222");
    dialled(&f, 9996, "b");
    fixture_close(&f);
}

/* What is dialled takes what accepted ones leave, and no more than there is. */
static void
dialled_links_are_bounded(void **state)
{
    struct mesh_address routes[MESH_DIALLED_MIN + 1];
    char hosts[MESH_DIALLED_MIN + 1][16];
    struct mesh_action action;
    uint64_t link = 0;
    struct fixture f;

    (void)state;
    fixture_open(&f, NULL);
    while (link < MESH_LINKS_MAX - MESH_DIALLED_MIN)
        accepted(&f, ++link, "a");
    for (int i = 0; i <= MESH_DIALLED_MIN; i++) {
        snprintf(hosts[i], sizeof(hosts[i]), "b%d", i);
        routes[i] = (struct mesh_address) { hosts[i], 6222 };
    }
    mesh_configure(f.mesh, routes, MESH_DIALLED_MIN + 1, f.now_ms);
    while (mesh_take(f.mesh, &action)) {
        bool room = link < MESH_LINKS_MAX;

        assert_int_equal(action.kind, MESH_DIAL);
        assert_int_equal(
            mesh_link_opened(f.mesh, ++link, action.target, action.host, 6222, f.now_ms), room);
    }
    assert_int_equal(link, MESH_LINKS_MAX + 1);
    fixture_close(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_others_are_told_of_a_new_one),
        cmocka_unit_test(actions_are_looked_up_when_taken),
        cmocka_unit_test(cluster_names),
        cmocka_unit_test(a_name_too_long_is_shown_in_part_and_not_adopted),
        cmocka_unit_test(adoption_and_reload_drop_the_other_links),
        cmocka_unit_test(ids_and_names_of_servers),
        cmocka_unit_test(two_links_to_one_server),
        cmocka_unit_test(the_peer_decides_first),
        cmocka_unit_test(three_links_to_one_server),
        cmocka_unit_test(urls_are_the_union_of_all_servers),
        cmocka_unit_test(urls_of_one_server_are_bounded),
        cmocka_unit_test(links_are_bounded),
        cmocka_unit_test(dialled_links_are_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
