/* SPDX-License-Identifier: Apache-2.0
 *
 * suggest - which option was meant by a word that is none?
 */
#ifndef TESSERA_CONF_SUGGEST_H
#define TESSERA_CONF_SUGGEST_H

#include "base/str.h"

/* The option of section that is nearest to word by letters changed, left out, added or swapped;
 * no data when none is near enough. Static text. */
struct str suggest_option(const char *section, struct str word);

#endif
