/* SPDX-License-Identifier: Apache-2.0
 *
 * busy - keeps all cores from falling asleep, and takes nothing from whoever wants to run
 *
 * On a virtual machine an idle core wakes up slowly: what is measured then is the host. Each core
 * gets a process of the lowest scheduling class that turns in a loop.
 *
 * Owns     its processes; they end with this one, too.
 * Threads  one at a time; no other thread may exist when it starts.
 */
#ifndef TESSERA_BENCH_LOAD_BUSY_H
#define TESSERA_BENCH_LOAD_BUSY_H

#include "base/err.h"

struct busy;

enum err busy_start(struct busy **out, struct errmsg *why);
void busy_stop(struct busy *busy); /* NULL is allowed */

#endif
