import java.nio.file.Files;
import java.nio.file.Path;
import java.security.Security;
import java.text.ParseException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Date;
import java.util.List;
import org.bouncycastle.asn1.ASN1BitString;
import org.bouncycastle.asn1.ASN1Boolean;
import org.bouncycastle.asn1.ASN1Encodable;
import org.bouncycastle.asn1.ASN1Encoding;
import org.bouncycastle.asn1.ASN1GeneralizedTime;
import org.bouncycastle.asn1.ASN1IA5String;
import org.bouncycastle.asn1.ASN1Integer;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.ASN1OctetString;
import org.bouncycastle.asn1.ASN1Primitive;
import org.bouncycastle.asn1.ASN1PrintableString;
import org.bouncycastle.asn1.ASN1Sequence;
import org.bouncycastle.asn1.ASN1TaggedObject;
import org.bouncycastle.asn1.ASN1UTF8String;
import org.bouncycastle.asn1.gm.GMObjectIdentifiers;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.crypto.digests.SM3Digest;
import org.bouncycastle.crypto.params.ParametersWithID;
import org.bouncycastle.crypto.signers.SM2Signer;
import org.bouncycastle.crypto.util.PublicKeyFactory;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.operator.ContentVerifierProvider;
import org.bouncycastle.operator.jcajce.JcaContentVerifierProviderBuilder;
import org.bouncycastle.util.Strings;

/**
 * A reader of seals and seal signatures of GB/T 38540-2020 (version 4) that shares no code with ours: the structures
 * after the standard, as the ofdrw project models them, on Bouncy Castle's ASN.1, SM2 and SM3.
 *
 * <pre>
 * seal ISSUER SEAL...                   each SESeal: its structure, its maker's signature and certificate
 * sealed ISSUER DOCUMENT SIGNATURE...   each SES_Signature: the seal in it, the signer's signature and certificate,
 *                                       whether the signer may use the seal, its validity, and the document's digest
 * signature SIGNATURE...                the same, where neither the issuer nor the document is at hand
 * </pre>
 *
 * ISSUER is the certificate of the CA that issued both certificates. Prints for each file a line, ACCEPTED and what it
 * says, or REFUSED with the reason.
 */
public final class SealJudge {
    private static final ASN1ObjectIdentifier SM2_1 = GMObjectIdentifiers.sm2sign;
    private static final ASN1ObjectIdentifier SM2_WITH_SM3 = GMObjectIdentifiers.sm2sign_with_sm3;
    private static final byte[] DEFAULT_ID = Strings.toByteArray("1234567812345678");

    /** What a seal says, as far as a signature with it depends on it. */
    private record Seal(String id, String name, boolean digests, List<byte[]> list, Date created, Date from, Date until) {
    }

    /** The issuer's certificate and the document, each null where it isn't at hand. */
    private record Hand(X509CertificateHolder issuer, byte[] document) {
    }

    public static void main(String[] arguments) throws Exception {
        Security.addProvider(new BouncyCastleProvider());
        int first = switch (arguments[0]) {
            case "seal" -> 2;
            case "sealed" -> 3;
            case "signature" -> 1;
            default -> throw new IllegalArgumentException(arguments[0]);
        };
        X509CertificateHolder issuer = first > 1 ? new X509CertificateHolder(read(arguments[1])) : null;
        Hand hand = new Hand(issuer, first > 2 ? read(arguments[2]) : null);
        for (String path : Arrays.asList(arguments).subList(first, arguments.length)) {
            try {
                ASN1Primitive structure = der(read(path));
                System.out.println("ACCEPTED " + (arguments[0].equals("seal")
                    ? describe(seal(structure, hand)) : signature(structure, hand)));
            } catch (Exception refused) {
                System.out.println("REFUSED " + refused.toString().replace('\n', ' '));
            }
        }
    }

    /** SES_Signature: toSign, cert, signatureAlgID, signature, and perhaps [0] timeStamp. */
    private static String signature(ASN1Encodable structure, Hand hand) throws Exception {
        Fields fields = new Fields(structure, "SES_Signature");
        ASN1Sequence toSign = fields.take(ASN1Sequence.class);
        byte[] signer = fields.take(ASN1OctetString.class).getOctets();
        requireSm2(fields.take(ASN1ObjectIdentifier.class));
        byte[] value = bits(fields.take(ASN1BitString.class));
        // The time stamp is a token of RFC 3161: not a seal's business.
        fields.tagged();
        fields.end();

        // TBS_Sign: version, eseal, timeInfo, dataHash, propertyInfo, and perhaps [0] extDatas
        Fields signed = new Fields(toSign, "TBS_Sign");
        require(signed.take(ASN1Integer.class).intValueExact() == 4, "TBS_Sign is not of version 4");
        Seal seal = seal(signed.take(ASN1Sequence.class), hand);
        Date time = date(signed.take(ASN1GeneralizedTime.class));
        byte[] dataHash = bits(signed.take(ASN1BitString.class));
        String property = signed.take(ASN1IA5String.class).getString();
        extensions(signed.tagged());
        signed.end();

        verify(signer, toSign, value, "the signer's signature does not verify");
        certificate(signer, time, hand, "the signer's certificate");
        byte[] listed = seal.digests() ? sm3(signer) : signer;
        require(seal.list().stream().anyMatch(one -> Arrays.equals(one, listed)), "the signer may not use this seal");
        require(!time.before(seal.from()) && !time.after(seal.until()), "sealed outside the seal's validity");
        require(dataHash.length == 32, "dataHash is not of 32 bytes");
        if (hand.document() != null) {
            require(Arrays.equals(dataHash, sm3(hand.document())), "dataHash is not this document's");
        }
        return describe(seal) + " at " + time.getTime() / 1000 + " on " + property;
    }

    /** SESeal: eSealInfo, cert, signAlgID, signedValue. */
    private static Seal seal(ASN1Encodable structure, Hand hand) throws Exception {
        Fields fields = new Fields(structure, "SESeal");
        ASN1Sequence info = fields.take(ASN1Sequence.class);
        byte[] maker = fields.take(ASN1OctetString.class).getOctets();
        requireSm2(fields.take(ASN1ObjectIdentifier.class));
        byte[] value = bits(fields.take(ASN1BitString.class));
        fields.end();
        Seal seal = info(info);
        verify(maker, info, value, "the maker's signature does not verify");
        certificate(maker, seal.created(), hand, "the maker's certificate");
        return seal;
    }

    /** SES_SealInfo: header, esID, property, picture, and perhaps [0] extDatas. */
    private static Seal info(ASN1Sequence structure) throws Exception {
        Fields info = new Fields(structure, "SES_SealInfo");
        Fields header = new Fields(info.take(ASN1Sequence.class), "SES_Header");
        require(header.take(ASN1IA5String.class).getString().equals("ES"), "the header does not begin with ES");
        require(header.take(ASN1Integer.class).intValueExact() == 4, "the seal is not of version 4");
        header.take(ASN1IA5String.class);
        header.end();
        String id = info.take(ASN1IA5String.class).getString();

        Fields property = new Fields(info.take(ASN1Sequence.class), "SES_ESPropertyInfo");
        property.take(ASN1Integer.class);
        String name = property.take(ASN1UTF8String.class).getString();
        int kind = property.take(ASN1Integer.class).intValueExact();
        require(kind == 1 || kind == 2, "certListType is neither 1 nor 2");
        List<byte[]> list = kind == 1
            ? certificates(property.take(ASN1Sequence.class)) : digests(property.take(ASN1Sequence.class));
        Date created = date(property.take(ASN1GeneralizedTime.class));
        Date from = date(property.take(ASN1GeneralizedTime.class));
        Date until = date(property.take(ASN1GeneralizedTime.class));
        property.end();
        require(!until.before(from), "the validity ends before it begins");

        Fields picture = new Fields(info.take(ASN1Sequence.class), "SES_ESPictureInfo");
        picture.take(ASN1IA5String.class);
        require(picture.take(ASN1OctetString.class).getOctets().length > 0, "there is no picture");
        require(picture.take(ASN1Integer.class).intValueExact() > 0, "the picture has no width");
        require(picture.take(ASN1Integer.class).intValueExact() > 0, "the picture has no height");
        picture.end();
        extensions(info.tagged());
        info.end();
        return new Seal(id, name, kind == 2, list, created, from, until);
    }

    private static List<byte[]> certificates(ASN1Sequence list) throws Exception {
        List<byte[]> certificates = new ArrayList<>();
        Fields fields = new Fields(list, "certs");
        while (fields.more()) {
            certificates.add(fields.take(ASN1OctetString.class).getOctets());
        }
        return certificates;
    }

    private static List<byte[]> digests(ASN1Sequence list) throws Exception {
        List<byte[]> digests = new ArrayList<>();
        Fields fields = new Fields(list, "certDigestList");
        while (fields.more()) {
            Fields digest = new Fields(fields.take(ASN1Sequence.class), "CertDigestObj");
            digest.take(ASN1PrintableString.class);
            digests.add(digest.take(ASN1OctetString.class).getOctets());
            digest.end();
        }
        return digests;
    }

    /** ExtensionDatas: extnID, critical DEFAULT FALSE, extnValue. */
    private static void extensions(ASN1Encodable structure) throws Exception {
        if (structure == null) {
            return;
        }
        Fields extensions = new Fields(structure, "ExtensionDatas");
        while (extensions.more()) {
            Fields extension = new Fields(extensions.take(ASN1Sequence.class), "ExtData");
            extension.take(ASN1ObjectIdentifier.class);
            if (extension.nextIs(ASN1Boolean.class)) {
                require(extension.take(ASN1Boolean.class).isTrue(), "critical is FALSE, which DER leaves out");
            }
            extension.take(ASN1OctetString.class);
            extension.end();
        }
    }

    private static void verify(byte[] certificate, ASN1Sequence signed, byte[] value, String otherwise) throws Exception {
        X509CertificateHolder holder = new X509CertificateHolder(certificate);
        SM2Signer verifier = new SM2Signer();
        verifier.init(false, new ParametersWithID(
            PublicKeyFactory.createKey(holder.getSubjectPublicKeyInfo()), DEFAULT_ID));
        byte[] message = signed.getEncoded(ASN1Encoding.DER);
        verifier.update(message, 0, message.length);
        require(verifier.verifySignature(value), otherwise);
    }

    /** Whether the certificate was valid then, and is the issuer's where that is known. */
    private static void certificate(byte[] der, Date time, Hand hand, String what) throws Exception {
        X509CertificateHolder certificate = new X509CertificateHolder(der(der).getEncoded());
        require(certificate.isValidOn(time), what + " was not valid then");
        if (hand.issuer() != null) {
            ContentVerifierProvider verifier =
                new JcaContentVerifierProviderBuilder().setProvider("BC").build(hand.issuer());
            require(certificate.getIssuer().equals(hand.issuer().getSubject()), what + " names another issuer");
            require(certificate.isSignatureValid(verifier), what + " is not signed by the issuer");
        }
    }

    private static String describe(Seal seal) {
        return seal.id() + " " + seal.name() + " " + seal.from().getTime() / 1000 + "-" + seal.until().getTime() / 1000;
    }

    private static void requireSm2(ASN1ObjectIdentifier algorithm) {
        require(algorithm.equals(SM2_WITH_SM3) || algorithm.equals(SM2_1), "signed with " + algorithm);
    }

    private static void require(boolean holds, String otherwise) {
        if (!holds) {
            throw new IllegalStateException(otherwise);
        }
    }

    private static byte[] bits(ASN1BitString bits) {
        require(bits.getPadBits() == 0, "a BIT STRING does not end at a whole octet");
        return bits.getOctets();
    }

    private static Date date(ASN1GeneralizedTime time) throws ParseException {
        require(time.getTimeString().matches("\\d{14}Z|\\d{14}GMT\\+00:00"), "a time is not in seconds and Z");
        return time.getDate();
    }

    private static byte[] sm3(byte[] content) {
        SM3Digest digest = new SM3Digest();
        digest.update(content, 0, content.length);
        byte[] value = new byte[digest.getDigestSize()];
        digest.doFinal(value, 0);
        return value;
    }

    /** One value and nothing after it, in DER. */
    private static ASN1Primitive der(byte[] bytes) throws Exception {
        ASN1Primitive structure = ASN1Primitive.fromByteArray(bytes);
        require(Arrays.equals(structure.getEncoded(ASN1Encoding.DER), bytes), "not DER");
        return structure;
    }

    private static byte[] read(String path) throws Exception {
        return Files.readAllBytes(Path.of(path));
    }

    /** The fields of a sequence, in order, each of the type that is asked for. */
    private static final class Fields {
        private final ASN1Sequence sequence;
        private final String name;
        private int next;

        Fields(ASN1Encodable structure, String name) {
            require(structure instanceof ASN1Sequence, name + " is no SEQUENCE");
            this.sequence = (ASN1Sequence) structure;
            this.name = name;
        }

        boolean more() {
            return next < sequence.size();
        }

        boolean nextIs(Class<?> type) {
            return more() && type.isInstance(sequence.getObjectAt(next).toASN1Primitive());
        }

        <T> T take(Class<T> type) {
            require(nextIs(type), "field " + next + " of " + name + " is no " + type.getSimpleName());
            return type.cast(sequence.getObjectAt(next++).toASN1Primitive());
        }

        /** What is in a [0] EXPLICIT, or null where there is none. */
        ASN1Encodable tagged() {
            if (!nextIs(ASN1TaggedObject.class)) {
                return null;
            }
            ASN1TaggedObject tagged = take(ASN1TaggedObject.class);
            require(tagged.hasContextTag(0) && tagged.isExplicit(), "an unknown tag in " + name);
            return tagged.getExplicitBaseObject();
        }

        void end() {
            require(!more(), name + " has a field too many");
        }
    }
}
