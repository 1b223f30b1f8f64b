/* SPDX-License-Identifier: Apache-2.0
 *
 * mesh_support - one mesh, its events in short and its actions as text
 *
 * Includers have cmocka. Server ids are single letters; the own one is "m", its name "mike", its
 * cluster "east". Server x listens on 10.0.0.x:6222.
 */
#ifndef TESSERA_TESTS_MESH_SUPPORT_H
#define TESSERA_TESTS_MESH_SUPPORT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "cluster/mesh.h"

struct fixture {
    struct mesh *mesh;
    int64_t now_ms;
    uint32_t target; /* of the DIAL taken last */
    struct mesh_action dial;
    char host[64]; /* its host */
};

static inline void
fixture_open(struct fixture *f, const struct mesh_settings *other)
{
    struct mesh_settings settings = {
        .server_id = "m", .server_name = "mike", .cluster = "east", .seed = 7
    };

    *f = (struct fixture) { .now_ms = 1000 };
    f->mesh = mesh_new(other == NULL ? &settings : other);
}

static inline void
fixture_close(struct fixture *f)
{
    mesh_check(f->mesh);
    mesh_free(f->mesh);
}

static inline void
print_action(struct fixture *f, struct buf *out, const struct mesh_action *action)
{
    size_t count;
    const char *const *urls;

    switch (action->kind) {
    case MESH_DIAL:
        f->target = action->target;
        f->dial = *action;
        snprintf(f->host, sizeof(f->host), "%s", action->host);
        buf_printf(out, "dial %s:%u", action->host, action->port);
        break;
    case MESH_REGISTER:
        buf_printf(out, "register %d to %s", (int)action->link, action->server_id);
        break;
    case MESH_SPARE:
        buf_printf(out, "spare %d", (int)action->link);
        break;
    case MESH_CLOSE:
        buf_printf(out, "close %d %s", (int)action->link, mesh_reason_text(action->reason));
        if (action->error != NULL)
            buf_printf(out, " -ERR '%s'", action->error);
        break;
    case MESH_GOSSIP:
        buf_printf(out, "tell %d about %d at %s", (int)action->link, (int)action->about,
                   action->ip);
        break;
    case MESH_RENAMED:
        buf_printf(out, "renamed %s%s", mesh_cluster(f->mesh),
                   mesh_cluster_is_dynamic(f->mesh) ? " (dynamic)" : "");
        break;
    case MESH_URLS:
        urls = mesh_urls(f->mesh, &count);
        buf_append_str(out, "urls");
        for (size_t i = 0; i < count; i++)
            buf_printf(out, " %s", urls[i]);
        break;
    }
}

/* All actions there are, in order, with "; " between them. */
static inline void
expect_at(struct fixture *f, const char *want, const char *file, int line)
{
    struct buf got = BUF_INIT;
    struct mesh_action action;

    while (mesh_take(f->mesh, &action)) {
        if (got.len > 0)
            buf_append_str(&got, "; ");
        print_action(f, &got, &action);
    }
    mesh_check(f->mesh);
    if (strcmp(buf_cstr(&got), want) != 0) {
        print_error("%s:%d:\n  want %s\n  got  %s\n", file, line, want, buf_cstr(&got));
        fail();
    }
    buf_release(&got);
}
#define EXPECT(f, want) expect_at(f, want, __FILE__, __LINE__)

static inline void
configure(struct fixture *f, const char *a, const char *b)
{
    struct mesh_address routes[2] = { { a, 6222 }, { b, 6222 } };

    mesh_configure(f->mesh, routes, (a != NULL) + (size_t)(b != NULL), f->now_ms);
}

static inline void
accepted(struct fixture *f, uint64_t link, const char *id)
{
    char ip[24];

    snprintf(ip, sizeof(ip), "10.0.0.%s", id);
    assert_true(mesh_link_opened(f->mesh, link, 0, ip, 40000, f->now_ms));
}

/* The target dialled last. */
static inline void
dialled(struct fixture *f, uint64_t link, const char *id)
{
    char ip[24];

    snprintf(ip, sizeof(ip), "10.0.0.%s", id);
    assert_true(mesh_link_opened(f->mesh, link, f->target, ip, 6222, f->now_ms));
}

static inline struct mesh_info
info_of(const char *id)
{
    return (struct mesh_info) {
        .server_id = id, .server_name = id, .cluster = "east", .host = id, .port = 6222
    };
}

static inline void
info(struct fixture *f, uint64_t link, const char *id)
{
    struct mesh_info told = info_of(id);

    mesh_link_info(f->mesh, link, &told, f->now_ms);
}

static inline void
closed(struct fixture *f, uint64_t link)
{
    mesh_link_closed(f->mesh, link, f->now_ms);
}

/* Lets time pass until the next tick, and does it; asserts that it is due in that span. */
static inline void
tick_within(struct fixture *f, int64_t from_ms, int64_t to_ms)
{
    int64_t next_ms = mesh_next_ms(f->mesh);

    assert_in_range(next_ms - f->now_ms, from_ms, to_ms);
    if (next_ms > f->now_ms) {
        mesh_tick(f->mesh, next_ms - 1);
        EXPECT(f, "");
    }
    f->now_ms = next_ms;
    mesh_tick(f->mesh, f->now_ms);
}

#endif
