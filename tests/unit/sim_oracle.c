/* SPDX-License-Identifier: Apache-2.0 */
#include "sim_oracle.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "proto/subject.h"

/* The routes between two nodes in the course of time. */
struct change {
    int64_t at_ms;
    int ends; /* registered from then on: 2 is a whole route */
};

struct pair {
    struct change *changes;
    size_t count, cap;
};

struct oracle {
    struct sim *sim;
    struct subscriber **subs;
    size_t sub_count, sub_cap;
    struct letter letters[ORACLE_LETTERS];
    size_t letter_count, deliveries, demands;
    unsigned publishers;
    bool still;
    struct pair pairs[SIM_NODES_MAX][SIM_NODES_MAX];
    char finding[256];
};

struct oracle *
oracle_new(struct sim *sim)
{
    struct oracle *oracle = xcalloc(1, sizeof(*oracle));

    oracle->sim = sim;
    return oracle;
}

void
oracle_free(struct oracle *oracle)
{
    for (size_t i = 0; i < oracle->sub_count; i++)
        free(oracle->subs[i]);
    free((void *)oracle->subs);
    for (size_t a = 0; a < SIM_NODES_MAX; a++)
        for (size_t b = 0; b < SIM_NODES_MAX; b++)
            free(oracle->pairs[a][b].changes);
    free(oracle);
}

void
oracle_find(struct oracle *oracle, const char *format, ...)
{
    va_list args;
    int len;

    if (oracle->finding[0] != '\0')
        return;
    len = snprintf(oracle->finding, sizeof(oracle->finding),
                   "at %lld: ", (long long)sim_now(oracle->sim));
    va_start(args, format);
    vsnprintf(oracle->finding + len, sizeof(oracle->finding) - (size_t)len, format, args);
    va_end(args);
}

const char *
oracle_finding(const struct oracle *oracle)
{
    return oracle->finding[0] == '\0' ? NULL : oracle->finding;
}

size_t
oracle_deliveries(const struct oracle *oracle)
{
    return oracle->deliveries;
}

size_t
oracle_demands(const struct oracle *oracle)
{
    return oracle->demands;
}

/* ---- what happens ---- */

static void
unref_nothing(struct sub_owner *owner)
{
    (void)owner;
}

struct subscriber *
oracle_subscribe(struct oracle *oracle, const struct topic *topic, unsigned queue)
{
    struct subscriber *who = xcalloc(1, sizeof(*who));

    assert(queue <= ORACLE_QUEUES);
    if (oracle->sub_count == oracle->sub_cap) {
        oracle->sub_cap = oracle->sub_cap == 0 ? 64 : 2 * oracle->sub_cap;
        oracle->subs = xrealloc((void *)oracle->subs, oracle->sub_cap * sizeof(who));
    }
    oracle->subs[oracle->sub_count++] = who;
    who->owner.unref = unref_nothing;
    who->topic = *topic;
    who->queue = queue;
    who->born_ms = sim_now(oracle->sim);
    who->died_ms = INT64_MAX;
    return who;
}

void
oracle_unsubscribe(struct oracle *oracle, struct subscriber *who)
{
    assert(who->died_ms == INT64_MAX);
    who->died_ms = sim_now(oracle->sim);
}

unsigned
oracle_publisher(struct oracle *oracle)
{
    assert(oracle->publishers < ORACLE_PUBLISHERS);
    return oracle->publishers++;
}

size_t
oracle_publish(struct oracle *oracle, const struct letter *letter)
{
    struct letter *kept = &oracle->letters[oracle->letter_count];

    assert(oracle->letter_count < ORACLE_LETTERS);
    *kept = *letter;
    kept->at_ms = sim_now(oracle->sim);
    return oracle->letter_count++;
}

struct letter *
oracle_letter(struct oracle *oracle, size_t number)
{
    assert(number < oracle->letter_count);
    return &oracle->letters[number];
}

void
oracle_inbox(size_t letter, char subject[24])
{
    snprintf(subject, 24, "_INBOX.%zu", letter);
}

static bool
is_about(const struct subscriber *who, const struct letter *letter)
{
    return who->topic.account == letter->topic.account &&
           subject_matches(str_of(who->topic.subject), str_of(letter->topic.subject));
}

static bool
has_got(const struct subscriber *who, size_t letter)
{
    return (who->got[letter / 64] >> letter % 64 & 1) != 0;
}

void
oracle_delivered(struct oracle *oracle, struct subscriber *who, size_t number)
{
    struct letter *letter = oracle_letter(oracle, number);
    uint16_t *last = &who->last[letter->publisher];

    oracle->deliveries++;
    if (who->died_ms != INT64_MAX || !is_about(who, letter))
        oracle_find(oracle, "%s was not asked for, letter %zu", letter->topic.subject, number);
    else if (has_got(who, number))
        oracle_find(oracle, "delivered twice: letter %zu of node %zu at node %zu", number,
                    letter->topic.node, who->topic.node);
    else if (*last > number)
        oracle_find(oracle, "letter %zu came behind %u of its publisher", number, *last - 1U);
    else if (who->queue != 0 && (letter->taken >> who->queue & 1) != 0)
        oracle_find(oracle, "delivered twice to a queue group: letter %zu", number);
    letter->taken |= who->queue == 0 ? 0 : 1U << who->queue;
    who->got[number / 64] |= 1ULL << number % 64;
    *last = (uint16_t)(number + 1);
}

void
oracle_arrived(struct oracle *oracle, size_t number, size_t node, bool wanted)
{
    struct letter *letter = oracle_letter(oracle, number);

    if ((letter->arrived >> node & 1) != 0)
        oracle_find(oracle, "letter %zu came twice to node %zu", number, node);
    if (oracle->still && !wanted)
        oracle_find(oracle, "letter %zu came to node %zu for nobody", number, node);
    letter->arrived |= 1U << node;
}

void
oracle_still(struct oracle *oracle)
{
    oracle->still = true;
}

void
oracle_route(struct oracle *oracle, size_t a, size_t b, int ends)
{
    struct pair *pair = &oracle->pairs[a > b ? a : b][a > b ? b : a];
    int before = pair->count == 0 ? 0 : pair->changes[pair->count - 1].ends;

    if (pair->count == pair->cap) {
        pair->cap = pair->cap == 0 ? 16 : 2 * pair->cap;
        pair->changes = xrealloc(pair->changes, pair->cap * sizeof(struct change));
    }
    pair->changes[pair->count++] = (struct change) { sim_now(oracle->sim), before + ends };
}

/* ---- what must hold ---- */

unsigned
oracle_count(const struct oracle *oracle, const struct topic *topic, unsigned queue)
{
    unsigned count = 0;

    for (size_t i = 0; i < oracle->sub_count; i++) {
        const struct subscriber *who = oracle->subs[i];

        count += who->died_ms == INT64_MAX && who->queue == queue &&
                 who->topic.node == topic->node && who->topic.account == topic->account &&
                 strcmp(who->topic.subject, topic->subject) == 0;
    }
    return count;
}

void
oracle_each(const struct oracle *oracle, void (*each)(void *arg, struct subscriber *who), void *arg)
{
    for (size_t i = 0; i < oracle->sub_count; i++)
        if (oracle->subs[i]->died_ms == INT64_MAX)
            each(arg, oracle->subs[i]);
}

/* Were these two connected all the time around that one? */
static bool
were_calm(const struct oracle *oracle, size_t a, size_t b, int64_t at_ms)
{
    const struct pair *pair = &oracle->pairs[a > b ? a : b][a > b ? b : a];
    int ends = 0;

    if (a == b)
        return true;
    for (size_t i = 0; i < pair->count; i++) {
        if (pair->changes[i].at_ms < at_ms - ORACLE_SETTLE_MS)
            ends = pair->changes[i].ends;
        else if (pair->changes[i].at_ms <= at_ms + ORACLE_SETTLE_MS)
            return false;
    }
    return ends == 2;
}

/* The same node knows at once, and who is asked has heard of the inbox before. */
static bool
was_known(const struct subscriber *who, const struct letter *letter)
{
    bool early = who->topic.node == letter->topic.node ||
                 (letter->answers && strcmp(who->topic.subject, letter->topic.subject) == 0);

    return who->born_ms < letter->at_ms - (early ? 0 : ORACLE_SETTLE_MS) &&
           who->died_ms > letter->at_ms + ORACLE_SETTLE_MS;
}

static bool
was_there(const struct subscriber *who, const struct letter *letter)
{
    return who->born_ms <= letter->at_ms + ORACLE_SETTLE_MS &&
           who->died_ms >= letter->at_ms - ORACLE_SETTLE_MS;
}

static void
check_letter(struct oracle *oracle, size_t number)
{
    const struct letter *letter = &oracle->letters[number];
    unsigned wanted = 0, unsure = 0; /* by queue groups: bits as in taken */

    for (size_t i = 0; i < oracle->sub_count; i++) {
        const struct subscriber *who = oracle->subs[i];
        bool sure;

        if (!was_there(who, letter) || !is_about(who, letter))
            continue;
        sure = was_known(who, letter) &&
               were_calm(oracle, letter->topic.node, who->topic.node, letter->at_ms);
        wanted |= 1U << who->queue;
        unsure |= sure ? 0 : 1U << who->queue;
        oracle->demands += who->queue == 0 && sure;
        if (who->queue == 0 && sure && !has_got(who, number))
            oracle_find(
                oracle,
                "not delivered: letter %zu, %s, of node %zu, sent at %lld, to %s%s at node %zu",
                number, letter->topic.subject, letter->topic.node, (long long)letter->at_ms,
                who->topic.subject, letter->answers ? " (an answer)" : "", who->topic.node);
    }
    wanted &= ~unsure & ~1U;
    oracle->demands += (size_t)__builtin_popcount(wanted);
    if ((letter->taken & wanted) != wanted)
        oracle_find(oracle, "not delivered to a queue group: letter %zu of node %zu", number,
                    letter->topic.node);
}

void
oracle_check(struct oracle *oracle, int64_t from_ms)
{
    for (size_t i = 0; i < oracle->letter_count; i++)
        if (oracle->letters[i].at_ms >= from_ms)
            check_letter(oracle, i);
}
