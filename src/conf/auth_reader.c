/* SPDX-License-Identifier: Apache-2.0
 *
 * Whatever form it has, each way to enter becomes one entry by way of a draft. What is wrong
 * with a draft is reported and no entry made of it, so that nothing half-read can let anybody
 * in.
 */
#include "conf/auth_reader.h"

#include <ctype.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "conf/checks.h"
#include "conf/permissions_reader.h"
#include "conf/reader.h"
#include "proto/nkey_text.h"

struct draft {
    struct auth_entry entry;
    struct auth_place place;
    bool bad;
};

static struct conf_pos
flag_pos(const struct flag_setting *flag)
{
    return (struct conf_pos) { flag->name, 0, 0 };
}

bool
auth_part_set(const struct auth_reader *auth, enum auth_part part)
{
    return auth->block.at[part] != NULL || auth->flags[part] != NULL;
}

struct conf_pos
auth_part_pos(const struct auth_reader *auth, enum auth_part part)
{
    return auth->flags[part] != NULL ? flag_pos(auth->flags[part]) : auth->block.at[part]->pos;
}

/* Entries without permissions of their own have the default ones. */
static void
finish(struct auth_reader *auth, struct draft *draft)
{
    struct auth_options *options = auth->options;
    size_t count = options->count + 1;

    if (draft->bad) {
        auth_entry_release(&draft->entry);
        return;
    }
    if (draft->entry.permissions == NULL)
        draft->entry.permissions = permissions_options_copy(auth->defaults);
    options->entries = xrealloc(options->entries, count * sizeof(*options->entries));
    auth->places = xrealloc(auth->places, count * sizeof(*auth->places));
    options->entries[options->count] = draft->entry;
    auth->places[options->count] = draft->place;
    options->count = count;
}

static void
set_secret(struct auth_reader *auth, struct draft *draft, const char *noun, struct str text)
{
    draft->entry.secret = xmemdup0(text.data, text.len);
    if (!check_secret(noun, draft->entry.secret, draft->place.secret, auth->diags))
        draft->bad = true;
}

static void
secret_from_value(struct auth_reader *auth, struct draft *draft, const char *noun,
                  const struct conf_entry *value)
{
    struct str text;

    draft->place.secret = value->pos;
    draft->place.origin = value->value->origin;
    draft->place.file = conf_tree_file(auth->tree, value->value->origin.file);
    if (auth_field_text(value, &text, auth->diags))
        set_secret(auth, draft, noun, text);
    else
        draft->bad = true;
}

/* Editors and echo end a file with a newline, which is not part of the token. */
static struct str
without_newline(struct str text)
{
    if (text.len > 0 && text.data[text.len - 1] == '\n')
        text.len -= text.len > 1 && text.data[text.len - 2] == '\r' ? 2 : 1;
    return text;
}

static void
secret_from_file(struct auth_reader *auth, struct draft *draft, struct conf_pos pos,
                 struct str path)
{
    struct conf_file *file = arena_alloc(&auth->tree->arena, sizeof(*file));
    struct errmsg why;
    struct str text;

    draft->place.secret = pos;
    file->path = arena_copy(&auth->tree->arena, path.data, path.len);
    draft->bad = true;
    if (path.len == 0) {
        diag_error(auth->diags, pos, "\"token_file\" needs the name of a file");
        return;
    }
    if (auth->host->read_file(auth->host->context, file->path, &auth->tree->arena, file, &why) !=
        ERR_OK) {
        diag_error(auth->diags, pos, "%s", why.text);
        return;
    }
    text = without_newline(file->text);
    if (text.len == 0) {
        diag_error(auth->diags, pos, "%s is empty: an empty token would admit everyone",
                   file->path);
    } else if (memchr(text.data, '\0', text.len) != NULL) {
        diag_error(auth->diags, pos, "the token in %s holds a NUL byte", file->path);
    } else {
        draft->bad = false;
        draft->place.file = file;
        draft->place.in_token_file = true;
        set_secret(auth, draft, "token", text);
    }
}

/* The token of fields, said in one way or the other. */
static void
read_token(struct auth_reader *auth, struct draft *draft, const struct auth_fields *fields)
{
    const struct conf_entry *token = fields->at[PART_TOKEN], *file = fields->at[PART_TOKEN_FILE];
    struct str path;

    if (token != NULL && file != NULL) {
        diag_error(auth->diags, file->pos, "Can not have a token and a token_file");
        draft->bad = true;
    } else if (token != NULL) {
        secret_from_value(auth, draft, "token", token);
    } else if (auth_field_text(file, &path, auth->diags)) {
        secret_from_file(auth, draft, file->pos, path);
    } else {
        draft->bad = true;
    }
}

/* Names are shown in logs and monitoring. */
static bool
check_name(struct auth_reader *auth, struct conf_pos pos, struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (iscntrl((unsigned char)name.data[i])) {
            diag_error(auth->diags, pos, "the name holds a control byte");
            return false;
        }
    }
    return true;
}

/* what: "Token entry requires a name" for an absent or empty one. */
static void
read_name(struct auth_reader *auth, struct draft *draft, const struct conf_entry *entry,
          const char *what)
{
    struct str name = { "", 0 };

    draft->bad = true;
    if (entry != NULL && !auth_field_text(entry, &name, auth->diags))
        return;
    if (name.len == 0) {
        diag_error(auth->diags, entry != NULL ? entry->pos : draft->place.pos, "%s", what);
    } else if (check_name(auth, entry->pos, name)) {
        draft->entry.name = xmemdup0(name.data, name.len);
        draft->bad = false;
    }
}

static const char *const connection_types[] = { "STANDARD", "WEBSOCKET", "LEAFNODE",  "LEAFNODE_WS",
                                                "MQTT",     "MQTT_WS",   "IN_PROCESS" };

static void
read_connection_types(struct auth_reader *auth, struct draft *draft, const struct conf_entry *entry)
{
    const struct conf_value *value = NULL;

    while (entry != NULL && (value = auth_next_value(entry->value, value)) != NULL) {
        struct str name = auth_value_word(value);
        size_t type = 0, count = sizeof(connection_types) / sizeof(connection_types[0]);

        while (type < count && !str_eq_nocase(name, str_of(connection_types[type])))
            type++;
        if (type < count) {
            draft->entry.connection_types |= 1U << type;
            continue;
        }
        draft->bad = true;
        if (name.data == NULL || value->via_variable)
            diag_error(auth->diags, value->pos, "invalid connection types [%s]",
                       conf_type_name(value->type));
        else if (!auth_value_is_lost(value))
            diag_error(auth->diags, value->pos, "invalid connection types [\"%.*s\"]",
                       auth_shown_len(name), name.data);
    }
}

static void
read_expires(struct auth_reader *auth, struct draft *draft, const struct conf_entry *entry)
{
    int64_t seconds;

    if (entry == NULL)
        return;
    draft->place.expires = entry->pos;
    if (auth_value_is_lost(entry->value)) {
        draft->bad = true;
    } else if (entry->value->text.data == NULL || !conf_parse_date(entry->value->text, &seconds)) {
        diag_error(auth->diags, entry->pos,
                   "\"expires\" wants a time in UTC such as 2027-03-01T00:00:00Z");
        draft->bad = true;
    } else if (seconds <= 0) {
        draft->entry.expires_ns = 1; /* 0 would be never */
    } else if (__builtin_mul_overflow(seconds, CLOCK_NS_PER_S, &draft->entry.expires_ns)) {
        draft->entry.expires_ns = INT64_MAX; /* from 2262 on */
    }
}

/* What tokens and users have in common. */
static void
read_limits(struct auth_reader *auth, struct draft *draft, const struct auth_fields *fields)
{
    draft->entry.permissions = permissions_read(fields->at[PART_PERMISSIONS], auth->diags);
    read_connection_types(auth, draft, fields->at[PART_CONNECTION_TYPES]);
    read_expires(auth, draft, fields->at[PART_EXPIRES]);
}

static void
read_tokens_item(struct auth_reader *auth, const struct conf_value *item)
{
    struct draft draft = { .entry.kind = AUTH_TOKEN, .place.pos = item->pos };
    struct auth_fields fields;

    auth_fields_collect(&fields, "tokens", item, auth->diags);
    read_name(auth, &draft, fields.at[PART_NAME], "Token entry requires a name");
    if (fields.at[PART_TOKEN] != NULL || fields.at[PART_TOKEN_FILE] != NULL) {
        read_token(auth, &draft, &fields);
    } else {
        diag_error(auth->diags, item->pos, "Token entry requires a token or a token_file");
        draft.bad = true;
    }
    read_limits(auth, &draft, &fields);
    finish(auth, &draft);
}

/* Without one: auth_reader_check() asks whether users need it. */
static void
read_password(struct auth_reader *auth, struct draft *draft, const struct conf_entry *password)
{
    if (password != NULL)
        secret_from_value(auth, draft, "password", password);
}

static void
read_nkey(struct auth_reader *auth, struct draft *draft, const struct auth_fields *fields)
{
    const struct conf_entry *entry = fields->at[PART_NKEY];
    unsigned char public_key[NKEY_PUBLIC_LEN];
    struct str key;

    draft->entry.kind = AUTH_NKEY;
    draft->bad = true;
    if (!auth_field_text(entry, &key, auth->diags))
        return;
    if (!nkey_text_decode(key, NKEY_USER, public_key)) {
        diag_error(auth->diags, entry->pos, "Not a valid public nkey for a user");
    } else if (fields->at[PART_USER] != NULL || fields->at[PART_PASSWORD] != NULL) {
        diag_error(auth->diags, entry->pos, "Nkey users do not take usernames or passwords");
    } else {
        draft->entry.name = xmemdup0(key.data, key.len);
        draft->bad = false;
    }
}

static void
read_users_item(struct auth_reader *auth, const struct conf_value *item)
{
    struct draft draft = { .entry.kind = AUTH_USER, .place.pos = item->pos };
    struct auth_fields fields;

    auth_fields_collect(&fields, "users", item, auth->diags);
    if (fields.at[PART_NKEY] != NULL) {
        read_nkey(auth, &draft, &fields);
    } else {
        read_name(auth, &draft, fields.at[PART_USER], "User entry requires a user");
        read_password(auth, &draft, fields.at[PART_PASSWORD]);
    }
    read_limits(auth, &draft, &fields);
    finish(auth, &draft);
}

/* tokens and users; noun is "token" or "user". */
static void
read_list(struct auth_reader *auth, const struct conf_entry *entry, const char *noun,
          void (*read_item)(struct auth_reader *auth, const struct conf_value *item))
{
    const struct conf_value *list = entry->value;

    if (auth_value_is_lost(list))
        return;
    if (list->type != CONF_ARRAY) {
        diag_error(auth->diags, entry->pos, "Expected %ss field to be an array, got %s", noun,
                   conf_type_name(list->type));
        return;
    }
    if (list->items == NULL)
        diag_error(auth->diags, entry->pos, "an empty list of %ss would admit everyone", noun);
    for (const struct conf_value *item = list->items; item != NULL; item = item->next) {
        if (item->type == CONF_MAP)
            read_item(auth, item);
        else if (!auth_value_is_lost(item))
            diag_error(auth->diags, item->pos, "Expected %s entry to be a map/struct, got %s", noun,
                       conf_type_name(item->type));
    }
}

static void
read_single_user(struct auth_reader *auth)
{
    const struct conf_entry *user = auth->block.at[PART_USER];
    const struct conf_entry *password = auth->block.at[PART_PASSWORD];
    struct draft draft = { .entry.kind = AUTH_USER };

    if (user == NULL) {
        diag_error(auth->diags, password->pos, "a password needs a user");
        return;
    }
    draft.place.pos = user->pos;
    read_name(auth, &draft, user, "User entry requires a user");
    read_password(auth, &draft, password);
    finish(auth, &draft);
}

void
auth_read_file(struct auth_reader *auth)
{
    const struct auth_fields *block = &auth->block;

    auth->defaults = permissions_read(block->at[PART_PERMISSIONS], auth->diags);
    if (block->at[PART_TOKEN] != NULL || block->at[PART_TOKEN_FILE] != NULL) {
        struct draft draft = { .entry.kind = AUTH_TOKEN };

        read_token(auth, &draft, block);
        draft.place.pos = draft.place.secret;
        finish(auth, &draft);
    }
    if (block->at[PART_USER] != NULL || block->at[PART_PASSWORD] != NULL)
        read_single_user(auth);
    if (block->at[PART_TOKENS] != NULL)
        read_list(auth, block->at[PART_TOKENS], "token", read_tokens_item);
    if (block->at[PART_USERS] != NULL)
        read_list(auth, block->at[PART_USERS], "user", read_users_item);
}

/* The flag goes before the file, which the operator should see. entry NULL: the file has none. */
static void
note_override(struct auth_reader *auth, const struct flag_setting *flag,
              const struct conf_entry *entry, const char *noun)
{
    struct buf where = BUF_INIT;

    if (entry == NULL)
        return;
    conf_pos_format(entry->pos, &where);
    diag_add(auth->diags, DIAG_INFO, (struct conf_pos) { 0 }, "%s overrides the %s of %s",
             flag->name, noun, buf_cstr(&where));
    buf_release(&where);
}

static void
read_token_flag(struct auth_reader *auth)
{
    const struct flag_setting *token = auth->flags[PART_TOKEN];
    const struct flag_setting *file = auth->flags[PART_TOKEN_FILE];
    const struct flag_setting *flag = token != NULL ? token : file;
    struct draft draft = { .entry.kind = AUTH_TOKEN, .place.pos = flag_pos(flag) };

    note_override(auth, flag, auth->block.at[PART_TOKEN], "token");
    note_override(auth, flag, auth->block.at[PART_TOKEN_FILE], "token_file");
    if (token != NULL && file != NULL) {
        diag_error(auth->diags, flag_pos(file), "Can not have a token and a token_file");
        return;
    }
    draft.place.secret = draft.place.pos;
    if (token != NULL)
        set_secret(auth, &draft, "token", str_of(token->value));
    else
        secret_from_file(auth, &draft, draft.place.pos, str_of(file->value));
    finish(auth, &draft);
}

static void
read_user_flags(struct auth_reader *auth)
{
    const struct flag_setting *user = auth->flags[PART_USER];
    const struct flag_setting *password = auth->flags[PART_PASSWORD];
    struct draft draft = { .entry.kind = AUTH_USER };

    if (user == NULL) {
        diag_error(auth->diags, flag_pos(password), "a password needs a user: --user");
        return;
    }
    note_override(auth, user, auth->block.at[PART_USER], "user");
    draft.place.pos = flag_pos(user);
    if (user->value[0] == '\0')
        diag_error(auth->diags, draft.place.pos, "User entry requires a user");
    if (user->value[0] == '\0' || !check_name(auth, draft.place.pos, str_of(user->value)))
        draft.bad = true;
    draft.entry.name = xstrdup(user->value);
    if (password != NULL) {
        draft.place.secret = flag_pos(password);
        set_secret(auth, &draft, "password", str_of(password->value));
    }
    finish(auth, &draft);
}

void
auth_read_flags(struct auth_reader *auth)
{
    bool token = auth->flags[PART_TOKEN] != NULL || auth->flags[PART_TOKEN_FILE] != NULL;
    bool user = auth->flags[PART_USER] != NULL || auth->flags[PART_PASSWORD] != NULL;

    if (!token && !user)
        return;
    /* What is of the same kind is overridden, and with any other kind it is an error. */
    for (size_t i = 0; i < auth->options->count; i++)
        auth_entry_release(&auth->options->entries[i]);
    auth->options->count = 0;
    if (token)
        read_token_flag(auth);
    if (user)
        read_user_flags(auth);
}

void
auth_reader_release(struct auth_reader *auth)
{
    permissions_options_free(auth->defaults);
    free(auth->places);
    auth->defaults = NULL;
    auth->places = NULL;
}
