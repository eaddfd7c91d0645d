"""GmSSL 3.1.1 (which the package easy-gmssl builds) as an independent judge of GM/T 0010 messages.

    open    MESSAGE KEY CERTIFICATE OUT   opens an enveloped message, by GmSSL's function for the whole of it
    decrypt MESSAGE KEY CERTIFICATE OUT   opens one by GmSSL's functions for its parts, for keys encrypted with SM2-3
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


class Cursor:
    """Where GmSSL's parser stands in bytes that it reads."""

    def __init__(self, pointer, length):
        self.pointer, self.length = pointer, length

    @classmethod
    def over(cls, content):
        return cls(ctypes.cast(ctypes.c_char_p(content), ctypes.c_void_p), ctypes.c_size_t(len(content)))

    def references(self):
        return ctypes.byref(self.pointer), ctypes.byref(self.length)

    def take(self, tag, what):
        """What stands in the next value, which must have this tag."""
        inner = Cursor(*slot())
        require(gmssl.asn1_type_from_der(tag, *inner.references(), *self.references()), what)
        return inner

    def content(self):
        return ctypes.string_at(self.pointer, self.length.value)

    def end(self, what):
        require(1 if self.length.value == 0 else 0, f"{self.length.value} bytes after {what}")


SEQUENCE, INTEGER, OCTET_STRING, OBJECT_IDENTIFIER = 0x30, 0x02, 0x04, 0x06
SM2_3 = [1, 2, 156, 10197, 1, 301, 3]


def decrypt(message, key, certificate, out):
    """GmSSL's function for a whole message takes no key that was encrypted with SM2-3, as GM/T 0010 calls it. The
    functions below it take such a message apart as it is, and decrypt both parts of it."""
    # Kept until the end, since GmSSL points into it.
    message, certificate, key = read(message), read(certificate), private_key(key)
    whole, enveloped = Cursor.over(message), Cursor(*slot())
    kind = ctypes.c_int()
    require(
        gmssl.cms_content_info_from_der(ctypes.byref(kind), *enveloped.references(), *whole.references()),
        "cms_content_info_from_der",
    )
    whole.end("the message")
    require(int(kind.value == number("cms_content_type_from_name", b"envelopedData")), "its content type")

    recipients, encrypted, version = Cursor(*slot()), Cursor(*slot()), ctypes.c_int()
    require(
        gmssl.cms_enveloped_data_from_der(
            ctypes.byref(version), *recipients.references(), *encrypted.references(), *enveloped.references()
        ),
        "cms_enveloped_data_from_der",
    )
    enveloped.end("EnvelopedData")

    content_key = unwrap(recipients, key, certificate)
    content = ctypes.create_string_buffer(len(message))
    content_length, algorithm = ctypes.c_size_t(0), ctypes.c_int()
    shared = [ctypes.byref(part) for _ in range(2) for part in slot()]
    require(
        gmssl.cms_enced_content_info_decrypt_from_der(
            ctypes.byref(algorithm), content_key, ctypes.c_size_t(len(content_key)),
            ctypes.byref(kind), content, ctypes.byref(content_length), *shared, *encrypted.references(),
        ),
        "cms_enced_content_info_decrypt_from_der",
    )
    encrypted.end("EncryptedContentInfo")
    require(int(kind.value == number("cms_content_type_from_name", b"data")), "the content's type")
    write(out, content.raw[: content_length.value])


def unwrap(recipients, key, certificate):
    """The content key, from the first RecipientInfo, which must be this certificate's and name SM2-3."""
    wanted_issuer, wanted_serial = Cursor(*slot()), Cursor(*slot())
    require(
        gmssl.x509_cert_get_issuer_and_serial_number(
            certificate, ctypes.c_size_t(len(certificate)),
            *wanted_issuer.references(), *wanted_serial.references(),
        ),
        "x509_cert_get_issuer_and_serial_number",
    )
    recipient = recipients.take(SEQUENCE, "RecipientInfo")
    version = ctypes.c_int()
    require(gmssl.asn1_int_from_der_ex(INTEGER, ctypes.byref(version), *recipient.references()), "version")
    require(int(version.value == 1), "a version other than 1")
    issuer, serial = Cursor(*slot()), Cursor(*slot())
    require(
        gmssl.cms_issuer_and_serial_number_from_der(
            *issuer.references(), *serial.references(), *recipient.references()
        ),
        "cms_issuer_and_serial_number_from_der",
    )
    same = (issuer.content(), serial.content()) == (wanted_issuer.content(), wanted_serial.content())
    require(int(same), "another recipient's message")

    algorithm = recipient.take(SEQUENCE, "keyEncryptionAlgorithm")
    arcs, count = (ctypes.c_uint32 * 32)(), ctypes.c_size_t()
    require(
        gmssl.asn1_object_identifier_from_der_ex(
            OBJECT_IDENTIFIER, arcs, ctypes.byref(count), *algorithm.references()
        ),
        "asn1_object_identifier_from_der_ex",
    )
    require(int(list(arcs[: count.value]) == SM2_3), f"key encryption {list(arcs[: count.value])}")

    wrapped = recipient.take(OCTET_STRING, "encryptedKey")
    recipient.end("RecipientInfo")
    content_key, length = ctypes.create_string_buffer(255), ctypes.c_size_t(0)
    require(
        gmssl.sm2_decrypt(ctypes.byref(key), wrapped.pointer, wrapped.length, content_key, ctypes.byref(length)),
        "sm2_decrypt",
    )
    return content_key.raw[: length.value]


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
    verbs = {"open": open_message, "decrypt": decrypt, "envelop": envelop, "verify": verify, "sign": sign}
    verbs[sys.argv[1]](*sys.argv[2:])
    print("ACCEPTED")
