/* SPDX-License-Identifier: Apache-2.0
 *
 * Each scenario: bystander in, a quiet second to compare with, the event, the wait until the server
 * has no work left, the figures.
 */
#include "scenario.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "common/crowd.h"
#include "common/target.h"
#include "probe.h"

#define QUIET_S          1 /* undisturbed PINGs of the bystander */
#define IDLE_PATIENCE_NS (120 * CLOCK_NS_PER_S)

static struct link_plan
plan_from(const struct scenario *scenario, const struct sockaddr_in *source)
{
    return (struct link_plan) { scenario->server, *source, scenario->token, scenario->tls };
}

/* The bystander's two halves of a run. Without one all of it does nothing. */
struct watch {
    struct probe *probe;
    struct samples by_phase[PROBE_PHASES];
};

static enum err
watch_start(struct watch *watch, const struct scenario *scenario, struct errmsg *why)
{
    const struct link_plan plan = plan_from(scenario, &scenario->source);
    const struct timespec quiet = { .tv_sec = QUIET_S, .tv_nsec = 0 };
    enum err err;

    if (!scenario->has_bystander)
        return ERR_OK;
    err = probe_start(&watch->probe, &plan, why);
    if (err != ERR_OK)
        return err;
    (void)target_wait_idle(scenario->pid, IDLE_PATIENCE_NS);
    probe_set_phase(watch->probe, PROBE_QUIET);
    nanosleep(&quiet, NULL);
    probe_set_phase(watch->probe, PROBE_IGNORE);
    return ERR_OK;
}

static void
watch_set(struct watch *watch, enum probe_phase phase)
{
    if (watch->probe != NULL)
        probe_set_phase(watch->probe, phase);
}

/* Returns err, or if that is ERR_OK, whether the bystander was well to the end. */
static enum err
watch_stop(struct watch *watch, enum err err, struct errmsg *why)
{
    struct errmsg second;

    if (watch->probe == NULL)
        return err;
    if (err != ERR_OK) {
        (void)probe_stop(watch->probe, watch->by_phase, &second);
        return err;
    }
    return probe_stop(watch->probe, watch->by_phase, why);
}

static void
watch_print(struct watch *watch)
{
    if (watch->by_phase[PROBE_QUIET].count > 0) {
        fputs(", \"quiet\": ", stdout);
        samples_print(&watch->by_phase[PROBE_QUIET], stdout);
        fputs(", \"busy\": ", stdout);
        samples_print(&watch->by_phase[PROBE_BUSY], stdout);
    }
}

static void
watch_release(struct watch *watch)
{
    for (size_t i = 0; i < PROBE_PHASES; i++)
        samples_release(&watch->by_phase[i]);
}

static int64_t
deadline_of(const struct scenario *scenario)
{
    return clock_mono_ns() + (int64_t)scenario->deadline_s * CLOCK_NS_PER_S;
}

enum { RIGHT, WRONG, CROWDS };

struct storm {
    struct crowd crowds[CROWDS];
    struct crowd_result results[CROWDS]; /* of all rounds */
    struct samples last_in_ns;           /* of RIGHT, one per round in which somebody got in */
    int64_t cpu_ns;
};

static enum err
storm_round(struct storm *storm, const struct scenario *scenario, struct watch *watch,
            struct errmsg *why)
{
    int64_t cpu_ns = target_cpu_ns(scenario->pid);
    enum err err;

    watch_set(watch, PROBE_BUSY);
    err = crowds_run(storm->crowds, CROWDS, deadline_of(scenario), why);
    watch_set(watch, PROBE_IGNORE);
    if (err == ERR_OK && !target_wait_idle(scenario->pid, IDLE_PATIENCE_NS))
        err = err_set(why, ERR_LIMIT, "the server did not come to rest");
    storm->cpu_ns += target_cpu_ns(scenario->pid) - cpu_ns;
    if (storm->crowds[RIGHT].last_in_ns > 0)
        samples_add(&storm->last_in_ns, storm->crowds[RIGHT].last_in_ns);
    for (size_t i = 0; i < CROWDS; i++) {
        crowd_count(&storm->crowds[i], &storm->results[i]);
        crowd_release(&storm->crowds[i]);
    }
    (void)target_wait_idle(scenario->pid, IDLE_PATIENCE_NS);
    return err;
}

static void
result_print(struct crowd_result *result)
{
    printf("{\"in\": %u, \"timed_out\": %u, \"refused\": %u, \"lost\": %u, \"waiting\": %u, "
           "\"login\": ",
           result->in, result->timed_out, result->refused, result->lost, result->waiting);
    samples_print(&result->login_ns, stdout);
    putchar('}');
}

static void
storm_print(struct storm *storm, struct watch *watch)
{
    fputs("{\"right\": ", stdout);
    result_print(&storm->results[RIGHT]);
    fputs(", \"wrong\": ", stdout);
    result_print(&storm->results[WRONG]);
    fputs(", \"last_in\": ", stdout);
    samples_print(&storm->last_in_ns, stdout);
    printf(", \"cpu_s\": %.6f", (double)storm->cpu_ns / (double)CLOCK_NS_PER_S);
    watch_print(watch);
    puts("}");
}

static void
storm_release(struct storm *storm)
{
    for (size_t i = 0; i < CROWDS; i++)
        samples_release(&storm->results[i].login_ns);
    samples_release(&storm->last_in_ns);
}

enum err
scenario_storm(const struct scenario *scenario, struct errmsg *why)
{
    struct storm storm = {
        .crowds[RIGHT] = { .plan = plan_from(scenario, &scenario->source),
                           .count = scenario->clients,
                           .window = scenario->window,
                           .every_ns = scenario->every_ms * CLOCK_NS_PER_MS },
        .crowds[WRONG] = { .plan = plan_from(scenario, &scenario->wrong_source),
                           .count = scenario->wrong_clients,
                           .each_its_token = true },
    };
    struct watch watch = { 0 };
    enum err err = watch_start(&watch, scenario, why);

    for (unsigned round = 0; err == ERR_OK && round < scenario->rounds; round++)
        err = storm_round(&storm, scenario, &watch, why);
    err = watch_stop(&watch, err, why);
    if (err == ERR_OK)
        storm_print(&storm, &watch);
    storm_release(&storm);
    watch_release(&watch);
    return err;
}

struct reload {
    int64_t done_ns, answered_ns; /* since the signal */
    int64_t cpu_ns;
    unsigned answered;
};

static enum err
reload_once(struct reload *reload, const struct scenario *scenario, struct crowd *crowd,
            struct watch *watch, struct errmsg *why)
{
    int64_t deadline = deadline_of(scenario), cpu_ns = target_cpu_ns(scenario->pid), start;
    struct target_log log;
    enum err err = target_log_open(&log, scenario->log, why);

    if (err != ERR_OK)
        return err;
    watch_set(watch, PROBE_BUSY);
    start = clock_mono_ns();
    if (kill(scenario->pid, SIGHUP) != 0)
        err = err_sys(why, errno, "could not signal the server");
    else if (!target_log_wait(&log, "Reloaded server configuration", deadline))
        err = err_set(why, ERR_LIMIT, "the reload did not end");
    reload->done_ns = clock_mono_ns() - start;
    if (err == ERR_OK)
        reload->answered = crowd_ping_all(crowd, deadline);
    reload->answered_ns = clock_mono_ns() - start;
    /* Busy to the end of the wait: a reload may be over before the next PING is due. */
    (void)target_wait_idle(scenario->pid, IDLE_PATIENCE_NS);
    watch_set(watch, PROBE_IGNORE);
    reload->cpu_ns = target_cpu_ns(scenario->pid) - cpu_ns;
    target_log_close(&log);
    return err;
}

static void
reload_print(const struct reload *reload, struct watch *watch)
{
    printf("{\"done_ms\": %.3f, \"answered_ms\": %.3f, \"answered\": %u, \"cpu_s\": %.6f",
           (double)reload->done_ns / (double)CLOCK_NS_PER_MS,
           (double)reload->answered_ns / (double)CLOCK_NS_PER_MS, reload->answered,
           (double)reload->cpu_ns / (double)CLOCK_NS_PER_S);
    watch_print(watch);
    puts("}");
}

enum err
scenario_reload(const struct scenario *scenario, struct errmsg *why)
{
    struct crowd crowd = { .plan = plan_from(scenario, &scenario->source),
                           .count = scenario->clients,
                           .window = scenario->window };
    struct crowd_result result = { 0 };
    struct reload reload = { 0 };
    struct watch watch = { 0 };
    enum err err = crowds_run(&crowd, 1, deadline_of(scenario), why);

    if (err == ERR_OK) {
        crowd_count(&crowd, &result);
        samples_release(&result.login_ns);
        if (result.in != scenario->clients)
            err = err_set(why, ERR_CLOSED, "only %u clients got in", result.in);
    }
    if (err == ERR_OK)
        err = watch_start(&watch, scenario, why);
    if (err == ERR_OK) {
        err = reload_once(&reload, scenario, &crowd, &watch, why);
        err = watch_stop(&watch, err, why);
    }
    if (err == ERR_OK)
        reload_print(&reload, &watch);
    watch_release(&watch);
    crowd_release(&crowd);
    return err;
}
