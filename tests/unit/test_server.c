/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "server/identity.h"
#include "server/sids.h"
#include "server/throttle.h"

static struct subscription *
make_sub(const char *sid)
{
    struct subscription *sub = subscription_new(NULL, STR_LIT("a"), STR_NULL, str_of(sid));

    assert_non_null(sub);
    return sub;
}

static void
drain(struct sids *sids)
{
    struct subscription *sub;
    size_t cursor = 0;

    while ((sub = sids_take_any(sids, &cursor)) != NULL)
        subscription_unref(sub);
    sids_release(sids);
}

static void
sids_find_what_was_added(void **state)
{
    struct sids sids = { 0 };
    char sid[16];

    (void)state;
    assert_null(sids_find(&sids, STR_LIT("1")));
    for (int i = 0; i < 5000; i++) {
        (void)snprintf(sid, sizeof(sid), "%d", i);
        assert_true(sids_add(&sids, make_sub(sid)));
    }
    assert_int_equal(sids.count, 5000);
    for (int i = 0; i < 5000; i++) {
        (void)snprintf(sid, sizeof(sid), "%d", i);
        assert_true(str_eq(subscription_sid(sids_find(&sids, str_of(sid))), str_of(sid)));
    }
    assert_null(sids_find(&sids, STR_LIT("5000")));
    drain(&sids);
}

/* Removal shifts entries back over the gap: every other one must stay reachable, each time. */
static void
sids_survive_removal_in_any_order(void **state)
{
    struct sids sids = { 0 };
    struct subscription *subs[400];
    char sid[16];

    (void)state;
    for (int i = 0; i < 400; i++) {
        (void)snprintf(sid, sizeof(sid), "s%d", i);
        subs[i] = make_sub(sid);
        assert_true(sids_add(&sids, subs[i]));
    }
    for (int step = 0; step < 400; step++) {
        int gone = (step * 163) % 400; /* 163 and 400 share no factor: each once */

        assert_true(sids_remove(&sids, subs[gone]));
        assert_false(sids_remove(&sids, subs[gone]));
        subscription_unref(subs[gone]);
        subs[gone] = NULL;
        for (int i = 0; i < 400; i++)
            if (subs[i] != NULL)
                assert_ptr_equal(sids_find(&sids, subscription_sid(subs[i])), subs[i]);
    }
    assert_int_equal(sids.count, 0);
    assert_null(sids.slots);
}

static void
sids_remove_wants_the_very_subscription(void **state)
{
    struct sids sids = { 0 };
    struct subscription *twin = make_sub("7");

    (void)state;
    assert_true(sids_add(&sids, make_sub("7")));
    assert_false(sids_remove(&sids, twin));
    assert_int_equal(sids.count, 1);
    subscription_unref(twin);
    drain(&sids);
}

static uint16_t
crc16(const unsigned char *data, size_t len)
{
    unsigned crc = 0;

    for (size_t i = 0; i < len * 8; i++) {
        unsigned bit = ((unsigned)data[i / 8] >> (7 - i % 8)) & 1u;

        crc = ((crc & 0x8000u) != 0) != (bit != 0) ? (crc << 1) ^ 0x1021u : crc << 1;
    }
    return (uint16_t)crc;
}

static void
server_ids_are_public_server_nkeys(void **state)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    char id[SERVER_ID_LEN + 1], other[SERVER_ID_LEN + 1];
    unsigned char raw[35] = { 0 };

    (void)state;
    server_id_make(id);
    server_id_make(other);
    assert_string_not_equal(id, other);
    assert_int_equal(strlen(id), SERVER_ID_LEN);
    assert_int_equal(id[0], 'N');
    for (size_t bit = 0; bit < sizeof(raw) * 8; bit++) {
        const char *digit = strchr(digits, id[bit / 5]);

        assert_non_null(digit);
        if (((digit - digits) >> (4 - bit % 5) & 1) != 0)
            raw[bit / 8] |= (unsigned char)(0x80u >> (bit % 8));
    }
    assert_int_equal(crc16(raw, 33), raw[33] | raw[34] << 8);
}

static void
throttles_count_seconds_of_their_own(void **state)
{
    static const struct {
        int64_t now_ms;
        bool passes;
    } rows[] = {
        { 5000, true }, { 5000, true },  { 5000, false }, { 5999, false },
        { 6000, true }, { 6500, true },  { 6999, false }, { 9000, true },
        { 9999, true }, { 9999, false }, { 10000, true },
    };
    struct throttle throttle;

    (void)state;
    throttle_init(&throttle);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (throttle_pass(&throttle, 2, rows[i].now_ms) != rows[i].passes)
            fail_msg("row %zu", i);
    assert_int_equal(throttle_take_refused(&throttle), 4);
    assert_int_equal(throttle_take_refused(&throttle), 0);
    for (int i = 0; i < 100; i++)
        assert_true(throttle_pass(&throttle, 0, 10000));
    throttle_release(&throttle);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sids_find_what_was_added),
        cmocka_unit_test(sids_survive_removal_in_any_order),
        cmocka_unit_test(sids_remove_wants_the_very_subscription),
        cmocka_unit_test(server_ids_are_public_server_nkeys),
        cmocka_unit_test(throttles_count_seconds_of_their_own),
    };

    return cmocka_run_group_tests_name("server", tests, NULL, NULL);
}
