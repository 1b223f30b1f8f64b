/* SPDX-License-Identifier: Apache-2.0
 *
 * 35 bytes are exactly 56 digits of five bits: nothing is padded, nothing is left over.
 */
#include "proto/nkey_text.h"

#define CRC_LEN 2 /* low byte first */
#define RAW_LEN (1 + NKEY_PUBLIC_LEN + CRC_LEN)

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/* CRC-16/XMODEM: polynomial 0x1021, begins at 0. */
static unsigned
crc16(const unsigned char *data, size_t len)
{
    unsigned crc = 0;

    for (size_t i = 0; i < len; i++) {
        crc ^= (unsigned)data[i] << 8;
        for (int bit = 0; bit < 8; bit++)
            crc = (crc & 0x8000) != 0 ? crc << 1 ^ 0x1021 : crc << 1;
    }
    return crc & 0xffff;
}

static bool
base32_decode(struct str text, unsigned char raw[RAW_LEN])
{
    unsigned bits = 0, count = 0;
    size_t len = 0;

    if (text.len != NKEY_TEXT_LEN)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        const char *digit = memchr(digits, text.data[i], sizeof(digits) - 1);

        if (digit == NULL)
            return false;
        bits = bits << 5 | (unsigned)(digit - digits);
        count += 5;
        if (count >= 8) {
            count -= 8;
            raw[len++] = (unsigned char)(bits >> count);
            bits &= (1U << count) - 1;
        }
    }
    return true;
}

bool
nkey_text_decode(struct str text, enum nkey_kind kind, unsigned char out[NKEY_PUBLIC_LEN])
{
    unsigned char raw[RAW_LEN];
    const unsigned char *sum = raw + 1 + NKEY_PUBLIC_LEN;

    if (!base32_decode(text, raw) || raw[0] != kind ||
        crc16(raw, 1 + NKEY_PUBLIC_LEN) != (sum[0] | (unsigned)sum[1] << 8))
        return false;
    memcpy(out, raw + 1, NKEY_PUBLIC_LEN);
    return true;
}

void
nkey_text_encode(enum nkey_kind kind, const unsigned char key[NKEY_PUBLIC_LEN],
                 char out[NKEY_TEXT_LEN + 1])
{
    unsigned char raw[RAW_LEN + 1] = { (unsigned char)kind }; /* one more: pairs are read */
    unsigned crc;

    memcpy(raw + 1, key, NKEY_PUBLIC_LEN);
    crc = crc16(raw, 1 + NKEY_PUBLIC_LEN);
    raw[RAW_LEN - 2] = (unsigned char)(crc & 0xff);
    raw[RAW_LEN - 1] = (unsigned char)(crc >> 8);
    for (size_t i = 0; i < NKEY_TEXT_LEN; i++) {
        size_t bit = i * 5, byte = bit / 8;
        unsigned pair = (unsigned)raw[byte] << 8 | raw[byte + 1];

        out[i] = digits[(pair >> (11 - bit % 8)) & 31];
    }
    out[NKEY_TEXT_LEN] = '\0';
}
