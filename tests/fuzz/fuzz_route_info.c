/* SPDX-License-Identifier: Apache-2.0
 *
 * INFO and CONNECT between servers; the first byte says which. An error has a text and leaves
 * nothing, and what was read and written again says the same.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "proto/route_info.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_list(char *const *items, size_t count)
{
    assert(count <= ROUTE_LIST_MAX);
    for (size_t i = 0; i < count; i++)
        assert(strlen(items[i]) <= ROUTE_TEXT_MAX);
}

static void
check_info(struct str json)
{
    struct route_info info, again;
    struct errmsg why = { "" };
    enum err err = route_info_parse(&info, json, &why);
    char *text, *text_again;

    assert((err == ERR_OK) == (why.text[0] == '\0'));
    if (err != ERR_OK) {
        assert(info.server_id == NULL && info.connect_urls == NULL && info.export_.deny == NULL);
        return;
    }
    check_list(info.connect_urls, info.connect_url_count);
    check_list(info.import_.allow, info.import_.allow_count);
    check_list(info.export_.deny, info.export_.deny_count);
    text = route_info_json(&info);
    assert(text != NULL);
    assert(route_info_parse(&again, str_of(text), NULL) == ERR_OK);
    text_again = route_info_json(&again);
    assert(text_again != NULL && strcmp(text, text_again) == 0);
    assert(again.has_pool_size == info.has_pool_size && again.port == info.port);
    free(text);
    free(text_again);
    route_info_release(&again);
    route_info_release(&info);
}

static void
check_connect(struct str json)
{
    struct route_connect connect, again;
    struct errmsg why = { "" };
    enum err err = route_connect_parse(&connect, json, &why);
    char *text, *text_again;

    assert((err == ERR_OK) == (why.text[0] == '\0'));
    if (err != ERR_OK) {
        assert(connect.user == NULL && connect.pass == NULL && connect.auth_token == NULL);
        return;
    }
    text = route_connect_json(&connect);
    assert(text != NULL && route_connect_parse(&again, str_of(text), NULL) == ERR_OK);
    text_again = route_connect_json(&again);
    assert(text_again != NULL && strcmp(text, text_again) == 0);
    assert(str_eq(str_of(again.auth_token), str_of(connect.auth_token)));
    mem_wipe_free(&text);
    mem_wipe_free(&text_again);
    route_connect_release(&again);
    route_connect_release(&connect);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str json;
    char *copy;

    if (size < 2)
        return 0;
    copy = malloc(size - 1); /* of exactly that size: nothing is read behind it */
    assert(copy != NULL);
    memcpy(copy, data + 1, size - 1);
    json = (struct str) { copy, size - 1 };
    if (data[0] & 1)
        check_info(json);
    else
        check_connect(json);
    free(copy);
    return 0;
}
