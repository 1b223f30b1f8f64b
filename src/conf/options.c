/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/options.h"

#include <stdlib.h>

#include "base/mem.h"
#include "conf/option_table.h"
#include "conf/option_value.h"

void
options_free(struct options *options)
{
    size_t count;
    const struct option_row *rows = option_rows(&count);

    if (options == NULL)
        return;
    for (size_t i = 0; i < count; i++)
        if (option_has_field(&rows[i]))
            option_release(options, &rows[i]);
    auth_options_release(&options->auth);
    cluster_options_release(&options->cluster);
    free(options->config_file);
    free(options->config_digest);
    free(options);
}

void
options_diff(const struct options *a, const struct options *b, options_diff_fn *fn, void *context)
{
    size_t count;
    const struct option_row *rows = option_rows(&count);

    for (size_t i = 0; i < count; i++)
        if (option_has_field(&rows[i]) && !option_equal(a, b, &rows[i]))
            fn(context, &rows[i]);
}
