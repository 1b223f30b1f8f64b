# SPDX-License-Identifier: Apache-2.0
"""nkeys: Ed25519 (RFC 8032) in plain Python, and the letters that NATS writes keys with.

Slow and not in constant time: for keys that are made up in tests."""

import base64
import hashlib

# -- Ed25519, section 5.1 of the RFC; points are (X, Y, Z, T) with x = X/Z, y = Y/Z, xy = T/Z

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P


def _add(a, b):
    (x1, y1, z1, t1), (x2, y2, z2, t2) = a, b
    left, right = (y1 - x1) * (y2 - x2), (y1 + x1) * (y2 + x2)
    t, z = 2 * t1 * t2 * D, 2 * z1 * z2
    e, f, g, h = right - left, z - t, z + t, right + left
    return e * f % P, g * h % P, f * g % P, e * h % P


def _multiply(scalar, point):
    result = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            result = _add(result, point)
        point = _add(point, point)
        scalar >>= 1
    return result


def _base():
    """y = 4/5, and the even one of its two x."""
    y = 4 * pow(5, -1, P) % P
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * pow(2, (P - 1) // 4, P) % P
    x = P - x if x & 1 else x
    return x, y, 1, x * y % P


BASE = _base()


def _bytes_of(point):
    x, y, z, _ = point
    inverse = pow(z, -1, P)
    return (y * inverse % P | (x * inverse % P & 1) << 255).to_bytes(32, "little")


def _hash_number(*parts):
    return int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little")


def _expand(secret):
    """The scalar, and the prefix that makes nonces."""
    digest = hashlib.sha512(secret).digest()
    scalar = int.from_bytes(digest[:32], "little") & (2**254 - 8) | 2**254
    return scalar, digest[32:]


def public_of(secret):
    return _bytes_of(_multiply(_expand(secret)[0], BASE))


def sign(secret, message):
    scalar, prefix = _expand(secret)
    public = _bytes_of(_multiply(scalar, BASE))
    r = _hash_number(prefix, message) % ORDER
    point = _bytes_of(_multiply(r, BASE))
    s = (r + _hash_number(point, public, message) * scalar) % ORDER
    return point + s.to_bytes(32, "little")


# -- letters: base32 of a prefix, the key, and a CRC-16 (XMODEM, little endian)

SEED, USER, ACCOUNT, SERVER = 18 << 3, 20 << 3, 0, 13 << 3  # "S", "U", "A", "N"


def _crc16(data):
    crc = 0
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ (0x1021 if crc & 0x8000 else 0)) & 0xffff
    return crc


def letters(prefix, key):
    data = bytes(prefix) + key
    return base64.b32encode(data + _crc16(data).to_bytes(2, "little")).decode().rstrip("=")


class Nkey:
    """A key pair that name determines. public is "U...", seed "SU..."."""

    def __init__(self, name, kind=USER):
        self._secret = hashlib.sha256(name.encode()).digest()
        self.public = letters([kind], public_of(self._secret))
        # A seed has two prefixes of five bits: that it is one, and of what.
        self.seed = letters([SEED | kind >> 5, (kind & 31) << 3], self._secret)

    def sign(self, nonce, encode=base64.urlsafe_b64encode):
        return encode(sign(self._secret, nonce.encode())).decode().rstrip("=")
