/* SPDX-License-Identifier: Apache-2.0
 *
 * CONNECT's JSON. Strings end in a NUL, an error has a text, reading what was accepted again
 * changes nothing, and the description is one printable line.
 */
#include <assert.h>

#include "proto/connect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_string(struct str string)
{
    assert(string.data != NULL || string.len == 0);
    assert(string.data == NULL || string.data[string.len] == '\0');
}

static void
check_strings(const struct connect_info *info)
{
    check_string(info->name);
    check_string(info->lang);
    check_string(info->version);
    check_string(info->auth_token);
    check_string(info->user);
    check_string(info->pass);
    check_string(info->nkey);
    check_string(info->sig);
    check_string(info->jwt);
    check_string(info->account);
}

static void
check_line(const struct connect_info *info, char *line, size_t size)
{
    connect_info_describe(info, line, size);
    assert(strlen(line) < size);
    for (const char *at = line; *at != '\0'; at++)
        assert((unsigned char)*at >= ' ' && *at != 0x7f);
}

/* What is kept comes back, but for the credentials. */
static void
check_kept(const struct connect_info *info)
{
    struct connect_kept kept;
    struct connect_info again;

    connect_kept_init(&kept);
    assert(connect_keep(&kept, info) && connect_recall(&again, &kept));
    assert(str_eq(again.name, info->name) && str_eq(again.lang, info->lang));
    assert(str_eq(again.version, info->version) && str_eq(again.account, info->account));
    assert((again.name.data == NULL) == (info->name.data == NULL));
    assert(again.protocol == info->protocol && again.echo == info->echo);
    assert(again.auth_token.data == NULL && again.pass.data == NULL && again.jwt.data == NULL);
    connect_info_release(&again);
    connect_kept_release(&kept);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str json = { (const char *)data, size };
    struct connect_info info;
    struct errmsg why = { "" };
    char first[1024], second[1024];
    enum err err;

    if (size == 0)
        json.data = "";
    connect_info_init(&info);
    err = connect_info_parse(&info, json, &why);
    check_strings(&info);
    check_line(&info, first, sizeof(first));
    assert((err == ERR_OK) == (why.text[0] == '\0'));
    if (err == ERR_OK) {
        assert(connect_info_parse(&info, json, NULL) == ERR_OK);
        check_line(&info, second, sizeof(second));
        assert(strcmp(first, second) == 0);
    }
    check_kept(&info);
    connect_info_release(&info);
    return 0;
}
