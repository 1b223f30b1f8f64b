/* SPDX-License-Identifier: Apache-2.0
 *
 * The tables say what is read, what is written, and in which order.
 */
#include "proto/route_info.h"

#include "proto/jobject.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const struct jfield permission_fields[] = {
    { JFIELD(route_permissions, allow, LIST),
      .count_offset = offsetof(struct route_permissions, allow_count) },
    { JFIELD(route_permissions, deny, LIST),
      .count_offset = offsetof(struct route_permissions, deny_count) },
};

static const struct jobject permissions = { "INFO", permission_fields, COUNT(permission_fields),
                                            ROUTE_TEXT_MAX, ROUTE_LIST_MAX };

static const struct jfield info_fields[] = {
    { JFIELD(route_info, server_id, TEXT), .always = true },
    { JFIELD(route_info, server_name, TEXT), .always = true },
    { JFIELD(route_info, version, TEXT), .always = true },
    { JFIELD(route_info, proto, INT), .always = true },
    { JFIELD(route_info, git_commit, TEXT) },
    { JFIELD(route_info, go, TEXT), .always = true },
    { JFIELD(route_info, host, TEXT), .always = true },
    { JFIELD(route_info, port, INT), .always = true },
    { JFIELD(route_info, headers, BOOL), .always = true },
    { JFIELD(route_info, auth_required, BOOL) },
    { JFIELD(route_info, tls_required, BOOL) },
    { JFIELD(route_info, tls_verify, BOOL) },
    { JFIELD(route_info, max_payload, INTEGER), .always = true },
    { JFIELD(route_info, jetstream, BOOL) },
    { JFIELD(route_info, ip, TEXT) },
    { JFIELD(route_info, nonce, TEXT) },
    { JFIELD(route_info, cluster, TEXT) },
    { JFIELD(route_info, cluster_dynamic, BOOL) },
    { JFIELD(route_info, domain, TEXT) },
    { JFIELD(route_info, connect_urls, LIST),
      .count_offset = offsetof(struct route_info, connect_url_count) },
    { JFIELD(route_info, ldm, BOOL) },
    { JFIELD(route_info, compression, TEXT) },
    { JFIELD_AS("import", route_info, import_, OBJECT), .object = &permissions },
    { JFIELD_AS("export", route_info, export_, OBJECT), .object = &permissions },
    { JFIELD(route_info, lnoc, BOOL) },
    { JFIELD(route_info, lnocu, BOOL) },
    { JFIELD(route_info, ln, BOOL) },
    { JFIELD(route_info, route_pool_size, INTEGER) },
    { JFIELD(route_info, route_pool_idx, INTEGER) },
    { JFIELD(route_info, route_account, TEXT) },
    { JFIELD(route_info, route_acc_add_reqid, TEXT) },
    { JFIELD(route_info, gossip_mode, INT) },
    { JFIELD(route_info, gateway, TEXT) },
};

static const struct jobject info_object = { "INFO", info_fields, COUNT(info_fields), ROUTE_TEXT_MAX,
                                            ROUTE_LIST_MAX };

static const struct jfield connect_fields[] = {
    { JFIELD(route_connect, echo, BOOL), .always = true },
    { JFIELD(route_connect, verbose, BOOL), .always = true },
    { JFIELD(route_connect, pedantic, BOOL), .always = true },
    { JFIELD(route_connect, user, TEXT) },
    { JFIELD(route_connect, pass, TEXT) },
    { JFIELD(route_connect, auth_token, TEXT) },
    { JFIELD(route_connect, tls_required, BOOL), .always = true },
    { JFIELD(route_connect, headers, BOOL), .always = true },
    { JFIELD(route_connect, name, TEXT), .always = true },
    { JFIELD(route_connect, cluster, TEXT), .always = true },
    { JFIELD(route_connect, cluster_dynamic, BOOL) },
    { JFIELD(route_connect, lnoc, BOOL) },
    { JFIELD(route_connect, lnocu, BOOL) },
    { JFIELD(route_connect, ln, BOOL) },
    { JFIELD(route_connect, gateway, TEXT) },
    { JFIELD(route_connect, lang, TEXT) },
};

static const struct jobject connect_object = { "CONNECT", connect_fields, COUNT(connect_fields),
                                               ROUTE_TEXT_MAX, ROUTE_LIST_MAX };

enum err
route_info_parse(struct route_info *out, struct str json, struct errmsg *why)
{
    enum err err;

    *out = (struct route_info) { 0 };
    err = jobject_read(&info_object, out, json, why);
    if (err != ERR_OK)
        route_info_release(out);
    out->has_pool_size = out->route_pool_size != 0;
    return err;
}

void
route_info_release(struct route_info *info)
{
    jobject_release(&info_object, info);
}

char *
route_info_json(const struct route_info *info)
{
    return jobject_text(&info_object, info);
}

enum err
route_connect_parse(struct route_connect *out, struct str json, struct errmsg *why)
{
    enum err err;

    *out = (struct route_connect) { 0 };
    err = jobject_read(&connect_object, out, json, why);
    if (err != ERR_OK)
        route_connect_release(out);
    return err;
}

void
route_connect_release(struct route_connect *connect)
{
    jobject_release(&connect_object, connect);
}

char *
route_connect_json(const struct route_connect *connect)
{
    return jobject_text(&connect_object, connect);
}
