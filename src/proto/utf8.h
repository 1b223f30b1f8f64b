/* SPDX-License-Identifier: Apache-2.0
 *
 * utf8 - one character at a time, bad bytes treated as Go treats them
 *
 * A byte that begins no well-formed character (cut short, overlong, a surrogate, past
 * U+10FFFF) counts as one character of one byte, UTF8_BAD.
 *
 * Pure: no allocation, no state, any thread.
 */
#ifndef TESSERA_PROTO_UTF8_H
#define TESSERA_PROTO_UTF8_H

#include <stddef.h>
#include <stdint.h>

#define UTF8_BAD     0xfffdu /* the replacement character */
#define UTF8_LEN_MAX 4       /* bytes of one character */

/* Reads the character at data, len > 0; returns its bytes. A result of 1 with UTF8_BAD says
 * that the byte was bad: a real U+FFFD has three. */
size_t utf8_decode(const char *data, size_t len, uint32_t *character);

/* Writes a character, UTF8_BAD for one that has no encoding; returns its bytes. */
size_t utf8_encode(char out[UTF8_LEN_MAX], uint32_t character);

#endif
