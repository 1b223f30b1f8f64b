/* SPDX-License-Identifier: Apache-2.0 */
#include "server/logging.h"

enum err
logging_open(struct log *log, const struct options *options, struct errmsg *why)
{
    struct log_options want = { .file = options->log_file,
                                .timestamps = options->logtime,
                                .utc = options->logtime_utc,
                                .debug = options->debug,
                                .trace = options->trace || options->trace_verbose,
                                .syslog = options->syslog,
                                .remote_syslog = options->remote_syslog,
                                .size_limit = options->log_size_limit,
                                .files_max = options->log_max_num };

    return log_open(log, &want, why);
}

void
log_diags(struct log *log, const struct diags *diags)
{
    for (size_t i = 0; i < diags->count; i++) {
        struct buf line = BUF_INIT;

        diag_format(&diags->list[i], &line);
        if (diags->list[i].severity == DIAG_WARNING)
            log_wrn(log, "%s", buf_cstr(&line));
        else if (diags->list[i].severity == DIAG_INFO)
            log_inf(log, "%s", buf_cstr(&line));
        buf_release(&line);
    }
}
