/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/secret.h"

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
