/* SPDX-License-Identifier: Apache-2.0
 *
 * What peers are told: the peer is a connection over a socket pair, the test reads its far end. All
 * that belongs to the loop is done there by mail.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <semaphore.h>

#include "base/hash.h"
#include "net/conn.h"
#include "server/interest.h"

#define MANY 20000

struct fixture {
    struct loop *loop;
    struct interest *interest;
    struct account *account;
    struct peer peer;
    struct conn *conn;
    int near, far;
    struct interest_batch batch;
    struct subscription **subs;
    size_t count;
};

struct call {
    struct mail mail;
    void (*run)(struct fixture *fixture);
    struct fixture *fixture;
    sem_t done;
};

static void
deliver_call(struct mail *mail)
{
    struct call *call = (struct call *)(void *)mail;

    call->run(call->fixture);
    sem_post(&call->done);
}

/* Runs it on the loop and waits; what it appended is written when the next one runs. */
static void
on_loop(struct fixture *fixture, void (*run)(struct fixture *fixture))
{
    struct call call = { .mail.deliver = deliver_call, .run = run, .fixture = fixture };

    sem_init(&call.done, 0, 0);
    loop_post(fixture->loop, &call.mail);
    while (sem_wait(&call.done) == -1)
        continue;
    sem_destroy(&call.done);
}

static size_t
take_nothing(void *arg, char *data, size_t len, size_t *need)
{
    (void)arg;
    (void)data;
    (void)need;
    return len;
}

static void
ignore_timer(void *arg)
{
    (void)arg;
}

static void
ignore_end(void *arg, enum conn_end end)
{
    (void)arg;
    (void)end;
}

static const struct conn_handler handler = { take_nothing, ignore_timer, NULL, ignore_end };

static void
open_peer(struct fixture *fixture)
{
    static const struct conn_options options = { .max_pending = 64 << 20,
                                                 .write_deadline_ms = 10000,
                                                 .read_max = 65536 };

    fixture->conn = conn_new(fixture->loop, fixture->near, &options, &handler, fixture);
    fixture->peer.outq = outq_ref(conn_outq(fixture->conn));
}

static void
join(struct fixture *fixture)
{
    interest_join(fixture->interest, &fixture->peer);
    while (interest_tell_more(fixture->interest, &fixture->peer, fixture->loop))
        continue;
}

static void
close_peer(struct fixture *fixture)
{
    interest_leave(fixture->interest, &fixture->peer);
    outq_unref(fixture->peer.outq);
    conn_close(fixture->conn, false);
}

static void
setup(struct fixture *fixture)
{
    struct errmsg why;
    int pair[2];

    memset(fixture, 0, sizeof(*fixture));
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    fixture->near = pair[0];
    fixture->far = pair[1];
    fixture->interest = interest_new();
    fixture->account = account_new("$G", fixture->interest);
    list_init(&fixture->peer.link);
    assert_int_equal(loop_new(&fixture->loop, 0, &why), ERR_OK);
    assert_int_equal(loop_start(fixture->loop, &why), ERR_OK);
    on_loop(fixture, open_peer);
}

static void
teardown(struct fixture *fixture)
{
    on_loop(fixture, close_peer);
    loop_stop(fixture->loop);
    loop_free(fixture->loop);
    account_free(fixture->account);
    interest_free(fixture->interest);
    close(fixture->far);
}

/* Reads exactly what is expected. */
static void
expect(struct fixture *fixture, const char *expected)
{
    size_t len = strlen(expected), got = 0;
    char *text = calloc(1, len + 1);

    while (got < len) {
        ssize_t more = read(fixture->far, text + got, len - got);

        assert_true(more > 0);
        got += (size_t)more;
    }
    assert_string_equal(text, expected);
    free(text);
}

static struct subscription *
sub_new(const char *subject, const char *queue)
{
    struct subscription *sub = subscription_new(
        NULL, str_of(subject), queue == NULL ? STR_NULL : str_of(queue), STR_LIT("1"));

    assert_non_null(sub);
    return sub;
}

static void
insert_all(struct fixture *fixture)
{
    for (size_t i = 0; i < fixture->count; i++)
        assert_int_equal(account_insert(fixture->account, fixture->subs[i], fixture->loop), ERR_OK);
}

static void
remove_all(struct fixture *fixture)
{
    for (size_t i = 0; i < fixture->count; i++) {
        account_remove(fixture->account, fixture->subs[i], fixture->loop, NULL);
        subscription_unref(fixture->subs[i]);
    }
}

static void
remove_together(struct fixture *fixture)
{
    for (size_t i = 0; i < fixture->count; i++) {
        account_remove(fixture->account, fixture->subs[i], fixture->loop, &fixture->batch);
        subscription_unref(fixture->subs[i]);
    }
    account_tell(fixture->account, &fixture->batch, fixture->loop);
}

static void
test_changes(void **state)
{
    struct subscription *subs[] = { sub_new("foo.*", NULL), sub_new("foo.*", NULL),
                                    sub_new("foo.bar", "q1"), sub_new("foo.bar", "q1"),
                                    sub_new("foo.bar", NULL) };
    struct fixture fixture;

    (void)state;
    setup(&fixture);
    fixture.subs = subs;
    fixture.count = 5;
    on_loop(&fixture, join);
    on_loop(&fixture, insert_all);
    expect(&fixture, "RS+ $G foo.*\r\n"
                     "RS+ $G foo.bar q1 1\r\nRS+ $G foo.bar q1 2\r\n"
                     "RS+ $G foo.bar\r\n");
    assert_int_equal(interest_count(fixture.interest), 3);
    on_loop(&fixture, remove_all);
    expect(&fixture, "RS- $G foo.*\r\n"
                     "RS+ $G foo.bar q1 1\r\nRS- $G foo.bar q1\r\n"
                     "RS- $G foo.bar\r\n");
    assert_int_equal(interest_count(fixture.interest), 0);
    teardown(&fixture);
}

/* A client that leaves is one line for each group, and none where others stay. */
static void
test_batch(void **state)
{
    struct subscription *leaving[] = { sub_new("a", "q"), sub_new("a", "q"), sub_new("b", NULL),
                                       sub_new("a", "q") };
    struct subscription *staying[] = { sub_new("a", "q"), sub_new("b", NULL) };
    struct fixture fixture;

    (void)state;
    setup(&fixture);
    fixture.subs = leaving;
    fixture.count = 4;
    on_loop(&fixture, insert_all);
    fixture.subs = staying;
    fixture.count = 2;
    on_loop(&fixture, insert_all);
    interest_join(fixture.interest, &fixture.peer); /* is told of changes alone */
    fixture.subs = leaving;
    fixture.count = 4;
    on_loop(&fixture, remove_together);
    expect(&fixture, "RS+ $G a q 1\r\n");
    fixture.subs = staying;
    fixture.count = 2;
    on_loop(&fixture, remove_together);
    expect(&fixture, "RS- $G b\r\nRS- $G a q\r\n");
    assert_int_equal(interest_count(fixture.interest), 0);
    teardown(&fixture);
}

/* Who joins later is told all of it. */
static void
test_join(void **state)
{
    struct subscription **subs = calloc(MANY, sizeof(struct subscription *));
    bool *told = calloc(MANY, sizeof(bool));
    struct fixture fixture;
    char text[32];
    FILE *far;

    (void)state;
    setup(&fixture);
    fixture.subs = subs;
    fixture.count = MANY;
    for (int i = 0; i < MANY; i++) {
        snprintf(text, sizeof(text), "many.%d", i);
        subs[i] = sub_new(text, NULL);
    }
    on_loop(&fixture, insert_all);
    on_loop(&fixture, join);
    far = fdopen(dup(fixture.far), "r");
    for (int i = 0; i < MANY; i++) {
        int which = -1;

        assert_non_null(fgets(text, sizeof(text), far));
        assert_int_equal(sscanf(text, "RS+ $G many.%d\r\n", &which), 1);
        assert_in_range(which, 0, MANY - 1);
        assert_false(told[which]);
        told[which] = true;
    }
    interest_leave(fixture.interest, &fixture.peer);
    on_loop(&fixture, remove_all);
    teardown(&fixture);
    (void)fclose(far);
    free(subs);
    free(told);
}

/* Under import permissions only what they allow is offered. */
static void
test_offered(void **state)
{
    char *allowed[] = { (char *)"open.>" };
    struct permissions_options options = { .publish = { .has_allow = true,
                                                        .allow = { allowed, 1 } } };
    struct subscription *subs[] = { sub_new("closed.1", NULL), sub_new("open.1", NULL) };
    struct fixture fixture;

    (void)state;
    setup(&fixture);
    fixture.peer.offered = permissions_new(&options);
    fixture.subs = subs;
    fixture.count = 2;
    on_loop(&fixture, insert_all);
    on_loop(&fixture, join);
    expect(&fixture, "RS+ $G open.1\r\n");
    on_loop(&fixture, remove_all);
    expect(&fixture, "RS- $G open.1\r\n");
    permissions_unref(fixture.peer.offered);
    teardown(&fixture);
}

static struct permissions *
only(const char *subject)
{
    char *allowed[] = { (char *)subject };
    struct permissions_options options = { .publish = { .has_allow = true,
                                                        .allow = { allowed, 1 } } };

    return permissions_new(&options);
}

static void
tell_a_part(struct fixture *fixture)
{
    interest_join(fixture->interest, &fixture->peer);
    assert_true(interest_tell_more(fixture->interest, &fixture->peer, fixture->loop));
}

static void
tell_again(struct fixture *fixture)
{
    interest_tell_again(&fixture->peer, only("many.1.>"));
    while (interest_tell_more(fixture->interest, &fixture->peer, fixture->loop))
        continue;
}

/* How many of the subjects were told before that last one; each counts once. */
static size_t
told_before(FILE *far, const char *last)
{
    bool *told = calloc(MANY, sizeof(bool));
    size_t count = 0;
    char text[48];

    while (fgets(text, sizeof(text), far) != NULL && strstr(text, last) == NULL) {
        unsigned which = MANY;

        if (sscanf(text, "RS+ $G many.1.%u\r\n", &which) != 1)
            continue;
        assert_in_range(which, 0, MANY - 1);
        count += !told[which];
        told[which] = true;
    }
    free(told);
    return count;
}

/* What a peer took before is not told again, but to one who was not told all of it yet. */
static void
test_told_again(void **state)
{
    struct subscription **subs = calloc(MANY + 2, sizeof(struct subscription *));
    struct fixture fixture;
    char text[32];
    FILE *far;

    (void)state;
    setup(&fixture);
    for (int i = 0; i < MANY; i++) {
        snprintf(text, sizeof(text), "many.1.%d", i);
        subs[i] = sub_new(text, NULL);
    }
    subs[MANY] = sub_new("first", NULL);
    subs[MANY + 1] = sub_new("second", NULL);
    far = fdopen(dup(fixture.far), "r");
    fixture.subs = subs;
    fixture.count = MANY;
    on_loop(&fixture, insert_all);
    on_loop(&fixture, tell_a_part);
    for (int i = 0; i < 2; i++) {
        on_loop(&fixture, tell_again);
        fixture.subs = &subs[MANY + i];
        fixture.count = 1;
        on_loop(&fixture, insert_all);
        assert_int_equal(told_before(far, i == 0 ? "first" : "second"), i == 0 ? MANY : 0);
    }
    interest_leave(fixture.interest, &fixture.peer);
    fixture.subs = subs;
    fixture.count = MANY + 2;
    on_loop(&fixture, remove_all);
    permissions_unref(fixture.peer.took);
    teardown(&fixture);
    (void)fclose(far);
    free(subs);
}

int
main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_changes),
                                        cmocka_unit_test(test_batch), cmocka_unit_test(test_join),
                                        cmocka_unit_test(test_offered),
                                        cmocka_unit_test(test_told_again) };

    hash_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
