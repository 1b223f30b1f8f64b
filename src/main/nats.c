/* SPDX-License-Identifier: Apache-2.0
 *
 * nats - the command line client
 */
#include "cli/cli.h"

int
main(int argc, char **argv)
{
    return cli_main(argc, argv);
}
