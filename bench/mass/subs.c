/* SPDX-License-Identifier: Apache-2.0
 *
 * Subscription i has the subject m.A.B, or with wildcards m.A.*.B, where A = i / 1000 and
 * B = i % 1000; there the first of each thousand is m.A.> instead. So it is known exactly what a
 * publish reaches: its own subscription, and with wildcards the first of its thousand too.
 *
 * The order is shuffled anew for each phase, because what was inserted together may lie together
 * in the server's memory. All texts are ready before the clock starts.
 *
 * Between two nodes there are marks: further subscriptions that end with their first message, which
 * the far node publishes again and again until it has come. A node tells of subscriptions in their
 * order, on one connection for an account: one mark behind them shows that all are known. When a
 * route comes up, they are told in the order of some table: then so many marks are among them that
 * the last one is very late among all.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/random.h"
#include "common/crowd.h"
#include "common/target.h"
#include "mass/change.h"
#include "mass/feed.h"
#include "mass/mass.h"

#define GROUP            1000 /* subscriptions with the same A */
#define SUBJECT_MAX      32
#define LOGIN_WINDOW     64
#define IN_VAIN_MAX      1000 /* messages that nobody wants any more */
#define IDLE_PATIENCE_NS (60 * CLOCK_NS_PER_S)
#define JOIN_MARKS       200
#define MARK_NS          CLOCK_NS_PER_MS /* between two times that it is published */
#define JOIN_MARKS_NS    (10 * CLOCK_NS_PER_MS)

struct phase {
    int64_t wall_ns, cpu_ns, far_cpu_ns;
};

struct subs {
    const struct mass *mass;
    struct crowd crowds[2]; /* at the server; at the far node, if there is one */
    struct feed *feeds;     /* those of the subscriptions, then the one that publishes */
    struct buf *texts;      /* what each of them sends */
    struct buf marks;       /* what publishes to the last marks */
    unsigned marked;        /* subscriptions that were marks, of each feed */
    unsigned subscribers;
    struct random random; /* always the same numbers */
    uint32_t *order;      /* of the subscriptions */
    char *payload;
    uint64_t deliveries;
    struct phase insert, join, publish, remove;
    struct change change;
};

static void
subs_init(struct subs *subs, const struct mass *mass)
{
    unsigned feeds = mass->connections + 1, far = mass->far_port != 0 ? 1 : 0;

    *subs = (struct subs) { .mass = mass, .subscribers = mass->connections };
    for (unsigned i = 0; i < 2; i++)
        subs->crowds[i] = (struct crowd) { .plan = mass->plan, .window = LOGIN_WINDOW };
    subs->crowds[0].count = feeds - far;
    subs->crowds[1].count = far;
    subs->crowds[1].plan.server.sin_port = htons((uint16_t)mass->far_port);
    subs->feeds = xcalloc(feeds, sizeof(*subs->feeds));
    subs->texts = xcalloc(feeds, sizeof(*subs->texts));
    subs->payload = xcalloc(1, mass->size + 1);
    memset(subs->payload, 'x', mass->size);
    subs->order = xcalloc(mass->count, sizeof(*subs->order));
    for (uint32_t i = 0; i < mass->count; i++)
        subs->order[i] = i;
}

static void
subs_release(struct subs *subs)
{
    for (unsigned i = 0; i <= subs->subscribers; i++)
        buf_release(&subs->texts[i]);
    crowd_release(&subs->crowds[0]);
    crowd_release(&subs->crowds[1]);
    buf_release(&subs->marks);
    free(subs->order);
    free(subs->payload);
    free(subs->texts);
    free(subs->feeds);
}

static enum err
log_in(struct subs *subs, int64_t deadline_ns, struct errmsg *why)
{
    const struct crowd *crowds = subs->crowds;
    enum err err = crowds_run(subs->crowds, crowds[1].count > 0 ? 2 : 1, deadline_ns, why);

    for (unsigned i = 0; i <= subs->subscribers && err == ERR_OK; i++) {
        const struct link *link =
            i < crowds[0].count ? &crowds[0].links[i] : &crowds[1].links[i - crowds[0].count];

        if (link->state != LINK_IN)
            return err_set(why, ERR_CLOSED, "a connection did not get in: %s", link->line);
        subs->feeds[i].fd = link->channel.fd;
        reader_init(&subs->feeds[i].reader, subs->mass->size);
    }
    return err;
}

static void
shuffle(struct subs *subs)
{
    for (uint32_t i = subs->mass->count - 1; i > 0; i--) {
        uint32_t other = random_below(&subs->random, i + 1), kept = subs->order[i];

        subs->order[i] = subs->order[other];
        subs->order[other] = kept;
    }
}

/* A million lines do not fail half-way for want of memory. */
static void
must(bool appended)
{
    if (appended)
        return;
    fputs("mass_load: out of memory\n", stderr);
    exit(1);
}

/* any stands for the token that a wildcard matches; literal subjects have none. */
static const char *
subject_of(const struct subs *subs, uint32_t i, const char *any, char out[SUBJECT_MAX])
{
    (void)snprintf(out, SUBJECT_MAX, "m.%u%s.%u", i / GROUP, subs->mass->wildcards ? any : "",
                   i % GROUP);
    return out;
}

static void
write_subs(struct subs *subs)
{
    char subject[SUBJECT_MAX];

    for (uint32_t k = 0; k < subs->mass->count; k++) {
        uint32_t i = subs->order[k];
        struct buf *text = &subs->texts[i % subs->subscribers];

        if (subs->mass->wildcards && i % GROUP == 0)
            must(buf_printf(text, "SUB m.%u.> %u\r\n", i / GROUP, i));
        else
            must(buf_printf(text, "SUB %s %u\r\n", subject_of(subs, i, ".*", subject), i));
    }
}

static void
write_unsubs(struct subs *subs)
{
    for (uint32_t k = 0; k < subs->mass->count; k++)
        must(buf_printf(&subs->texts[subs->order[k] % subs->subscribers], "UNSUB %u\r\n",
                        subs->order[k]));
}

static void
expect(struct subs *subs, uint32_t i)
{
    subs->feeds[i % subs->subscribers].messages_due++;
    subs->deliveries++;
}

static void
write_pub(struct subs *subs, uint32_t i)
{
    char subject[SUBJECT_MAX];

    must(buf_printf(&subs->texts[subs->subscribers], "PUB %s %u\r\n%s\r\n",
                    subject_of(subs, i, ".x", subject), subs->mass->size, subs->payload));
}

static void
write_pubs(struct subs *subs)
{
    for (unsigned k = 0; k < subs->mass->publish; k++) {
        uint32_t i = subs->order[k % subs->mass->count];

        write_pub(subs, i);
        expect(subs, i);
        if (subs->mass->wildcards && i % GROUP != 0)
            expect(subs, i - i % GROUP);
    }
}

/* Subscribes to so many marks more with each feed. */
static void
write_marks(struct subs *subs, unsigned each)
{
    subs->marks.len = 0;
    for (unsigned k = 0; k < each; k++, subs->marked++) {
        unsigned sid = subs->mass->count + subs->marked;

        for (unsigned i = 0; i < subs->subscribers; i++) {
            must(buf_printf(&subs->texts[i], "SUB mark.%u.%u %u\r\nUNSUB %u 1\r\n", i, sid, sid,
                            sid));
            must(buf_printf(&subs->marks, "PUB mark.%u.%u %u\r\n%s\r\n", i, sid, subs->mass->size,
                            subs->payload));
        }
    }
}

/* The next phase ends when the far node knows these marks. */
static void
await_marks(struct subs *subs, unsigned each, int64_t again_ns)
{
    for (unsigned i = 0; i < subs->subscribers; i++)
        subs->feeds[i].messages_due += each;
    subs->feeds[subs->subscribers].repeated = (struct str) { subs->marks.data, subs->marks.len };
    subs->feeds[subs->subscribers].again_ns = again_ns;
}

/* The next phase ends when the far node knows what was written so far. */
static void
mark(struct subs *subs)
{
    if (subs->mass->far_port == 0)
        return;
    write_marks(subs, 1);
    await_marks(subs, 1, MARK_NS);
}

static int64_t
far_cpu_ns(const struct subs *subs)
{
    return subs->mass->far_pid != 0 ? target_cpu_ns((pid_t)subs->mass->far_pid) : 0;
}

static void
add_clocks(const struct subs *subs, struct phase *phase, int sign)
{
    int64_t far_ns = far_cpu_ns(subs);

    phase->far_cpu_ns += sign * far_ns;
    phase->cpu_ns += sign * (far_ns + target_cpu_ns(subs->mass->pid));
    phase->wall_ns += sign * clock_mono_ns();
}

/* A PING goes behind each text; done when all PONGs and messages have come. */
static enum err
run_phase(struct subs *subs, struct phase *phase, int64_t deadline_ns, struct errmsg *why)
{
    unsigned feeds = subs->subscribers + 1;
    enum err err;

    for (unsigned i = 0; i < feeds; i++) {
        must(buf_append_str(&subs->texts[i], "PING\r\n"));
        subs->feeds[i].out = (struct str) { subs->texts[i].data, subs->texts[i].len };
        subs->feeds[i].pongs_due++;
    }
    *phase = (struct phase) { 0 };
    add_clocks(subs, phase, -1);
    if (phase == &subs->join && kill((pid_t)subs->mass->far_pid, SIGHUP) != 0)
        return err_sys(why, errno, "could not make the far node reload");
    err = feeds_run(subs->feeds, feeds, deadline_ns, why);
    add_clocks(subs, phase, 1);
    subs->feeds[feeds - 1].repeated.len = 0;
    for (unsigned i = 0; i < feeds; i++)
        subs->texts[i].len = 0;
    return err;
}

/* To be called when a PONG has come behind the last message of each connection. */
static enum err
check_counts(const struct subs *subs, struct errmsg *why)
{
    for (unsigned i = 0; i < subs->subscribers; i++) {
        const struct feed *feed = &subs->feeds[i];

        if (feed->reader.messages != feed->messages_due)
            return err_set(why, ERR_INVALID, "%" PRIu64 " messages came, %" PRIu64 " were due",
                           feed->reader.messages, feed->messages_due);
    }
    return ERR_OK;
}

static pid_t
measured_pid(const struct subs *subs)
{
    return subs->mass->far_pid != 0 ? (pid_t)subs->mass->far_pid : subs->mass->pid;
}

static enum err
measure_memory(const struct subs *subs, struct memory *out, struct errmsg *why)
{
    (void)target_wait_idle(subs->mass->pid, IDLE_PATIENCE_NS);
    if (subs->mass->far_pid != 0)
        (void)target_wait_idle((pid_t)subs->mass->far_pid, IDLE_PATIENCE_NS);
    return memory_of(measured_pid(subs), out, why);
}

static void
print_phase(const struct subs *subs, const char *name, const struct phase *phase, uint64_t count)
{
    double seconds = (double)phase->wall_ns / (double)CLOCK_NS_PER_S;

    printf("\"%s\": {\"seconds\": %.6f, \"per_s\": %.0f, \"server_cpu_us\": %.4f", name, seconds,
           (double)count / seconds, (double)phase->cpu_ns / 1e3 / (double)count);
    if (subs->mass->far_pid != 0)
        printf(", \"far_cpu_us\": %.4f", (double)phase->far_cpu_ns / 1e3 / (double)count);
    fputs("}, ", stdout);
}

static void
print_result(const struct subs *subs)
{
    unsigned count = subs->mass->count;

    printf("{\"count\": %u, ", count);
    print_phase(subs, "insert", &subs->insert, count);
    if (subs->mass->join)
        print_phase(subs, "join", &subs->join, count);
    if (subs->mass->publish > 0)
        print_phase(subs, "publish", &subs->publish, subs->mass->publish);
    print_phase(subs, "remove", &subs->remove, count);
    printf("\"messages\": %u, \"deliveries\": %" PRIu64 ", ", subs->mass->publish,
           subs->deliveries);
    change_print(&subs->change, count);
    puts("}");
}

/* Until there is a route. */
static enum err
meet(struct subs *subs, int64_t deadline_ns, struct errmsg *why)
{
    struct phase none;

    if (subs->mass->far_port == 0 || subs->mass->join)
        return ERR_OK;
    mark(subs);
    return run_phase(subs, &none, deadline_ns, why);
}

/* The subscriptions were there before the route. */
static enum err
join(struct subs *subs, int64_t deadline_ns, struct errmsg *why)
{
    enum err err = measure_memory(subs, &subs->change.before, why);

    await_marks(subs, JOIN_MARKS, JOIN_MARKS_NS);
    return err == ERR_OK ? run_phase(subs, &subs->join, deadline_ns, why) : err;
}

static enum err
insert_and_measure(struct subs *subs, int64_t deadline_ns, struct errmsg *why)
{
    enum err err = measure_memory(subs, &subs->change.before, why);

    shuffle(subs);
    write_subs(subs);
    if (subs->mass->join)
        write_marks(subs, JOIN_MARKS);
    else
        mark(subs);
    if (err == ERR_OK)
        err = run_phase(subs, &subs->insert, deadline_ns, why);
    if (err == ERR_OK && subs->mass->join)
        err = join(subs, deadline_ns, why);
    return err == ERR_OK ? measure_memory(subs, &subs->change.with, why) : err;
}

/* Of what was written. */
static enum err
publish_and_check(struct subs *subs, struct phase *phase, int64_t deadline_ns, struct errmsg *why)
{
    struct phase none;
    enum err err = run_phase(subs, phase, deadline_ns, why);

    mark(subs);
    if (err == ERR_OK) /* what is too much comes before its PONG and the mark */
        err = run_phase(subs, &none, deadline_ns, why);
    return err == ERR_OK ? check_counts(subs, why) : err;
}

static enum err
publish(struct subs *subs, int64_t deadline_ns, struct errmsg *why)
{
    shuffle(subs);
    write_pubs(subs);
    return publish_and_check(subs, &subs->publish, deadline_ns, why);
}

static enum err
publish_in_vain(struct subs *subs, int64_t deadline_ns, struct errmsg *why)
{
    struct phase none;

    for (uint32_t k = 0; k < subs->mass->count && k < IN_VAIN_MAX; k++)
        write_pub(subs, subs->order[k]);
    return publish_and_check(subs, &none, deadline_ns, why);
}

static enum err
remove_and_measure(struct subs *subs, int64_t deadline_ns, struct errmsg *why)
{
    enum err err;

    shuffle(subs);
    write_unsubs(subs);
    mark(subs);
    err = run_phase(subs, &subs->remove, deadline_ns, why);
    if (err == ERR_OK)
        err = publish_in_vain(subs, deadline_ns, why);
    return err == ERR_OK
               ? change_wait_after(&subs->change, measured_pid(subs), subs->mass->after_s, why)
               : err;
}

enum err
mass_subs(const struct mass *mass, struct errmsg *why)
{
    int64_t deadline_ns = clock_mono_ns() + (int64_t)mass->deadline_s * CLOCK_NS_PER_S;
    struct subs subs;
    enum err err;

    subs_init(&subs, mass);
    err = log_in(&subs, deadline_ns, why);
    if (err == ERR_OK)
        err = meet(&subs, deadline_ns, why);
    if (err == ERR_OK)
        err = insert_and_measure(&subs, deadline_ns, why);
    if (err == ERR_OK && mass->publish > 0)
        err = publish(&subs, deadline_ns, why);
    if (err == ERR_OK)
        err = remove_and_measure(&subs, deadline_ns, why);
    if (err == ERR_OK)
        print_result(&subs);
    subs_release(&subs);
    return err;
}
