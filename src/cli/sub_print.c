/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/sub.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/console.h"
#include "cli/filter.h"
#include "cli/text.h"

/* ---- headers, sorted by name: libnats keeps them in a hash table ---- */

struct headers {
    const char **keys;
    int count;
};

static int
compare_keys(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void
headers_init(struct headers *headers, natsMsg *msg)
{
    headers->keys = NULL;
    headers->count = 0;
    if (natsMsgHeader_Keys(msg, &headers->keys, &headers->count) == NATS_OK)
        qsort(headers->keys, (size_t)headers->count, sizeof(*headers->keys), compare_keys);
}

static void
headers_release(struct headers *headers)
{
    free(headers->keys);
}

static void
print_headers(struct buf *out, natsMsg *msg)
{
    struct headers headers;

    headers_init(&headers, msg);
    for (int i = 0; i < headers.count; i++) {
        const char **values = NULL;
        int count = 0;

        if (natsMsgHeader_Values(msg, headers.keys[i], &values, &count) != NATS_OK)
            continue;
        for (int v = 0; v < count; v++)
            buf_printf(out, "%s: %s\n", headers.keys[i], values[v]);
        free(values);
    }
    if (headers.count > 0)
        buf_append_char(out, '\n');
    headers_release(&headers);
}

/* ---- body ---- */

static struct str
body_of(natsMsg *msg)
{
    return (struct str) { natsMsg_GetData(msg), (size_t)natsMsg_GetDataLength(msg) };
}

/* The body, or what --translate makes of it; false after it failed. */
static bool
get_body(struct buf *out, const struct sub_options *options, natsMsg *msg, struct errmsg *why)
{
    struct str body = body_of(msg);

    if (options->translate == NULL)
        return buf_append(out, body.data, body.len);
    return filter_run(out, options->translate, body, str_of(natsMsg_GetSubject(msg)), why) ==
           ERR_OK;
}

/* The body and the end of its line. */
static void
print_body(struct buf *out, const struct sub_options *options, natsMsg *msg)
{
    size_t start = out->len;
    struct errmsg why;

    if (natsMsg_GetDataLength(msg) == 0 && options->translate == NULL) {
        buf_append_str(out, "nil body\n");
        return;
    }
    if (!get_body(out, options, msg, &why)) {
        out->len = start;
        text_append_quoted(out, body_of(msg));
        buf_printf(out, "\nError while translating msg body: %s\n", why.text);
        return;
    }
    if (out->len == start || out->data[out->len - 1] != '\n')
        buf_append_char(out, '\n');
}

/* ---- the three forms ---- */

static void
print_pretty(struct buf *out, const struct sub_options *options, natsMsg *msg)
{
    if (options->subjects_only)
        return;
    print_headers(out, msg);
    if (options->headers_only)
        return;
    print_body(out, options, msg);
    buf_append_char(out, '\n');
}

static void
append_json_text(struct buf *out, const char *text)
{
    buf_append_char(out, '"');
    text_append_json(out, str_of(text));
    buf_append_char(out, '"');
}

static void
append_json_headers(struct buf *out, natsMsg *msg)
{
    struct headers headers;

    headers_init(&headers, msg);
    buf_append_str(out, headers.count == 0 ? "null" : "{");
    for (int i = 0; i < headers.count; i++) {
        const char **values = NULL;
        int count = 0;

        buf_append_str(out, i == 0 ? "" : ",");
        append_json_text(out, headers.keys[i]);
        (void)natsMsgHeader_Values(msg, headers.keys[i], &values, &count);
        buf_append_str(out, ":[");
        for (int v = 0; v < count; v++) {
            buf_append_str(out, v == 0 ? "" : ",");
            append_json_text(out, values[v]);
        }
        buf_append_char(out, ']');
        free(values);
    }
    buf_append_str(out, headers.count == 0 ? "" : "}");
    headers_release(&headers);
}

/* The reference's field names and order; false when --translate failed. */
static bool
append_json(struct buf *out, const struct sub_options *options, natsMsg *msg)
{
    const char *reply = natsMsg_GetReply(msg);
    struct buf body = BUF_INIT;
    struct errmsg why = { "" };
    bool ok = get_body(&body, options, msg, &why);

    if (ok) {
        buf_append_str(out, "{\"Subject\":");
        append_json_text(out, natsMsg_GetSubject(msg));
        buf_append_str(out, ",\"Reply\":");
        append_json_text(out, reply == NULL ? "" : reply);
        buf_append_str(out, ",\"Header\":");
        append_json_headers(out, msg);
        buf_append_str(out, ",\"Data\":\"");
        text_append_base64(out, (struct str) { body.data, body.len });
        buf_append_str(out, "\",\"Sub\":null}");
    } else {
        console_log("Error while translating msg body: %s", why.text);
    }
    buf_release(&body);
    return ok;
}

static void
save(const char *directory, uint64_t number, const char *suffix, const struct buf *json)
{
    char *path = xasprintf("%s/%llu%s.json", directory, (unsigned long long)number, suffix);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    size_t done = 0;

    while (fd != -1 && done < json->len) {
        ssize_t written = write(fd, json->data + done, json->len - done);

        if (written > 0)
            done += (size_t)written;
        else if (written == 0 || errno != EINTR)
            break;
    }
    if (fd == -1 || done < json->len)
        console_log("Could not save message: %s: %s", path, strerror(errno));
    if (fd != -1)
        (void)close(fd);
    free(path);
}

static void
dump(struct buf *out, const struct sub_options *options, uint64_t number, const char *suffix,
     natsMsg *msg)
{
    bool to_stdout = strcmp(options->dump, "-") == 0;
    struct buf json = BUF_INIT;

    if (to_stdout && append_json(out, options, msg))
        buf_append_char(out, '\0');
    else if (!to_stdout && append_json(&json, options, msg))
        save(options->dump, number, suffix, &json);
    buf_release(&json);
}

void
sub_print(struct buf *out, const struct sub_options *options, uint64_t number, const char *stamp,
          natsMsg *msg, natsMsg *reply)
{
    const char *reply_subject = natsMsg_GetReply(msg);

    if (options->dump != NULL) {
        dump(out, options, number, "", msg);
        if (reply != NULL)
            dump(out, options, number, "_reply", reply);
        return;
    }
    if (options->raw) {
        print_body(out, options, msg);
        if (reply != NULL)
            print_body(out, options, reply);
        return;
    }
    buf_printf(out, "[#%llu]%s Received on ", (unsigned long long)number, stamp);
    text_append_quoted(out, str_of(natsMsg_GetSubject(msg)));
    if (reply_subject != NULL) {
        buf_append_str(out, " with reply ");
        text_append_quoted(out, str_of(reply_subject));
    }
    buf_append_char(out, '\n');
    print_pretty(out, options, msg);
    if (reply == NULL)
        return;
    buf_printf(out, "[#%llu]%s Matched reply on ", (unsigned long long)number, stamp);
    text_append_quoted(out, str_of(natsMsg_GetSubject(reply)));
    buf_append_char(out, '\n');
    print_pretty(out, options, reply);
}
