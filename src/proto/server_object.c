/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/server_object.h"

#include <stddef.h>

#include "proto/jobject.h"

static const struct jfield fields[] = {
    { JFIELD(server_object, name, TEXT), .always = true },
    { JFIELD(server_object, host, TEXT), .always = true },
    { JFIELD(server_object, id, TEXT), .always = true },
    { JFIELD(server_object, cluster, TEXT) },
    { JFIELD_AS("ver", server_object, version, TEXT), .always = true },
    { JFIELD(server_object, seq, INTEGER), .always = true },
    { JFIELD(server_object, jetstream, BOOL), .always = true },
    { JFIELD(server_object, time, TEXT), .always = true },
};

static const struct jobject table = { .what = "server",
                                      .fields = fields,
                                      .count = sizeof(fields) / sizeof(fields[0]) };

char *
server_object_json(const struct server_object *object)
{
    return jobject_text(&table, object);
}
