/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/user_nkey.h"

#define KIND_USER  (20 << 3)
#define KEY_BYTES  33 /* with its kind */
#define RAW_BYTES  (KEY_BYTES + 2)
#define TEXT_BYTES (RAW_BYTES * 8 / 5)

/* RFC 4648 without padding: 35 bytes are 56 letters, nothing is left over. */
static bool
decode_base32(struct str text, unsigned char raw[RAW_BYTES])
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    unsigned bits = 0, count = 0;
    size_t len = 0;

    if (text.len != TEXT_BYTES)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        const char *letter = memchr(alphabet, text.data[i], sizeof(alphabet) - 1);

        if (letter == NULL)
            return false;
        bits = bits << 5 | (unsigned)(letter - alphabet);
        count += 5;
        if (count >= 8) {
            count -= 8;
            raw[len++] = (unsigned char)(bits >> count);
            bits &= (1U << count) - 1;
        }
    }
    return true;
}

static unsigned
crc16(const unsigned char *bytes, size_t len)
{
    unsigned crc = 0;

    for (size_t i = 0; i < len; i++) {
        crc ^= (unsigned)bytes[i] << 8;
        for (int bit = 0; bit < 8; bit++)
            crc = (crc << 1 ^ ((crc & 0x8000) != 0 ? 0x1021 : 0)) & 0xffff;
    }
    return crc;
}

bool
user_nkey_valid(struct str text)
{
    unsigned char raw[RAW_BYTES];

    return decode_base32(text, raw) && raw[0] == KIND_USER &&
           crc16(raw, KEY_BYTES) == (raw[KEY_BYTES] | (unsigned)raw[KEY_BYTES + 1] << 8);
}
