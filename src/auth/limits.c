/* SPDX-License-Identifier: Apache-2.0
 *
 * A table of SETS x WAYS entries; the hash of an address (keyed, so that nobody can aim) chooses
 * the set. When the set is full the entry that owes least goes; one with checks in flight never
 * does, and when all eight have some the newcomer is refused: that takes as many addresses
 * attacking at once as the queue has places.
 *
 * Failures are a debt in time: each adds recovery_ns, and time pays it off.
 *
 *      paid_off_ns      may start while paid_off_ns - now <= (burst - 1) * recovery_ns
 */
#include "auth/limits.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

#define SETS 128
#define WAYS 8

struct entry {
    struct limits_key key;
    int64_t paid_off_ns; /* 0: never used */
    unsigned checks;
    unsigned parked;
    uint64_t left_out;
};

struct limits {
    struct limits_rule rule;
    struct entry entries[SETS][WAYS];
};

struct limits *
limits_new(const struct limits_rule *rule)
{
    struct limits *limits = calloc(1, sizeof(*limits));

    assert(rule->burst > 0);
    if (limits != NULL)
        limits->rule = *rule;
    return limits;
}

void
limits_free(struct limits *limits)
{
    free(limits);
}

struct limits_key
limits_key_of(const char *address)
{
    static const unsigned char mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
    struct limits_key key = { { 0 } };
    unsigned char ip[16];
    uint64_t hash;

    if (address == NULL)
        address = "";
    if (inet_pton(AF_INET, address, ip) == 1) {
        memcpy(key.bytes, mapped, sizeof(mapped));
        memcpy(key.bytes + sizeof(mapped), ip, 4);
    } else if (inet_pton(AF_INET6, address, ip) == 1) {
        memcpy(key.bytes, ip, memcmp(ip, mapped, sizeof(mapped)) == 0 ? 16 : 8);
    } else {
        hash = hash_bytes(address, strlen(address));
        key.bytes[15] = 1; /* no network of 64 bits ends like this */
        memcpy(key.bytes, &hash, sizeof(hash));
    }
    return key;
}

static struct entry *
set_of(struct limits *limits, const struct limits_key *key)
{
    return limits->entries[hash_bytes(key->bytes, sizeof(key->bytes)) % SETS];
}

static struct entry *
find(struct limits *limits, const struct limits_key *key)
{
    struct entry *set = set_of(limits, key);

    for (int i = 0; i < WAYS; i++) {
        if (set[i].paid_off_ns != 0 && memcmp(&set[i].key, key, sizeof(*key)) == 0)
            return &set[i];
    }
    return NULL;
}

/* The entry of key, made when there is none; NULL: no place. */
static struct entry *
take(struct limits *limits, const struct limits_key *key, int64_t now_ns)
{
    struct entry *set = set_of(limits, key);
    struct entry *entry = find(limits, key);
    struct entry *least = NULL;

    if (entry != NULL)
        return entry;
    for (int i = 0; i < WAYS; i++) {
        if (set[i].checks == 0 && (least == NULL || set[i].paid_off_ns < least->paid_off_ns))
            least = &set[i];
    }
    if (least != NULL)
        *least = (struct entry) { .key = *key, .paid_off_ns = now_ns > 0 ? now_ns : 1 };
    return least;
}

static void
owe(struct entry *entry, int64_t recovery_ns, int64_t now_ns)
{
    entry->paid_off_ns = (entry->paid_off_ns > now_ns ? entry->paid_off_ns : now_ns) + recovery_ns;
}

static bool
has_credit(const struct limits *limits, const struct entry *entry, int64_t now_ns)
{
    return entry->paid_off_ns - now_ns <= (limits->rule.burst - 1) * limits->rule.recovery_ns;
}

bool
limits_begin(struct limits *limits, const struct limits_key *key, int64_t now_ns)
{
    struct entry *entry = take(limits, key, now_ns);

    if (entry == NULL || entry->checks >= limits->rule.checks_max ||
        !has_credit(limits, entry, now_ns))
        return false;
    entry->checks++;
    return true;
}

void
limits_end(struct limits *limits, const struct limits_key *key, bool failed, int64_t now_ns)
{
    struct entry *entry = find(limits, key);

    assert(entry != NULL && entry->checks > 0); /* an entry with checks stays */
    entry->checks--;
    if (failed)
        owe(entry, limits->rule.recovery_ns, now_ns);
}

bool
limits_park(struct limits *limits, const struct limits_key *key, int64_t now_ns)
{
    struct entry *entry = find(limits, key);

    if (entry == NULL || entry->checks < limits->rule.checks_max ||
        entry->parked >= limits->rule.parked_max || !has_credit(limits, entry, now_ns))
        return false;
    entry->parked++;
    return true;
}

bool
limits_unpark(struct limits *limits, const struct limits_key *key)
{
    struct entry *entry = find(limits, key);

    assert(entry != NULL && entry->parked > 0); /* only an entry with checks has parked ones */
    if (entry->checks >= limits->rule.checks_max)
        return false;
    entry->parked--;
    entry->checks++;
    return true;
}

bool
limits_pass(struct limits *limits, const struct limits_key *key, int64_t now_ns, uint64_t *left_out)
{
    struct entry *entry = take(limits, key, now_ns);

    *left_out = 0;
    if (!has_credit(limits, entry, now_ns)) {
        entry->left_out++;
        return false;
    }
    *left_out = entry->left_out;
    entry->left_out = 0;
    owe(entry, limits->rule.recovery_ns, now_ns);
    return true;
}
