"""GmSSL 3.1.1 (which the package easy-gmssl builds) as an independent judge of GM/T 0010 messages.

    open    MESSAGE KEY CERTIFICATE OUT   opens an enveloped message
    envelop CONTENT CERTIFICATE OUT       makes one
    verify  MESSAGE                       verifies a signed message that carries its content
    sign    CONTENT KEY CERTIFICATE OUT   makes one

KEY is the private key's 32 bytes, CERTIFICATE is DER. Prints ACCEPTED or REFUSED. Exit code 3: GmSSL is missing.
"""

import ctypes
import ctypes.util
import os
import sys


def load():
    """The library, from where the system has it or from where easy-gmssl builds it."""
    built = os.path.expanduser("~/.gmssl_3.1.1_install/lib/libgmssl.so.3.1")
    for name in (ctypes.util.find_library("gmssl"), built):
        try:
            if name:
                return ctypes.CDLL(name)
        except OSError:
            pass
    print(f"MISSING libgmssl, neither on the system nor as {built}")
    sys.exit(3)


gmssl = load()


class Key(ctypes.Structure):
    """SM2_KEY: public point x, y, private key."""

    _fields_ = [("point", ctypes.c_uint8 * 64), ("private", ctypes.c_uint8 * 32)]


class CertificatesAndKey(ctypes.Structure):
    """CMS_CERTS_AND_KEY."""

    _fields_ = [
        ("certificates", ctypes.c_char_p),
        ("certificates_length", ctypes.c_size_t),
        ("key", ctypes.POINTER(Key)),
    ]


def read(path):
    with open(path, "rb") as file:
        return file.read()


def write(path, content):
    with open(path, "wb") as file:
        file.write(content)


def private_key(path):
    key = Key()
    require(gmssl.sm2_key_set_private_key(ctypes.byref(key), read(path)), "the private key")
    return key


def require(result, what):
    if result != 1:
        print(f"REFUSED {what} ({result})")
        sys.exit(0)


def number(name, text):
    function = getattr(gmssl, name)
    function.restype = ctypes.c_int
    return function(text)


def slot():
    return ctypes.c_void_p(), ctypes.c_size_t()


def open_message(message, key, certificate, out):
    message, certificate = read(message), read(certificate)
    content = ctypes.create_string_buffer(len(message))
    content_length, content_type = ctypes.c_size_t(len(message)), ctypes.c_int()
    outputs = [ctypes.byref(part) for _ in range(3) for part in slot()]
    require(
        gmssl.cms_deenvelop(
            message, ctypes.c_size_t(len(message)), ctypes.byref(private_key(key)),
            certificate, ctypes.c_size_t(len(certificate)),
            ctypes.byref(content_type), content, ctypes.byref(content_length), *outputs,
        ),
        "cms_deenvelop",
    )
    write(out, content.raw[: content_length.value])


def envelop(content, certificate, out):
    content, certificate = read(content), read(certificate)
    message = ctypes.create_string_buffer(len(content) + 4096)
    length = ctypes.c_size_t(len(content) + 4096)
    content_key, vector = os.urandom(16), os.urandom(16)
    none, zero = None, ctypes.c_size_t(0)
    require(
        gmssl.cms_envelop(
            message, ctypes.byref(length), certificate, ctypes.c_size_t(len(certificate)),
            number("x509_encryption_algor_from_name", b"sm4-cbc"),
            content_key, ctypes.c_size_t(16), vector, ctypes.c_size_t(16),
            number("cms_content_type_from_name", b"data"), content, ctypes.c_size_t(len(content)),
            none, zero, none, zero,
        ),
        "cms_envelop",
    )
    write(out, message.raw[: length.value])


def verify(message):
    message = read(message)
    none, zero = None, ctypes.c_size_t(0)
    content_type = ctypes.c_int()
    outputs = [ctypes.byref(part) for _ in range(4) for part in slot()]
    require(
        gmssl.cms_verify(
            message, ctypes.c_size_t(len(message)), none, zero, none, zero,
            ctypes.byref(content_type), *outputs,
        ),
        "cms_verify",
    )


def sign(content, key, certificate, out):
    content, certificate, key = read(content), read(certificate), private_key(key)
    signer = CertificatesAndKey(certificate, len(certificate), ctypes.pointer(key))
    message = ctypes.create_string_buffer(len(content) + 8192)
    length = ctypes.c_size_t(len(content) + 8192)
    require(
        gmssl.cms_sign(
            message, ctypes.byref(length), ctypes.byref(signer), ctypes.c_size_t(1),
            number("cms_content_type_from_name", b"data"), content, ctypes.c_size_t(len(content)),
            None, ctypes.c_size_t(0),
        ),
        "cms_sign",
    )
    write(out, message.raw[: length.value])


if __name__ == "__main__":
    {"open": open_message, "envelop": envelop, "verify": verify, "sign": sign}[sys.argv[1]](*sys.argv[2:])
    print("ACCEPTED")
