/* SPDX-License-Identifier: Apache-2.0
 *
 * tree - subscriptions with wildcards, by token (private to sublist)
 *
 * Owns     its nodes; the subscriptions' references belong to the sublist.
 * Threads  none of its own: the sublist's lock guards it; matches may run side by side.
 * Fails    tree_insert() for want of memory, and then leaves the tree untouched.
 * Cost     insert, remove: O(tokens). match: O(tokens * wildcards met).
 */
#ifndef TESSERA_SUBLIST_TREE_H
#define TESSERA_SUBLIST_TREE_H

#include "base/table.h"
#include "sublist/match.h"
#include "sublist/sublist.h"

struct node {
    struct node *parent;       /* NULL: root */
    struct node *any;          /* the child for '*'; NULL: none */
    struct subscription *subs; /* chain: the pattern ends here */
    struct subscription *rest; /* chain: the pattern ends with '>' below here */
    uint32_t children;         /* '*' included */
    uint32_t hash;             /* of the path from the root */
    uint32_t token_len;
    char token[]; /* empty for the root and for '*': no token of a subject is empty */
};

struct tree {
    struct table nodes; /* all but the root, under hash */
    struct node *root;
    size_t count; /* of nodes, the root not */
};

bool tree_init(struct tree *tree); /* false: out of memory */
/* Drops the references on what is in it. */
void tree_release(struct tree *tree);

bool tree_insert(struct tree *tree, struct subscription *sub);
void tree_remove(struct tree *tree, struct subscription *sub);

/* Notes what matches; no token of subject is empty. false: out of memory. */
bool tree_match(const struct tree *tree, struct str subject, struct collector *col);

/* For sublist_expect(): asks the processor for what these, SUBLIST_EXPECTED_MAX at most, will meet,
 * one path of each. */
void tree_expect(const struct tree *tree, const struct str *subjects, size_t count);

/* Asserts every invariant; returns the count of subscriptions. */
size_t tree_check(const struct tree *tree);

static inline bool
token_is(struct str token, char wildcard)
{
    return token.len == 1 && token.data[0] == wildcard;
}

#endif
