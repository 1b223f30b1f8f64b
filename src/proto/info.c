/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/info.h"

#include <assert.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define INFO_PROTO 1 /* the server knows echo and asynchronous INFO */

/* NULL texts and false are left out, as in the reference. */
static bool
set_text(json_t *object, const char *key, const char *text)
{
    return text == NULL || json_object_set_new(object, key, json_string(text)) == 0;
}

static bool
set_true(json_t *object, const char *key, bool value)
{
    return !value || json_object_set_new(object, key, json_true()) == 0;
}

static bool
set_number(json_t *object, const char *key, int64_t value)
{
    return json_object_set_new(object, key, json_integer(value)) == 0;
}

static bool
set_urls(json_t *object, const char *const *urls)
{
    json_t *array;
    bool ok = true;

    if (urls == NULL || *urls == NULL)
        return true;
    array = json_array();
    for (; ok && *urls != NULL; urls++)
        ok = json_array_append_new(array, json_string(*urls)) == 0;
    /* set_new takes array over, also when it fails */
    return json_object_set_new(object, "connect_urls", array) == 0 && ok;
}

static bool
set_fields(json_t *object, const struct info *info)
{
    return set_text(object, "server_id", info->server_id) &&
           set_text(object, "server_name", info->server_name) &&
           set_text(object, "version", info->version) && set_number(object, "proto", INFO_PROTO) &&
           set_text(object, "go", info->go) && set_text(object, "git_commit", info->git_commit) &&
           set_text(object, "host", info->host) && set_number(object, "port", info->port) &&
           json_object_set_new(object, "headers", json_boolean(info->headers)) == 0 &&
           set_true(object, "auth_required", info->auth_required) &&
           set_true(object, "tls_required", info->tls_required) &&
           set_true(object, "tls_verify", info->tls_verify) &&
           set_true(object, "tls_available", info->tls_available) &&
           set_number(object, "max_payload", info->max_payload) &&
           set_true(object, "jetstream", info->jetstream) &&
           set_text(object, "cluster", info->cluster) && set_urls(object, info->connect_urls);
}

bool
info_prefix(struct buf *out, const struct info *info)
{
    json_t *object = json_object();
    char *text = NULL;
    size_t before = out->len;
    bool ok;

    if (object != NULL && set_fields(object, info))
        text = json_dumps(object, JSON_COMPACT);
    ok = text != NULL && buf_append_str(out, "INFO ") && buf_append_str(out, text);
    if (ok)
        out->data[out->len - 1] = ','; /* over the closing brace */
    else
        out->len = before;
    free(text);
    json_decref(object);
    return ok;
}

/* Appends ,"key":"text" unless text is NULL. */
static bool
append_field(struct buf *out, const char *key, const char *text)
{
    if (text == NULL)
        return true;
    assert(strpbrk(text, "\"\\") == NULL);
    return buf_append_str(out, ",\"") && buf_append_str(out, key) && buf_append_str(out, "\":\"") &&
           buf_append_str(out, text) && buf_append_char(out, '"');
}

static bool
append_client(struct buf *out, const struct info_client *client)
{
    char digits[20];
    size_t len = str_put_u64(digits, client->id);
    const char *connect_info = client->account == NULL ? "" : ",\"connect_info\":true";

    return buf_append_str(out, "\"client_id\":") && buf_append(out, digits, len) &&
           append_field(out, "client_ip", client->ip) &&
           append_field(out, "nonce", client->nonce) && buf_append_str(out, connect_info) &&
           append_field(out, "remote_account", client->account) &&
           buf_append_str(out, client->ldm ? ",\"ldm\":true} \r\n" : "} \r\n");
}

bool
info_line(struct buf *out, const struct buf *prefix, const struct info_client *client)
{
    size_t before = out->len;

    if (buf_append(out, prefix->data, prefix->len) && append_client(out, client))
        return true;
    out->len = before;
    return false;
}

bool
info_check(struct str json)
{
    json_t *value = json_loadb(json.data, json.len, JSON_ALLOW_NUL, NULL);
    bool ok = json_is_object(value);

    json_decref(value);
    return ok;
}
