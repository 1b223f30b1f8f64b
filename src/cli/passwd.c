/* SPDX-License-Identifier: Apache-2.0
 *
 * nats server passwd - makes (or checks) the bcrypt hash of a token or password
 *
 * The password comes from --pass or PASSWORD, is generated, asked for at the terminal, or is
 * one line of standard input. It is held to what the server will take: BCRYPT_PASSWORD_MAX
 * bytes at most, because bcrypt sees no more, and no control bytes.
 */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth/bcrypt.h"
#include "base/mem.h"
#include "base/random.h"
#include "cli/cli.h"
#include "cli/console.h"
#include "cli/prompt.h"

enum {
    PASSWORD_MIN = 10,  /* bytes */
    GENERATED_LEN = 22, /* of 64 symbols: 132 bits */
    LINE_MAX_LEN = 4096 /* bytes read from standard input */
};

struct passwd_options {
    char *pass;
    int64_t cost;
    bool generate, config;
    char *verify;
};

/* ---- where the password comes from ---- */

/* Symbols that need no escape in a URL and no quotes in a configuration. */
static char *
generate(void)
{
    static const char symbols[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned char bytes[GENERATED_LEN];
    char *out = xmalloc(GENERATED_LEN + 1);

    do /* a '-' in front would look like a flag */
        random_bytes(bytes, sizeof(bytes));
    while (bytes[0] % 64 >= 62);
    for (size_t i = 0; i < GENERATED_LEN; i++)
        out[i] = symbols[bytes[i] % 64];
    out[GENERATED_LEN] = '\0';
    mem_wipe(bytes, sizeof(bytes));
    return out;
}

static enum err
ask(char **out, bool twice, struct errmsg *why)
{
    static const struct prompt_question questions[] = {
        { "Enter password", "Enter a password string that's minimum 10 characters long" },
        { "Reenter password", "Enter the same password again" },
    };
    char *answers[] = { NULL, NULL };
    struct errmsg cause;
    enum err err;

    err = prompt_passwords(answers, questions, twice ? 2 : 1, &cause);
    if (err != ERR_OK)
        (void)err_set(why, err, "could not read password: %s", cause.text);
    else if (twice && strcmp(answers[0], answers[1]) != 0)
        err = err_set(why, ERR_INVALID, "entered and re-entered passwords do not match");
    (void)dprintf(prompt_screen(), "\n");
    *out = answers[0];
    mem_wipe_free(&answers[1]);
    return err;
}

/* One line, read byte by byte so that nothing behind it is taken from the next reader. */
static enum err
read_line(char **out, struct errmsg *why)
{
    char line[LINE_MAX_LEN];
    size_t len = 0;
    ssize_t got;
    enum err err = ERR_OK;

    while ((got = read(STDIN_FILENO, line + len, 1)) != 0) {
        if (got == -1 && errno == EINTR)
            continue;
        if (got == -1)
            err = err_sys(why, errno, "could not read the password from standard input");
        else if (line[len] != '\n' && ++len < sizeof(line))
            continue;
        break;
    }
    if (len > 0 && line[len - 1] == '\r')
        len--;
    if (err == ERR_OK && memchr(line, '\0', len) != NULL)
        err = err_set(why, ERR_INVALID, "password should not hold control characters");
    if (err == ERR_OK)
        *out = xmemdup0(line, len);
    mem_wipe(line, sizeof(line));
    return err;
}

static enum err
get_password(char **out, const struct passwd_options *o, struct errmsg *why)
{
    if (o->generate) {
        *out = generate();
        return ERR_OK;
    }
    if (o->pass != NULL) {
        *out = xstrdup(o->pass);
        return ERR_OK;
    }
    if (!isatty(STDIN_FILENO))
        return read_line(out, why);
    if (prompt_screen() == -1)
        return err_set(why, ERR_INVALID, "cannot prompt for user input without a terminal");
    return ask(out, o->verify == NULL, why);
}

/* ---- what is done with it ---- */

static enum err
check_password(const char *password, struct errmsg *why)
{
    size_t len = strlen(password);

    if (len < PASSWORD_MIN)
        return err_set(why, ERR_INVALID, "password should be at least %d characters long",
                       PASSWORD_MIN);
    if (len > BCRYPT_PASSWORD_MAX)
        return err_set(why, ERR_LIMIT,
                       "password should be at most %d bytes long: bcrypt does not look at more",
                       BCRYPT_PASSWORD_MAX);
    for (const char *c = password; *c != '\0'; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            return err_set(why, ERR_INVALID, "password should not hold control characters");
    }
    return ERR_OK;
}

static enum err
verify(const char *password, const char *hash, struct errmsg *why)
{
    struct bcrypt_scratch *scratch = bcrypt_scratch_new();
    enum bcrypt_verdict verdict = BCRYPT_FAILED;

    if (scratch != NULL)
        verdict = bcrypt_verify(scratch, hash, password, strlen(password));
    bcrypt_scratch_free(scratch);
    if (verdict == BCRYPT_FAILED)
        return err_set(why, ERR_NOMEM, "error verifying the bcrypt hash");
    if (verdict == BCRYPT_WRONG)
        return err_set(why, ERR_INVALID, "password does not match the hash");
    (void)console_printf("password matches the hash\n");
    return ERR_OK;
}

/* With --config the output is a piece of configuration, so a generated password is shown
 * beside it, on standard error. */
static enum err
make_hash(const char *password, const struct passwd_options *o, struct errmsg *why)
{
    char hash[BCRYPT_HASH_LEN + 1];
    struct errmsg cause;
    bool written = true;
    enum err err;

    err = bcrypt_hash(password, strlen(password), (unsigned)o->cost, hash, &cause);
    if (err != ERR_OK)
        return err_set(why, err, "error producing bcrypt hash: %s", cause.text);
    if (o->generate && o->config)
        (void)dprintf(STDERR_FILENO, "Generated password: %s\n", password);
    else if (o->generate)
        written = console_printf("Generated password: %s\n", password);
    if (o->config)
        written = console_printf("authorization {\n    token: \"%s\"\n}\n", hash) && written;
    else
        written =
            console_printf("%s%s\n", o->generate ? "       bcrypt hash: " : "", hash) && written;
    return written ? ERR_OK : err_sys(why, errno, "could not write the hash");
}

static enum err
check_options(const struct passwd_options *o, struct errmsg *why)
{
    if (o->cost < BCRYPT_COST_MIN || o->cost > BCRYPT_COST_MAX)
        return err_set(why, ERR_INVALID, "bcrypt cost should be between %d and %d", BCRYPT_COST_MIN,
                       BCRYPT_COST_MAX);
    if (o->generate && o->pass != NULL)
        return err_set(why, ERR_INVALID,
                       "--generate makes a password: leave out --pass and PASSWORD");
    if (o->verify != NULL && (o->generate || o->config))
        return err_set(why, ERR_INVALID, "--verify only checks: leave out --generate and --config");
    if (o->verify != NULL && bcrypt_form(str_of(o->verify), NULL) != BCRYPT_HASH)
        return err_set(why, ERR_INVALID, "--verify expects a bcrypt hash such as $2a$11$...");
    return ERR_OK;
}

static int
run(const struct cli_globals *globals, const void *options)
{
    const struct passwd_options *o = options;
    char *password = NULL;
    struct errmsg why;
    enum err err;

    (void)globals;
    err = check_options(o, &why);
    if (err == ERR_OK)
        err = get_password(&password, o, &why);
    if (err == ERR_OK && o->verify != NULL)
        err = verify(password, o->verify, &why);
    else if (err == ERR_OK) {
        err = check_password(password, &why);
        if (err == ERR_OK)
            err = make_hash(password, o, &why);
    }
    mem_wipe_free(&password);
    return err == ERR_OK ? 0 : console_error("%s", why.text);
}

#define OPTION(field) .offset = offsetof(struct passwd_options, field)

const struct args_command cli_passwd = {
    .name = "passwd",
    .aliases = { "mkpasswd", "pass", "password" },
    .help = "Creates encrypted passwords for use in NATS Server",
    .flags =
        (const struct args_flag[]) {
            { "pass", 'p', ARGS_STRING, OPTION(pass), .traits = ARGS_SECRET, .env = "PASSWORD",
              .help = "The password to encrypt" },
            { "cost", 'c', ARGS_UINT, OPTION(cost), .fallback = "11",
              .help = "The cost to use in the bcrypt argument" },
            { "generate", 'g', ARGS_SWITCH, OPTION(generate),
              .help = "Generates a secure passphrase and encrypt it" },
            { "verify", 0, ARGS_STRING, OPTION(verify), .placeholder = "HASH",
              .help = "Checks the password against a hash instead" },
            { "config", 0, ARGS_SWITCH, OPTION(config),
              .help = "Prints an authorization block for the server's configuration" },
            { 0 },
        },
    .options_size = sizeof(struct passwd_options),
    .run = run,
};
