/* SPDX-License-Identifier: Apache-2.0
 *
 * Who may enter: the rules of token.h and policy.h come first, then, for hashes, the verdicts of
 * checks.h. Here they become an answer with a cause, and answers are counted.
 *
 * A user that does not exist goes the way of one that does: to the stand-in of its name, with a
 * digest that is not only of the password but also of the name. So what is remembered, waited for
 * and computed for one unknown name shows nothing at the next, as it is with known ones.
 */
#include <assert.h>

#include "auth/state.h"
#include "base/clock.h"

#define FULL_WARNING_NS (10 * CLOCK_NS_PER_S)

/* One CONNECT on its way to an answer. */
struct asking {
    struct auth *auth;
    const struct auth_request *request;
    struct auth_result *result;
    struct check_waiter waiter;
};

/* ---- answers */

static void
count(_Atomic uint64_t *counter)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

static enum auth_verdict
admit(struct auth *auth, struct auth_result *result, const struct auth_pass *pass,
      struct auth_identity *identity)
{
    *result = (struct auth_result) { .verdict = AUTH_OK, .pass = *pass };
    result->pass.identity = auth_identity_ref(identity);
    count(&auth->ok);
    return AUTH_OK;
}

static enum auth_verdict
turn_away(struct auth *auth, struct auth_result *result, enum auth_verdict verdict,
          enum auth_cause cause)
{
    *result = (struct auth_result) { .verdict = verdict, .cause = cause };
    count(&auth->failed[cause]);
    return verdict;
}

static enum auth_verdict
refuse(struct auth *auth, struct auth_result *result, enum auth_cause cause)
{
    return turn_away(auth, result, AUTH_REFUSED, cause);
}

static enum auth_verdict
refuse_asking(const struct asking *asking, enum auth_cause cause)
{
    return refuse(asking->auth, asking->result, cause);
}

static enum auth_verdict
no_memory(const struct asking *asking)
{
    return turn_away(asking->auth, asking->result, AUTH_BUSY, AUTH_CAUSE_NO_MEMORY);
}

/* ---- entries */

/* Why may nobody enter by this entry, whatever is proved? */
static enum auth_cause
obstacle(struct auth *auth, const struct policy_entry *entry, unsigned connection_type)
{
    int64_t expires_ns = entry->identity->expires_ns;

    if (expires_ns != 0 && auth->env.wall_ns(auth->env.context) >= expires_ns)
        return AUTH_CAUSE_EXPIRED;
    if ((entry->connection_types & connection_type) == 0)
        return AUTH_CAUSE_CONNECTION_TYPE;
    return AUTH_CAUSE_NONE;
}

static enum auth_verdict
enter(struct auth *auth, struct auth_result *result, const struct auth_pass *pass,
      const struct policy_entry *entry)
{
    enum auth_cause cause = obstacle(auth, entry, pass->connection_type);

    return cause == AUTH_CAUSE_NONE ? admit(auth, result, pass, entry->identity)
                                    : refuse(auth, result, cause);
}

/* Is the secret with this digest known to fit? Never runs bcrypt. */
static bool
fits(struct auth *auth, const struct policy_entry *entry, const struct digest *digest)
{
    const struct credential *credential = entry->credential;

    if (credential == NULL)
        return false;
    return credential->hashed ? checks_know(auth->checks, credential, digest)
                              : digest_equal(&credential->digest, digest);
}

/* The same for a user, who may have no password if a certificate named it. */
static bool
password_fits(struct auth *auth, const struct policy_entry *entry, const struct auth_pass *pass)
{
    if (entry->credential == NULL)
        return pass->by_certificate && digest_is_zero(&pass->digest);
    return fits(auth, entry, &pass->digest);
}

/* The entry of the token with this digest, if that is known. All are compared, so that the time it
 * takes does not tell which it is; one that lets the client in goes before one that does not. */
static const struct policy_entry *
find_token(struct auth *auth, const struct auth_policy *policy, const struct digest *digest,
           unsigned connection_type)
{
    const struct policy_entry *found = NULL;

    assert(policy->tokens);
    for (size_t i = 0; i < policy->count; i++) {
        const struct policy_entry *entry = &policy->entries[i];

        if (fits(auth, entry, digest) &&
            (found == NULL || obstacle(auth, found, connection_type) != AUTH_CAUSE_NONE))
            found = entry;
    }
    return found;
}

/* ---- verdicts of bcrypt */

/* A secret fits one of the hashes it was tried against. */
static enum auth_verdict
let_in(struct auth *auth, const struct check_waiter *waiter, struct auth_result *result)
{
    const struct auth_pass *pass = &waiter->pass;
    const struct policy_entry *entry = waiter->user;

    if (waiter->policy->tokens)
        entry = find_token(auth, waiter->policy, &pass->digest, pass->connection_type);
    return entry == NULL ? refuse(auth, result, waiter->wrong) : enter(auth, result, pass, entry);
}

static enum auth_verdict
let_in_known(struct auth *auth, const struct check_waiter *waiter, struct auth_result *result)
{
    enum auth_verdict verdict = let_in(auth, waiter, result);

    if (verdict == AUTH_OK)
        count(&auth->cache_hits);
    return verdict;
}

void
login_check_ended(void *owner, const struct check_waiter *waiter, enum bcrypt_verdict verdict)
{
    struct auth_result result;

    switch (verdict) {
    case BCRYPT_RIGHT:
        (void)let_in(owner, waiter, &result);
        break;
    case BCRYPT_WRONG:
        (void)refuse(owner, &result, waiter->wrong);
        break;
    case BCRYPT_FAILED:
        (void)turn_away(owner, &result, AUTH_BUSY, AUTH_CAUSE_NO_MEMORY);
        break;
    }
    waiter->done(waiter->context, waiter->id, &result);
}

static void
warn_queue_full(struct auth *auth)
{
    int64_t now_ns = auth->env.now_ns(auth->env.context);
    uint64_t turned_away = 0;

    pthread_mutex_lock(&auth->lock);
    auth->full_count++;
    if (auth->full_warned_ns == 0 || now_ns - auth->full_warned_ns >= FULL_WARNING_NS) {
        turned_away = auth->full_count;
        auth->full_count = 0;
        auth->full_warned_ns = now_ns;
    }
    pthread_mutex_unlock(&auth->lock);
    if (turned_away > 0)
        log_wrn(auth->log,
                "The authentication queue is full: more distinct tokens and passwords wait for "
                "bcrypt than can be checked, clients told to try again: %llu",
                (unsigned long long)turned_away);
}

static enum auth_verdict
ask_checks(struct asking *asking, const struct check_question *question)
{
    struct auth *auth = asking->auth;

    for (unsigned i = 0; i < question->count; i++) {
        enum auth_cause cause =
            credential_judge(question->hashes[i], question->secret, &asking->waiter.pass.digest);

        if (cause != AUTH_CAUSE_NONE)
            return refuse_asking(asking, cause);
    }
    switch (checks_ask(auth->checks, question, &asking->waiter)) {
    case CHECKS_RIGHT:
        return let_in_known(auth, &asking->waiter, asking->result);
    case CHECKS_WRONG:
        return refuse_asking(asking, asking->waiter.wrong);
    case CHECKS_PENDING:
        return AUTH_PENDING;
    case CHECKS_LIMITED:
        return turn_away(auth, asking->result, AUTH_BUSY, AUTH_CAUSE_LIMITED);
    case CHECKS_QUEUE_FULL:
        warn_queue_full(auth);
        return turn_away(auth, asking->result, AUTH_BUSY, AUTH_CAUSE_QUEUE_FULL);
    case CHECKS_NO_MEMORY:
        break;
    }
    return no_memory(asking);
}

/* ---- what was sent */

/* Of no bytes the digest is zero. false: out of memory. */
static bool
digest_sent(const struct asking *asking, enum digest_purpose purpose, struct str text,
            struct digest *out)
{
    *out = (struct digest) { { 0 } };
    return text.len == 0 || digest_of(asking->auth->key, purpose, text.data, text.len, out);
}

static bool
sent_nothing(const struct auth_request *request)
{
    return request->auth_token.len + request->user.len + request->pass.len + request->nkey.len +
               request->sig.len ==
           0;
}

static bool
note_token(struct asking *asking)
{
    asking->waiter.pass.kind = AUTH_TOKEN;
    return digest_sent(asking, DIGEST_TOKEN, asking->request->auth_token,
                       &asking->waiter.pass.digest);
}

static bool
note_user(struct asking *asking)
{
    struct auth_pass *pass = &asking->waiter.pass;

    pass->kind = AUTH_USER;
    return digest_sent(asking, DIGEST_USER, asking->request->user, &pass->name) &&
           digest_sent(asking, DIGEST_PASSWORD, asking->request->pass, &pass->digest);
}

/* ---- one way in each */

/* Everyone enters. What was sent is noted: it may be what a later policy asks for. An nkey is not,
 * as nobody looked at its signature. */
static enum auth_verdict
check_open(struct asking *asking)
{
    const struct auth_request *request = asking->request;
    bool noted = true;

    if (request->auth_token.len > 0 || sent_nothing(request))
        noted = note_token(asking);
    else if (request->user.len + request->pass.len > 0)
        noted = note_user(asking);
    else
        asking->waiter.pass.kind = AUTH_NKEY;
    return noted ? admit(asking->auth, asking->result, &asking->waiter.pass,
                         asking->waiter.policy->anonymous)
                 : no_memory(asking);
}

static bool
is_right_token(const struct asking *asking, struct str text)
{
    struct digest digest;

    return text.len > 0 && digest_sent(asking, DIGEST_TOKEN, text, &digest) &&
           find_token(asking->auth, asking->waiter.policy, &digest,
                      asking->request->connection_type) != NULL;
}

static enum auth_cause
why_no_token(const struct asking *asking)
{
    const struct auth_request *request = asking->request;

    if (is_right_token(asking, request->user) || is_right_token(asking, request->pass))
        return AUTH_CAUSE_TOKEN_AS_USER;
    return request->user.len + request->pass.len > 0 ? AUTH_CAUSE_USER_ONLY : AUTH_CAUSE_NO_TOKEN;
}

static enum auth_verdict
check_token(struct asking *asking)
{
    const struct auth_policy *policy = asking->waiter.policy;
    const struct auth_pass *pass = &asking->waiter.pass;
    struct check_question question = { .secret = asking->request->auth_token,
                                       .address = asking->request->address };
    const struct policy_entry *entry;

    if (question.secret.len == 0)
        return refuse_asking(asking, why_no_token(asking));
    if (token_has_control_byte(question.secret))
        return refuse_asking(asking, AUTH_CAUSE_CONTROL_BYTE);
    if (!note_token(asking))
        return no_memory(asking);
    asking->waiter.wrong = AUTH_CAUSE_WRONG_TOKEN;
    entry = find_token(asking->auth, policy, &pass->digest, pass->connection_type);
    if (entry != NULL && !entry->credential->hashed)
        return enter(asking->auth, asking->result, pass, entry);
    if (entry != NULL)
        return let_in_known(asking->auth, &asking->waiter, asking->result);
    for (size_t i = 0; i < policy->count; i++) {
        if (policy->entries[i].credential->hashed)
            question.hashes[question.count++] = policy->entries[i].credential;
    }
    return question.count > 0 ? ask_checks(asking, &question)
                              : refuse_asking(asking, AUTH_CAUSE_WRONG_TOKEN);
}

static enum auth_verdict
check_nkey(struct asking *asking)
{
    const struct auth_request *request = asking->request;
    struct auth_pass *pass = &asking->waiter.pass;
    const struct policy_entry *entry;

    pass->kind = AUTH_NKEY;
    if (!digest_sent(asking, DIGEST_NKEY, request->nkey, &pass->name))
        return no_memory(asking);
    entry = policy_find(asking->waiter.policy, &pass->name);
    if (entry == NULL || !nkey_verify(entry->nkey, request->nonce, request->sig))
        return refuse_asking(asking, AUTH_CAUSE_NKEY);
    return enter(asking->auth, asking->result, pass, entry);
}

static enum auth_verdict
check_user(struct asking *asking)
{
    struct check_waiter *waiter = &asking->waiter;
    struct auth_pass *pass = &waiter->pass;
    struct check_question question = { .count = 1,
                                       .secret = asking->request->pass,
                                       .address = asking->request->address };
    const struct policy_entry *entry;
    struct credential *credential;

    if (!note_user(asking))
        return no_memory(asking);
    entry = policy_find(waiter->policy, &pass->name);
    waiter->wrong = entry != NULL ? AUTH_CAUSE_WRONG_PASSWORD : AUTH_CAUSE_UNKNOWN_USER;
    if (entry != NULL && entry->credential != NULL) {
        waiter->user = entry;
        credential = entry->credential;
    } else {
        credential = policy_stand_in(waiter->policy, &pass->name);
        pass->digest = digest_join(&pass->digest, &pass->name);
    }
    if (credential == NULL || question.secret.len == 0)
        return refuse_asking(asking, waiter->wrong);
    question.hashes[0] = credential;
    if (credential->hashed)
        return ask_checks(asking, &question);
    return digest_equal(&credential->digest, &pass->digest) && waiter->user != NULL
               ? enter(asking->auth, asking->result, pass, waiter->user)
               : refuse_asking(asking, waiter->wrong);
}

/* The certificate names the user, whatever CONNECT says. A password is asked for where the user has
 * one; where not, none may be sent: as in the reference. */
static enum auth_verdict
check_certificate(struct asking *asking)
{
    struct check_waiter *waiter = &asking->waiter;
    struct auth_pass *pass = &waiter->pass;
    const struct auth_request *request = asking->request;
    struct check_question question = { .count = 1,
                                       .secret = request->pass,
                                       .address = request->address };
    const struct policy_entry *entry;
    bool failed;

    if (request->certificate == NULL)
        return refuse_asking(asking, AUTH_CAUSE_NO_CERTIFICATE);
    entry = policy_find_by_certificate(waiter->policy, asking->auth->key, request->certificate,
                                       pass->connection_type, &failed);
    if (failed || !note_user(asking))
        return no_memory(asking);
    if (entry == NULL)
        return refuse_asking(asking, AUTH_CAUSE_UNKNOWN_CERTIFICATE);
    pass->name = entry->name;
    pass->by_certificate = true;
    waiter->user = entry;
    waiter->wrong = AUTH_CAUSE_WRONG_PASSWORD;
    if (entry->credential != NULL && entry->credential->hashed && question.secret.len > 0) {
        question.hashes[0] = entry->credential;
        return ask_checks(asking, &question);
    }
    return password_fits(asking->auth, entry, pass)
               ? enter(asking->auth, asking->result, pass, entry)
               : refuse_asking(asking, AUTH_CAUSE_WRONG_PASSWORD);
}

/* Users or nkeys are configured, and neither was sent. */
static enum auth_verdict
check_nobody(struct asking *asking)
{
    const struct policy_entry *entry = asking->waiter.policy->no_auth_user;

    if (entry != NULL && sent_nothing(asking->request))
        return enter(asking->auth, asking->result, &asking->waiter.pass, entry);
    return refuse_asking(asking, asking->request->auth_token.len > 0 ? AUTH_CAUSE_TOKEN_ONLY
                                                                     : AUTH_CAUSE_NO_USER);
}

/* ---- the contract */

enum auth_verdict
auth_check(struct auth *auth, struct auth_policy *policy, const struct auth_request *request,
           struct auth_result *result, auth_done_fn *done, void *context, uint64_t id)
{
    struct asking asking = {
        .auth = auth,
        .request = request,
        .result = result,
        .waiter = { .done = done,
                    .context = context,
                    .id = id,
                    .policy = policy,
                    .pass.kind = AUTH_TOKEN,
                    .pass.connection_type = request->connection_type },
    };

    if (request->account)
        return refuse_asking(&asking, AUTH_CAUSE_ACCOUNT);
    if (policy->count == 0)
        return check_open(&asking);
    if (policy->tokens)
        return check_token(&asking);
    if (policy->nkeys && request->nkey.len > 0)
        return check_nkey(&asking);
    if (policy->by_certificate)
        return check_certificate(&asking);
    if (request->user.len > 0)
        return check_user(&asking);
    return check_nobody(&asking);
}

bool
auth_no_auth_user(struct auth *auth, struct auth_policy *policy, unsigned connection_type,
                  struct auth_result *result)
{
    const struct policy_entry *entry = policy->no_auth_user;
    struct auth_pass pass = { .kind = AUTH_TOKEN, .connection_type = connection_type };

    if (entry == NULL || policy->by_certificate ||
        obstacle(auth, entry, connection_type) != AUTH_CAUSE_NONE)
        return false;
    (void)admit(auth, result, &pass, entry->identity);
    return true;
}

/* By which entry of a policy that has some did the client come? Nothing sent: an AUTH_TOKEN with a
 * digest of zero. */
static const struct policy_entry *
find_again(struct auth *auth, const struct auth_policy *policy, const struct auth_pass *pass)
{
    const struct policy_entry *entry;

    if (policy->by_certificate && pass->kind != AUTH_NKEY && !pass->by_certificate)
        return NULL;
    if (pass->kind == AUTH_TOKEN && digest_is_zero(&pass->digest))
        return policy->no_auth_user;
    if (policy->tokens != (pass->kind == AUTH_TOKEN))
        return NULL;
    if (policy->tokens)
        return find_token(auth, policy, &pass->digest, pass->connection_type);
    entry = policy_find(policy, &pass->name);
    if (entry != NULL && pass->kind == AUTH_USER &&
        !(policy->by_certificate ? password_fits(auth, entry, pass)
                                 : fits(auth, entry, &pass->digest)))
        return NULL;
    return entry;
}

struct auth_identity *
auth_recheck(struct auth *auth, struct auth_policy *policy, const struct auth_pass *pass)
{
    const struct policy_entry *entry;

    if (policy->count == 0)
        return auth_identity_ref(policy->anonymous);
    entry = find_again(auth, policy, pass);
    if (entry == NULL || obstacle(auth, entry, pass->connection_type) != AUTH_CAUSE_NONE)
        return NULL;
    return auth_identity_ref(entry->identity);
}
