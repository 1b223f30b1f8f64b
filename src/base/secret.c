/* SPDX-License-Identifier: Apache-2.0 */
#include "base/secret.h"

#include <assert.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include "base/mem.h"

void *
secret_alloc(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED)
        return NULL;
#ifdef MADV_DONTDUMP
    (void)madvise(memory, size, MADV_DONTDUMP); /* refused: the secret works all the same */
#endif
    return memory;
}

void
secret_free(void *memory, size_t size)
{
    if (memory == NULL)
        return;
    mem_wipe(memory, size);
    (void)munmap(memory, size);
}

/* ---- vaults */

struct vault {
    size_t size, used; /* size: of all of this */
    atomic_uint refs;
    char data[];
};

struct vault *
vault_new(size_t size)
{
    struct vault *vault = secret_alloc(sizeof(*vault) + size);

    if (vault == NULL)
        return NULL;
    vault->size = sizeof(*vault) + size;
    vault->refs = 1;
    return vault;
}

struct vault *
vault_ref(struct vault *vault)
{
    atomic_fetch_add_explicit(&vault->refs, 1, memory_order_relaxed);
    return vault;
}

void
vault_unref(struct vault *vault)
{
    /* Pairs with itself: the last holder sees what all others wrote before they let go. */
    if (vault != NULL && atomic_fetch_sub_explicit(&vault->refs, 1, memory_order_acq_rel) == 1)
        secret_free(vault, vault->size);
}

char *
vault_put(struct vault *vault, const char *text, size_t len)
{
    char *copy = vault->data + vault->used;

    assert(len < vault->size - sizeof(*vault) - vault->used);
    memcpy(copy, text, len); /* the NUL behind it is there already */
    vault->used += len + 1;
    return copy;
}
