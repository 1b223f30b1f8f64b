/* SPDX-License-Identifier: Apache-2.0 */
#include "server/reminder.h"

#include "base/list.h"

static void
due(void *arg)
{
    struct reminder *reminder = arg;

    /* first: who asks while it fires is remembered again */
    atomic_store_explicit(&reminder->asked, false, memory_order_seq_cst);
    reminder->fire(reminder->arg);
}

static void
deliver(struct mail *mail)
{
    struct reminder *reminder = LIST_ENTRY(mail, struct reminder, mail);

    if (reminder->timer != NULL)
        timer_start(reminder->timer, reminder->after_ms, 0);
}

void
reminder_init(struct reminder *reminder, struct loop *loop, int64_t after_ms,
              void (*fire)(void *arg), void *arg)
{
    *reminder = (struct reminder) {
        .loop = loop, .after_ms = after_ms, .fire = fire, .arg = arg, .mail.deliver = deliver
    };
    reminder->timer = timer_new(loop, due, reminder);
}

void
reminder_stop(struct reminder *reminder)
{
    timer_free(reminder->timer);
    reminder->timer = NULL;
}

void
reminder_ask(struct reminder *reminder)
{
    if (!atomic_exchange_explicit(&reminder->asked, true, memory_order_seq_cst))
        loop_post(reminder->loop, &reminder->mail);
}
