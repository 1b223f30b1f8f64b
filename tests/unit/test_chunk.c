/* SPDX-License-Identifier: Apache-2.0
 *
 * What a pool keeps, and when it gives it back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/chunk.h"

enum { CHUNKS = 10, USED = 3 };

static void
get(struct chunk_pool *pool, struct chunk **chunks, unsigned count, enum chunk_use use)
{
    for (unsigned i = 0; i < count; i++) {
        chunks[i] = chunk_get(pool, 100, 100, use);
        assert_non_null(chunks[i]);
    }
}

static void
put(struct chunk_pool *pool, struct chunk **chunks, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        chunk_put(pool, chunks[i]);
}

static void
spare_chunks_are_used_again(void **state)
{
    struct chunk_pool pool = { 0 };
    struct chunk *first, *again;

    (void)state;
    get(&pool, &first, 1, CHUNK_FIRST);
    assert_true(chunk_pool_is_empty(&pool));
    chunk_put(&pool, first);
    assert_false(chunk_pool_is_empty(&pool));
    get(&pool, &again, 1, CHUNK_FIRST);
    assert_ptr_equal(again, first);
    chunk_put(&pool, again);
    assert_int_equal(pool.freed, 0);
    chunk_pool_release(&pool);
    assert_true(chunk_pool_is_empty(&pool));
}

/* Between two calls some are needed: the others go. */
static void
unused_chunks_go_back(void **state)
{
    static const enum chunk_use uses[] = { CHUNK_FIRST, CHUNK_NEXT };

    (void)state;
    for (size_t i = 0; i < sizeof(uses) / sizeof(uses[0]); i++) {
        struct chunk_pool pool = { 0 };
        struct chunk *chunks[CHUNKS];
        size_t each;

        get(&pool, chunks, CHUNKS, uses[i]);
        each = sizeof(struct chunk) + chunks[0]->cap;
        put(&pool, chunks, CHUNKS);
        chunk_pool_age(&pool); /* all were needed */
        assert_int_equal(pool.freed, 0);
        get(&pool, chunks, USED, uses[i]);
        put(&pool, chunks, USED);
        chunk_pool_age(&pool);
        assert_int_equal(pool.freed, (CHUNKS - USED) * each);
        assert_int_equal(pool.small.count + pool.large.count, USED);
        chunk_pool_age(&pool);
        assert_int_equal(pool.freed, CHUNKS * each);
        assert_true(chunk_pool_is_empty(&pool));
    }
}

static void
a_shared_block_goes_with_its_last_holder(void **state)
{
    struct chunk_pool pool = { 0 };
    struct block *block = block_new(5000);
    struct chunk *chunk;

    (void)state;
    assert_non_null(block);
    chunk = chunk_get_ref(block, block->data, 5000);
    assert_non_null(chunk);
    assert_int_equal(block_unref(block), 0);
    chunk_put(&pool, chunk);
    assert_true(pool.freed >= 5000);
    assert_true(chunk_pool_is_empty(&pool));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spare_chunks_are_used_again),
        cmocka_unit_test(unused_chunks_go_back),
        cmocka_unit_test(a_shared_block_goes_with_its_last_holder),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
