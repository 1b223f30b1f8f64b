/* SPDX-License-Identifier: Apache-2.0
 *
 * fields - what holds of every field that a parser points into its input
 */
#ifndef TESSERA_TESTS_FIELDS_H
#define TESSERA_TESTS_FIELDS_H

#include <assert.h>

#include "base/str.h"

static inline void
check_inside(struct str field, const char *data, size_t len)
{
    if (field.data == NULL) {
        assert(field.len == 0);
        return;
    }
    assert(field.data >= data && field.data <= data + len);
    assert(field.len <= (size_t)(data + len - field.data));
}

/* The same field of two copies of the input. */
static inline void
check_same_place(struct str a, struct str b, const char *a_data, const char *b_data)
{
    assert(a.len == b.len && (a.data == NULL) == (b.data == NULL));
    assert(a.data == NULL || a.data - a_data == b.data - b_data);
}

#endif
