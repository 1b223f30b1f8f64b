/* SPDX-License-Identifier: Apache-2.0
 *
 * Counts sit in an open-addressing table, because peers choose how many subjects there are;
 * a report sorts a copy of the pointers. SUBJECTS_MAX bounds the memory: subjects beyond it
 * are counted together.
 */
#include "cli/sub.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

enum {
    SLOTS_FIRST = 1024,
    SUBJECTS_MAX = 1 << 20,
};

struct entry {
    char *name;
    uint64_t messages, bytes;
};

struct sub_report {
    struct entry *slots; /* slot_count of them, a power of two, at most half full */
    size_t slot_count, used;
    uint64_t messages, bytes;
};

struct sub_report *
sub_report_new(void)
{
    struct sub_report *report = xcalloc(1, sizeof(*report));

    hash_init();
    report->slot_count = SLOTS_FIRST;
    report->slots = xcalloc(report->slot_count, sizeof(*report->slots));
    return report;
}

void
sub_report_free(struct sub_report *report)
{
    if (report == NULL)
        return;
    for (size_t i = 0; i < report->slot_count; i++)
        free(report->slots[i].name);
    free(report->slots);
    free(report);
}

/* The entry of that name, or the empty slot where it belongs. */
static struct entry *
find_slot(struct entry *slots, size_t slot_count, const char *name)
{
    size_t at = (size_t)hash_bytes(name, strlen(name)) & (slot_count - 1);

    while (slots[at].name != NULL && strcmp(slots[at].name, name) != 0)
        at = (at + 1) & (slot_count - 1);
    return &slots[at];
}

static bool
grow(struct sub_report *report)
{
    size_t slot_count = report->slot_count * 2;
    struct entry *slots = calloc(slot_count, sizeof(*slots));

    if (slots == NULL)
        return false;
    for (size_t i = 0; i < report->slot_count; i++) {
        if (report->slots[i].name != NULL)
            *find_slot(slots, slot_count, report->slots[i].name) = report->slots[i];
    }
    free(report->slots);
    report->slots = slots;
    report->slot_count = slot_count;
    return true;
}

bool
sub_report_count(struct sub_report *report, const char *name, size_t bytes)
{
    struct entry *entry;

    if (report->used * 2 >= report->slot_count && !grow(report))
        return false;
    entry = find_slot(report->slots, report->slot_count, name);
    if (entry->name == NULL && report->used >= SUBJECTS_MAX)
        entry = find_slot(report->slots, report->slot_count, "(other subjects)");
    if (entry->name == NULL) {
        entry->name = strdup(report->used >= SUBJECTS_MAX ? "(other subjects)" : name);
        if (entry->name == NULL)
            return false;
        report->used++;
    }
    entry->messages++;
    entry->bytes += bytes;
    report->messages++;
    report->bytes += bytes;
    return true;
}

/* Busiest first, then by name. */
static int
compare_entries(const void *left, const void *right)
{
    const struct entry *a = *(const struct entry *const *)left;
    const struct entry *b = *(const struct entry *const *)right;

    if (a->messages != b->messages)
        return a->messages < b->messages ? 1 : -1;
    return strcmp(a->name, b->name);
}

static struct entry **
sorted(const struct sub_report *report)
{
    struct entry **entries = xcalloc(report->used + 1, sizeof(*entries));
    size_t count = 0;

    for (size_t i = 0; i < report->slot_count; i++) {
        if (report->slots[i].name != NULL)
            entries[count++] = &report->slots[i];
    }
    assert(count == report->used);
    qsort(entries, count, sizeof(*entries), compare_entries);
    return entries;
}

static void
append_size(struct buf *out, uint64_t bytes)
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
    double size = (double)bytes;
    size_t unit = 0;

    for (; size >= 1024 && unit < 4; unit++)
        size /= 1024;
    buf_printf(out, unit == 0 || size >= 10 ? "%.0f %s" : "%.1f %s", size, units[unit]);
}

static void
append_row(struct buf *out, int width, const char *name, uint64_t messages, uint64_t bytes)
{
    buf_printf(out, "%-*s  %15llu  ", width, name, (unsigned long long)messages);
    append_size(out, bytes);
    buf_append_char(out, '\n');
}

void
sub_report_print(struct sub_report *report, struct buf *out, size_t top)
{
    struct entry **entries = sorted(report);
    size_t rows = report->used < top ? report->used : top;
    int width = (int)strlen("Subject");

    for (size_t i = 0; i < rows; i++) {
        if ((int)strlen(entries[i]->name) > width)
            width = (int)strlen(entries[i]->name);
    }
    if (top == 1)
        buf_append_str(out, "Top Subject Report\n\n");
    else
        buf_printf(out, "Top %zu Active Subjects Report\n\n", top);
    buf_printf(out, "%-*s  %15s  %s\n", width, "Subject", "Message Count", "Bytes");
    for (size_t i = 0; i < rows; i++)
        append_row(out, width, entries[i]->name, entries[i]->messages, entries[i]->bytes);
    append_row(out, width, "Totals", report->messages, report->bytes);
    free(entries);
}
