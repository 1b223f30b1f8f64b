/* SPDX-License-Identifier: Apache-2.0
 *
 * The contexts of a cluster from its tls {}: both or none, and what -t says of its files.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/mem.h"
#include "server/tls_setup.h"
#include "tls_support.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

struct fixture {
    char *folder, *ca_file;
    struct test_cert ca;
};

static int
set_up(void **state)
{
    struct fixture *f = xcalloc(1, sizeof(*f));

    f->folder = test_folder_new();
    f->ca = test_cert_new(&(struct test_cert_spec) { .subject = "CN=ca", .ca = true });
    f->ca_file = test_write_pem(f->folder, "ca.pem", &f->ca.cert, 1, NULL);
    *state = f;
    return 0;
}

static int
tear_down(void **state)
{
    struct fixture *f = *state;

    test_cert_release(&f->ca);
    test_folder_free(f->folder);
    free(f->ca_file);
    free(f);
    return 0;
}

/* What a config reader would make of a block whose certificate is in file, with its places. */
static void
init_options(struct tls_options *options, const struct fixture *f, char *file)
{
    static char block_at[] = "c.conf:3:5", ca_at[] = "c.conf:5:9";
    static char cert_at[] = "c.conf:4:9", key_at[] = "c.conf:4:30";

    *options = (struct tls_options) { .enabled = true, .verify = true, .ca_file = f->ca_file };
    options->at[TLS_FIELD_BLOCK] = block_at;
    options->at[TLS_FIELD_CA_FILE] = ca_at;
    test_options_add_pair(options, file, file);
    options->pairs[0].cert_at = cert_at;
    options->pairs[0].key_at = key_at;
}

static char *
write_cert(const struct fixture *f, const char *usage, bool expired)
{
    struct test_cert cert = test_cert_new(&(struct test_cert_spec) { .subject = "CN=node",
                                                                     .alternatives = "DNS:a.test",
                                                                     .usage = usage,
                                                                     .issuer = &f->ca,
                                                                     .expired = expired });
    char *path = test_write_pem(f->folder, "node.pem", &cert.cert, 1, cert.key);

    assert_int_equal(chmod(path, 0600), 0);
    test_cert_release(&cert);
    return path;
}

static void
a_cluster_gets_both_contexts(void **state)
{
    char *file = write_cert(*state, NULL, false);
    struct tls_options options;
    struct cluster_tls tls;
    struct errmsg why = { "" };

    init_options(&options, *state, file);
    assert_int_equal(tls_setup_cluster(&tls, &options, &why), ERR_OK);
    assert_non_null(tls.accepting);
    assert_non_null(tls.dialling);
    cluster_tls_release(&tls);
    assert_null(tls.accepting);
    assert_null(tls.dialling);

    options.enabled = false;
    assert_int_equal(tls_setup_cluster(&tls, &options, &why), ERR_OK);
    assert_null(tls.accepting);
    assert_null(tls.dialling);
    cluster_tls_release(&tls);
    test_options_release(&options);
    free(file);
}

static void
a_fault_is_said_with_its_place(void **state)
{
    static char absent[] = "/absent/node.pem";
    char *file = write_cert(*state, NULL, false);
    struct tls_options options;
    struct cluster_tls tls;
    struct errmsg why = { "" };

    init_options(&options, *state, absent);
    assert_int_not_equal(tls_setup_cluster(&tls, &options, &why), ERR_OK);
    assert_string_equal(why.text, "c.conf:4:9: error parsing X509 certificate/key pair: open "
                                  "/absent/node.pem: no such file or directory");
    assert_null(tls.accepting);
    assert_null(tls.dialling);
    test_options_release(&options);

    init_options(&options, *state, file);
    options.ca_file = absent;
    assert_int_not_equal(tls_setup_cluster(&tls, &options, &why), ERR_OK);
    assert_string_equal(why.text, "c.conf:5:9: open /absent/node.pem: no such file or directory");
    assert_null(tls.accepting);
    assert_null(tls.dialling);
    test_options_release(&options);
    free(file);
}

static void
expect_diag(const struct diags *diags, const char *want)
{
    struct buf text = BUF_INIT;

    for (size_t i = 0; i < diags->count; i++) {
        diag_format(&diags->list[i], &text);
        (void)buf_append_char(&text, '\n');
    }
    if (want == NULL ? text.len > 0 : strstr(buf_cstr(&text), want) == NULL)
        fail_msg("wanted \"%s\", got \"%s\"", want == NULL ? "" : want, buf_cstr(&text));
    buf_release(&text);
}

static void
a_check_warns_of_what_others_will_refuse(void **state)
{
    static const struct {
        const char *usage;
        bool expired;
        const char *want; /* NULL: nothing is said */
    } rows[] = {
        { NULL, false, NULL },
        { "serverAuth,clientAuth", false, NULL },
        { "serverAuth", false, "c.conf:4:9: either end of a route may dial" },
        { "clientAuth", false, "c.conf:4:9: either end of a route may dial" },
        { NULL, true,
          "c.conf:4:9: a certificate has expired on 2001-01-01 00:00:00 UTC: the other servers "
          "will refuse it" },
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        char *file = write_cert(*state, rows[i].usage, rows[i].expired);
        struct tls_options options;
        struct diags diags = { 0 };

        init_options(&options, *state, file);
        tls_setup_check_cluster(&options, &diags);
        assert_int_equal(diags.errors, 0);
        expect_diag(&diags, rows[i].want);
        diags_release(&diags);
        test_options_release(&options);
        free(file);
    }
}

static void
a_check_reports_what_would_fail(void **state)
{
    static char absent[] = "/absent/node.pem";
    struct tls_options options;
    struct diags diags = { 0 };

    init_options(&options, *state, absent);
    tls_setup_check_cluster(&options, &diags);
    assert_int_equal(diags.errors, 1);
    expect_diag(&diags, "c.conf:4:9: error parsing X509 certificate/key pair");
    diags_release(&diags);
    test_options_release(&options);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cluster_gets_both_contexts),
        cmocka_unit_test(a_fault_is_said_with_its_place),
        cmocka_unit_test(a_check_warns_of_what_others_will_refuse),
        cmocka_unit_test(a_check_reports_what_would_fail),
    };

    return cmocka_run_group_tests_name("tls_setup", tests, set_up, tear_down);
}
