/**
 * The npm package sm-crypto-v2 as an independent judge of SM2, SM3 and SM4.
 *
 * Called with the package's folder. Reads a question a line from standard input, a verb and its fields with one space
 * between them, and answers each with a line: the result, or `!` and why there is none. All bytes are hexadecimal.
 *
 *   key                                   a private and a public key
 *   sign FORM KEY ID MESSAGE              a signature with Z; FORM is der or raw, ID is UTF-8
 *   verify FORM PUBLIC ID MESSAGE SIGNATURE   true or false
 *   z PUBLIC ID                           Z
 *   encrypt FORM PUBLIC MESSAGE           FORM is c1c3c2 or c1c2c3 (both without a leading 04) or asn1
 *   decrypt FORM KEY CIPHERTEXT           empty when it does not open
 *   digest MESSAGE
 *   hmac KEY MESSAGE
 *   cbc-encrypt, cbc-decrypt KEY IV MESSAGE
 *   gcm-seal KEY NONCE AAD MESSAGE        ciphertext and tag
 *   gcm-open KEY NONCE AAD SEALED
 */
"use strict";

const readline = require("node:readline");
const { sm2, sm3, sm4 } = require(process.argv[2]);

const TAG = 16;

const bytes = (hex) => new Uint8Array(Buffer.from(hex, "hex"));
const hex = (array) => Buffer.from(array).toString("hex");
const text = (field) => Buffer.from(field, "hex").toString("utf8");
/** How the package numbers the orders of C1, C2 and C3. */
const order = (form) => (form === "c1c2c3" ? 0 : 1);
const asn1 = (form) => form === "asn1";
const cbc = (vector) => ({ mode: "cbc", iv: bytes(vector), output: "array" });
const gcm = (nonce, data) => ({ mode: "gcm", iv: bytes(nonce), associatedData: bytes(data), output: "array" });

const verbs = {
  key: () => {
    const pair = sm2.generateKeyPairHex();
    return `${pair.privateKey} ${pair.publicKey}`;
  },
  sign: (form, key, id, message) =>
    sm2.doSignature(bytes(message), key, { hash: true, der: form === "der", userId: text(id) }),
  verify: (form, key, id, message, signature) =>
    sm2.doVerifySignature(bytes(message), signature, key, { hash: true, der: form === "der", userId: text(id) }),
  z: (key, id) => hex(sm2.getZ(key, text(id))),
  encrypt: (form, key, message) => sm2.doEncrypt(bytes(message), key, order(form), { asn1: asn1(form) }),
  decrypt: (form, key, ciphertext) =>
    hex(sm2.doDecrypt(ciphertext, key, order(form), { output: "array", asn1: asn1(form) })),
  digest: (message) => sm3(bytes(message)),
  hmac: (key, message) => sm3(bytes(message), { key: bytes(key) }),
  "cbc-encrypt": (key, vector, message) => hex(sm4.encrypt(bytes(message), bytes(key), cbc(vector))),
  "cbc-decrypt": (key, vector, message) => hex(sm4.decrypt(bytes(message), bytes(key), cbc(vector))),
  "gcm-seal": (key, nonce, data, message) => {
    const sealed = sm4.encrypt(bytes(message), bytes(key), { ...gcm(nonce, data), outputTag: true });
    return hex(sealed.output) + hex(sealed.tag);
  },
  "gcm-open": (key, nonce, data, sealed) => {
    const all = bytes(sealed);
    const end = all.length - TAG;
    return hex(sm4.decrypt(all.slice(0, end), bytes(key), { ...gcm(nonce, data), tag: all.slice(end) }));
  },
};

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const [verb, ...fields] = line.split(" ");
  try {
    console.log(String(verbs[verb](...fields)));
  } catch (error) {
    console.log(`! ${error.message}`);
  }
});
