/* SPDX-License-Identifier: Apache-2.0
 *
 * loop_support - loops that run on threads of their own, for the tests of net/
 */
#ifndef TESSERA_TESTS_LOOP_SUPPORT_H
#define TESSERA_TESTS_LOOP_SUPPORT_H

#include "net/loop.h"

static inline struct loop *
loop_running(unsigned index)
{
    struct loop *loop = NULL;

    assert_int_equal(loop_new(&loop, index, NULL), ERR_OK);
    assert_int_equal(loop_start(loop, NULL), ERR_OK);
    return loop;
}

static inline void
loop_end(struct loop *loop)
{
    loop_stop(loop);
    loop_free(loop);
}

#endif
