/* SPDX-License-Identifier: Apache-2.0
 *
 *   orders.*.eu, orders.>, *.new      (root)
 *                                      |- orders   rest: orders.>
 *                                      |   `- *
 *                                      |       `- eu   subs: orders.*.eu
 *                                      `- *
 *                                          `- new  subs: *.new
 *
 * A node keeps no table of its children: all edges of the tree are in one table, under a hash
 * of parent's path and token. A million children under one node (_INBOX) so grow in the
 * same small steps as the literal subjects, and a node with one child costs one slot.
 *
 * A match goes down level by level: the nodes that the tokens so far lead to, then the nodes
 * that these and the next token lead to. Each token is found and hashed once, nothing
 * recurses (subjects may have thousands of tokens), and it ends when no node is left. A node
 * is reached by one path only, so nothing is noted twice.
 *
 * Invariant: a node has subscriptions or children; what has neither is freed at once.
 */
#include "sublist/tree.h"

#include <assert.h>
#include <stdlib.h>

#include "proto/subject.h"
#include "sublist/chain.h"

#define EXPECTED_DEPTH 4U /* how far down tree_expect() looks */

struct edge {
    const struct node *parent;
    struct str token; /* empty: '*' */
};

static bool
edge_equal(const void *item, const void *key)
{
    const struct node *node = item;
    const struct edge *edge = key;

    return node->parent == edge->parent && node->token_len == edge->token.len &&
           memcmp(node->token, edge->token.data, edge->token.len) == 0;
}

/* a.b and b.a must differ: the parent's hash is multiplied before the token's is added. */
static uint32_t
path_hash(const struct node *parent, uint64_t token_hash)
{
    uint64_t hash = token_hash + parent->hash * 0x9e3779b97f4a7c15ULL;

    return table_fold(hash * 0xd6e8feb86659fd93ULL);
}

static struct node *
child_find(const struct tree *tree, const struct node *parent, struct str token,
           uint64_t token_hash)
{
    struct edge edge = { parent, token };
    const struct table_slot *slot =
        table_find(&tree->nodes, path_hash(parent, token_hash), edge_equal, &edge);

    return slot == NULL ? NULL : table_item(slot);
}

static struct node *
node_new(struct node *parent, struct str token, uint32_t hash)
{
    struct node *node = malloc(sizeof(*node) + token.len);

    if (node == NULL)
        return NULL;
    *node = (struct node) { .parent = parent, .hash = hash, .token_len = (uint32_t)token.len };
    memcpy(node->token, token.data, token.len);
    return node;
}

static struct node *
child_add(struct tree *tree, struct node *parent, struct str token, uint64_t token_hash)
{
    uint32_t hash = path_hash(parent, token_hash);
    struct node *node;

    if (!table_reserve(&tree->nodes, hash))
        return NULL;
    node = node_new(parent, token, hash);
    if (node == NULL)
        return NULL;
    table_put(&tree->nodes, hash, node);
    tree->count++;
    parent->children++;
    if (token.len == 0)
        parent->any = node;
    return node;
}

/* Frees node and those above it while they are of no use. */
static void
prune(struct tree *tree, struct node *node)
{
    while (node != tree->root && node->subs == NULL && node->rest == NULL && node->children == 0) {
        struct node *parent = node->parent;
        struct edge edge = { parent, { node->token, node->token_len } };

        table_take(&tree->nodes, table_find(&tree->nodes, node->hash, edge_equal, &edge));
        tree->count--;
        parent->children--;
        if (parent->any == node)
            parent->any = NULL;
        free(node);
        node = parent;
    }
}

/* The chain where subject belongs, and its node in *at. NULL: out of memory (create) or no
 * such node; then *at is the deepest node met. */
static struct subscription **
locate(struct tree *tree, struct str subject, bool create, struct node **at)
{
    struct str token;

    *at = tree->root;
    while (subject_next_token(&subject, &token)) {
        uint64_t token_hash;
        struct node *child;

        if (token_is(token, '>'))
            return &(*at)->rest;
        if (token_is(token, '*'))
            token.len = 0;
        token_hash = hash_bytes(token.data, token.len);
        child = child_find(tree, *at, token, token_hash);
        if (child == NULL && create)
            child = child_add(tree, *at, token, token_hash);
        if (child == NULL)
            return NULL;
        *at = child;
    }
    return &(*at)->subs;
}

bool
tree_init(struct tree *tree)
{
    *tree = (struct tree) { .root = calloc(1, sizeof(struct node)) };
    return tree->root != NULL;
}

static void
node_release(void *item, void *arg)
{
    struct node *node = item;

    (void)arg;
    chain_release(node->subs);
    chain_release(node->rest);
    free(node);
}

void
tree_release(struct tree *tree)
{
    table_each(&tree->nodes, node_release, NULL);
    table_release(&tree->nodes);
    if (tree->root != NULL)
        node_release(tree->root, NULL);
    tree->root = NULL;
}

bool
tree_insert(struct tree *tree, struct subscription *sub)
{
    struct node *node;
    struct subscription **chain = locate(tree, subscription_subject(sub), true, &node);

    if (chain == NULL) {
        prune(tree, node);
        return false;
    }
    chain_push(chain, sub);
    return true;
}

void
tree_remove(struct tree *tree, struct subscription *sub)
{
    struct node *node;
    struct subscription **chain = locate(tree, subscription_subject(sub), false, &node);

    assert(chain != NULL);
    chain_remove(chain, sub);
    prune(tree, node);
}

static bool
level_add(struct vec *level, struct node *node)
{
    struct node **place = vec_add(level, sizeof(struct node *));

    if (place != NULL)
        *place = node;
    return place != NULL;
}

static bool
has_literal_children(const struct node *node)
{
    return node->children > (node->any != NULL);
}

/* From the nodes in col->level one token down, into col->deeper. */
static bool
descend(const struct tree *tree, struct str token, struct collector *col)
{
    struct node *const *nodes = col->level.data;
    uint64_t token_hash = hash_bytes(token.data, token.len);

    for (size_t i = 0; i < col->level.len; i++) {
        const struct node *node = nodes[i];
        struct node *child = NULL;

        if (has_literal_children(node))
            child = child_find(tree, node, token, token_hash);
        if (!collector_add(col, node->rest) || (child != NULL && !level_add(&col->deeper, child)) ||
            (node->any != NULL && !level_add(&col->deeper, node->any)))
            return false;
    }
    return true;
}

bool
tree_match(const struct tree *tree, struct str subject, struct collector *col)
{
    struct str token;
    bool ok;

    if (tree->root->children == 0 && tree->root->rest == NULL)
        return true;
    vec_clear(&col->level, sizeof(struct node *));
    ok = level_add(&col->level, tree->root);
    while (ok && col->level.len > 0 && subject_next_token(&subject, &token)) {
        struct vec above = col->level;

        vec_clear(&col->deeper, sizeof(struct node *));
        ok = descend(tree, token, col);
        col->level = col->deeper;
        col->deeper = above;
    }
    for (size_t i = 0; ok && i < col->level.len; i++)
        ok = collector_add(col, ((struct node **)col->level.data)[i]->subs);
    return ok;
}

/* One subject on its way down: where it is, and which edge it takes next. */
struct walk {
    const struct node *node; /* NULL: it is at its end */
    struct str rest, token;
    uint64_t token_hash;
};

/* The next token, and its edge is asked for. */
static void
walk_look(const struct tree *tree, struct walk *walk)
{
    if (walk->node == NULL || !subject_next_token(&walk->rest, &walk->token)) {
        walk->node = NULL;
    } else if (has_literal_children(walk->node)) {
        walk->token_hash = hash_bytes(walk->token.data, walk->token.len);
        table_prefetch_slot(&tree->nodes, path_hash(walk->node, walk->token_hash));
    }
}

/* The edge has come: its node is asked for. */
static void
walk_ask(const struct tree *tree, const struct walk *walk)
{
    if (walk->node != NULL && has_literal_children(walk->node))
        table_prefetch_item(&tree->nodes, path_hash(walk->node, walk->token_hash),
                            sizeof(struct node) + walk->token.len);
}

/* The node has come: down to it, and what hangs there is asked for. */
static void
walk_down(const struct tree *tree, struct walk *walk)
{
    const struct node *child = NULL;

    if (walk->node == NULL)
        return;
    if (has_literal_children(walk->node))
        child = child_find(tree, walk->node, walk->token, walk->token_hash);
    walk->node = child != NULL ? child : walk->node->any;
    if (walk->node == NULL)
        return;
    __builtin_prefetch(walk->node->any);
    __builtin_prefetch(walk->node->subs);
    __builtin_prefetch(walk->node->rest);
}

/* All go down side by side: at each step what one waits for comes with what the others do. */
void
tree_expect(const struct tree *tree, const struct str *subjects, size_t count)
{
    struct walk walks[SUBLIST_EXPECTED_MAX];

    assert(count <= SUBLIST_EXPECTED_MAX);
    for (size_t i = 0; i < count; i++)
        walks[i] = (struct walk) { .node = tree->root, .rest = subjects[i] };
    for (unsigned depth = 0; depth < EXPECTED_DEPTH; depth++) {
        for (size_t i = 0; i < count; i++)
            walk_look(tree, &walks[i]);
        for (size_t i = 0; i < count; i++)
            walk_ask(tree, &walks[i]);
        for (size_t i = 0; i < count; i++)
            walk_down(tree, &walks[i]);
    }
}

struct tally {
    const struct tree *tree;
    size_t subs, nodes, children;
};

static void
node_check(void *item, void *arg)
{
    const struct node *node = item;
    struct tally *tally = arg;
    struct edge edge = { node->parent, { node->token, node->token_len } };

    tally->subs += chain_check(node->subs, true) + chain_check(node->rest, true);
    tally->nodes++;
    tally->children += node->children;
    assert(node->any == NULL || (node->any->parent == node && node->any->token_len == 0));
    if (node == tally->tree->root)
        return;
    assert(node->subs != NULL || node->rest != NULL || node->children > 0);
    assert(table_item(table_find(&tally->tree->nodes, node->hash, edge_equal, &edge)) == node);
    assert((node->token_len == 0) == (node->parent->any == node));
    for (const struct subscription *sub = node->subs; sub != NULL; sub = sub->next) {
        struct node *at;

        assert(locate((struct tree *)tally->tree, subscription_subject(sub), false, &at) != NULL);
        assert(at == node);
    }
}

size_t
tree_check(const struct tree *tree)
{
    struct tally tally = { tree, 0, 0, 0 };

    table_check(&tree->nodes);
    table_each(&tree->nodes, node_check, &tally);
    node_check(tree->root, &tally);
    assert(tally.nodes == tally.children + 1 && tally.nodes == tree->count + 1);
    return tally.subs;
}
