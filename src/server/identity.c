/* SPDX-License-Identifier: Apache-2.0
 *
 * An nkey is base32 of: kind byte, 32 bytes of key, CRC-16 of both (little endian). Nothing
 * signs with this key, so its 32 bytes are plain random; tools that check the form accept it.
 */
#include "server/identity.h"

#include <stddef.h>
#include <stdint.h>

#include "base/random.h"

#define NKEY_KIND_SERVER (13 << 3) /* 'N' */
#define NKEY_KEY_BYTES   32
#define NKEY_RAW_BYTES   (1 + NKEY_KEY_BYTES + 2)

/* CRC-16/XMODEM: polynomial 0x1021, start 0 */
static uint16_t
crc16(const unsigned char *data, size_t len)
{
    uint16_t crc = 0;

    for (size_t i = 0; i < len; i++) {
        crc = (uint16_t)(crc ^ (data[i] << 8));
        for (int bit = 0; bit < 8; bit++)
            crc = (uint16_t)((crc & 0x8000) != 0 ? (crc << 1) ^ 0x1021 : crc << 1);
    }
    return crc;
}

/* 35 bytes are exactly 56 digits of 5 bits: no padding. */
static void
base32(const unsigned char raw[NKEY_RAW_BYTES], char out[SERVER_ID_LEN + 1])
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

    for (size_t i = 0; i < SERVER_ID_LEN; i++) {
        size_t bit = i * 5, byte = bit / 8;
        unsigned pair = (unsigned)raw[byte] << 8;

        if (byte + 1 < NKEY_RAW_BYTES)
            pair |= raw[byte + 1];
        out[i] = digits[(pair >> (11 - bit % 8)) & 31];
    }
    out[SERVER_ID_LEN] = '\0';
}

void
server_id_make(char out[SERVER_ID_LEN + 1])
{
    unsigned char raw[NKEY_RAW_BYTES];
    uint16_t crc;

    raw[0] = NKEY_KIND_SERVER;
    random_bytes(raw + 1, NKEY_KEY_BYTES);
    crc = crc16(raw, 1 + NKEY_KEY_BYTES);
    raw[NKEY_RAW_BYTES - 2] = (unsigned char)(crc & 0xff);
    raw[NKEY_RAW_BYTES - 1] = (unsigned char)(crc >> 8);
    base32(raw, out);
}
