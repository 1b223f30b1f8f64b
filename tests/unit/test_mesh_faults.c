/* SPDX-License-Identifier: Apache-2.0
 *
 * What a peer makes the mesh allocate may be refused: the link is closed, or what was known stays.
 * Linked with --wrap for the allocators.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mesh_support.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);

static bool refuse; /* the next one */

void *
__wrap_malloc(size_t size)
{
    bool now = refuse;

    refuse = false;
    return now ? NULL : __real_malloc(size);
}

void *
__wrap_calloc(size_t count, size_t size)
{
    bool now = refuse;

    refuse = false;
    return now ? NULL : __real_calloc(count, size);
}

static void
tell(struct fixture *f, uint64_t link, const char *id, const char *url)
{
    struct mesh_info told = info_of(id);

    told.connect_urls = &url;
    told.connect_url_count = 1;
    mesh_link_info(f->mesh, link, &told, f->now_ms);
}

static void
a_link_without_memory_is_not_known(void **state)
{
    struct fixture f;

    (void)state;
    fixture_open(&f, NULL);
    configure(&f, "a", NULL);
    EXPECT(&f, "dial a:6222");
    refuse = true;
    assert_false(mesh_link_opened(f.mesh, 1, f.target, "10.0.0.a", 6222, f.now_ms));
    tick_within(&f, 1000, 1100);
    EXPECT(&f, "dial a:6222");
    fixture_close(&f);
}

static void
info_without_memory(void **state)
{
    struct fixture f;
    struct mesh_action action;

    (void)state;
    fixture_open(&f, NULL);
    accepted(&f, 1, "a");
    refuse = true;
    tell(&f, 1, "a", "x:1");
    EXPECT(&f, "close 1 Protocol Violation");
    closed(&f, 1);
    accepted(&f, 2, "a");
    tell(&f, 2, "a", "x:1");
    EXPECT(&f, "register 2 to a; urls x:1");
    refuse = true;
    tell(&f, 2, "a", "y:1"); /* the old ones stay */
    EXPECT(&f, "");
    tell(&f, 2, "a", "z:1");
    refuse = true; /* of the union: it is made later */
    assert_false(mesh_take(f.mesh, &action));
    EXPECT(&f, "urls z:1");
    fixture_close(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_link_without_memory_is_not_known),
        cmocka_unit_test(info_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
