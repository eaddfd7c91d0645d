import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.Security;
import java.security.cert.CertPathValidator;
import java.security.cert.CertificateFactory;
import java.security.cert.PKIXParameters;
import java.security.cert.TrustAnchor;
import java.security.cert.X509Certificate;
import java.security.interfaces.ECPrivateKey;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Date;
import java.util.List;
import java.util.Set;
import javax.crypto.Cipher;
import javax.crypto.spec.IvParameterSpec;
import javax.crypto.spec.SecretKeySpec;
import org.bouncycastle.asn1.ASN1Integer;
import org.bouncycastle.asn1.ASN1OctetString;
import org.bouncycastle.asn1.ASN1Sequence;
import org.bouncycastle.asn1.ASN1Set;
import org.bouncycastle.asn1.BEROctetString;
import org.bouncycastle.asn1.cms.ContentInfo;
import org.bouncycastle.asn1.cms.EncryptedContentInfo;
import org.bouncycastle.asn1.cms.EnvelopedData;
import org.bouncycastle.asn1.cms.KeyTransRecipientInfo;
import org.bouncycastle.asn1.cms.RecipientInfo;
import org.bouncycastle.asn1.gm.GMNamedCurves;
import org.bouncycastle.asn1.gm.GMObjectIdentifiers;
import org.bouncycastle.asn1.x9.X9ECParameters;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.jcajce.JcaCertStore;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cms.CMSEnvelopedData;
import org.bouncycastle.cms.CMSProcessableByteArray;
import org.bouncycastle.cms.CMSSignedData;
import org.bouncycastle.cms.CMSSignedDataGenerator;
import org.bouncycastle.cms.KeyTransRecipientInformation;
import org.bouncycastle.cms.SignerInformation;
import org.bouncycastle.cms.jcajce.JcaSignerInfoGeneratorBuilder;
import org.bouncycastle.cms.jcajce.JcaSimpleSignerInfoVerifierBuilder;
import org.bouncycastle.crypto.engines.SM2Engine;
import org.bouncycastle.crypto.params.ECDomainParameters;
import org.bouncycastle.crypto.params.ECPrivateKeyParameters;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.bouncycastle.operator.jcajce.JcaDigestCalculatorProviderBuilder;
import org.bouncycastle.util.BigIntegers;

/**
 * Bouncy Castle as an independent judge of signed and enveloped messages.
 *
 * <pre>
 * verify MESSAGE CONTENT ROOT       a detached message: every signature, and each signer's chain to ROOT
 * sign CONTENT KEY CERTIFICATE OUT  a detached message of Bouncy Castle's own
 * open MESSAGE KEY OUT              an enveloped message
 * ber MESSAGE OUT                   an enveloped message as Bouncy Castle writes it to a stream
 * </pre>
 *
 * Keys are PKCS #8 DER, certificates DER. Prints ACCEPTED or REFUSED with the reason.
 */
public final class CmsJudge {
    public static void main(String[] arguments) throws Exception {
        Security.addProvider(new BouncyCastleProvider());
        try {
            switch (arguments[0]) {
                case "verify" -> verify(arguments[1], arguments[2], arguments[3]);
                case "sign" -> sign(arguments[1], arguments[2], arguments[3], arguments[4]);
                case "open" -> open(arguments[1], arguments[2], arguments[3]);
                case "ber" -> ber(arguments[1], arguments[2]);
                default -> throw new IllegalArgumentException(arguments[0]);
            }
            System.out.println("ACCEPTED");
        } catch (Exception refused) {
            System.out.println("REFUSED " + refused);
        }
    }

    private static void verify(String message, String content, String root) throws Exception {
        CMSSignedData signed = new CMSSignedData(new CMSProcessableByteArray(read(content)), read(message));
        if (signed.getSignerInfos().size() == 0) {
            throw new IllegalStateException("no signer");
        }
        for (SignerInformation signer : signed.getSignerInfos()) {
            @SuppressWarnings("unchecked")
            Collection<X509CertificateHolder> found = signed.getCertificates().getMatches(signer.getSID());
            X509CertificateHolder holder = found.iterator().next();
            X509Certificate certificate = new JcaX509CertificateConverter().setProvider("BC").getCertificate(holder);
            JcaSimpleSignerInfoVerifierBuilder verifier = new JcaSimpleSignerInfoVerifierBuilder().setProvider("BC");
            if (!signer.verify(verifier.build(certificate))) {
                throw new IllegalStateException("the signature does not verify");
            }
            checkChain(signed, certificate, certificate(root));
        }
    }

    private static void checkChain(CMSSignedData signed, X509Certificate leaf, X509Certificate root) throws Exception {
        List<X509Certificate> path = new ArrayList<>();
        X509Certificate last = leaf;
        while (!last.getIssuerX500Principal().equals(root.getSubjectX500Principal())) {
            path.add(last);
            X509Certificate issuer = null;
            for (X509CertificateHolder holder : signed.getCertificates().getMatches(null)) {
                X509Certificate other = new JcaX509CertificateConverter().setProvider("BC").getCertificate(holder);
                if (other.getSubjectX500Principal().equals(last.getIssuerX500Principal())) {
                    issuer = other;
                }
            }
            if (issuer == null || path.size() > 8) {
                throw new IllegalStateException("no chain to the root");
            }
            last = issuer;
        }
        path.add(last);
        PKIXParameters parameters = new PKIXParameters(Set.of(new TrustAnchor(root, null)));
        parameters.setRevocationEnabled(false);
        parameters.setDate(new Date(leaf.getNotBefore().getTime() + 1000));
        CertPathValidator.getInstance("PKIX", "BC")
            .validate(CertificateFactory.getInstance("X.509", "BC").generateCertPath(path), parameters);
    }

    private static void sign(String content, String key, String certificate, String out) throws Exception {
        X509Certificate signer = certificate(certificate);
        CMSSignedDataGenerator generator = new CMSSignedDataGenerator();
        generator.addSignerInfoGenerator(
            new JcaSignerInfoGeneratorBuilder(new JcaDigestCalculatorProviderBuilder().setProvider("BC").build())
                .build(new JcaContentSignerBuilder("SM3withSM2").setProvider("BC").build(key(key)), signer));
        generator.addCertificates(new JcaCertStore(List.of(signer)));
        CMSSignedData signed = generator.generate(new CMSProcessableByteArray(read(content)), false);
        Files.write(Path.of(out), signed.toASN1Structure().getEncoded("DER"));
    }

    private static void open(String message, String key, String out) throws Exception {
        CMSEnvelopedData enveloped = new CMSEnvelopedData(read(message));
        KeyTransRecipientInformation recipient =
            (KeyTransRecipientInformation) enveloped.getRecipientInfos().getRecipients().iterator().next();
        EnvelopedData structure = EnvelopedData.getInstance(enveloped.toASN1Structure().getContent());
        RecipientInfo first = RecipientInfo.getInstance(structure.getRecipientInfos().getObjectAt(0));
        ASN1OctetString wrapped = ((KeyTransRecipientInfo) first.getInfo()).getEncryptedKey();
        System.out.println("recipient " + recipient.getRID().getClass().getSimpleName()
            + ", key encryption " + recipient.getKeyEncryptionAlgOID());
        byte[] contentKey = unwrap(wrapped.getOctets(), (ECPrivateKey) key(key));
        EncryptedContentInfo encrypted = structure.getEncryptedContentInfo();
        byte[] vector = ASN1OctetString.getInstance(
            encrypted.getContentEncryptionAlgorithm().getParameters()).getOctets();
        // This version of Bouncy Castle knows the cipher by name only.
        if (!encrypted.getContentEncryptionAlgorithm().getAlgorithm().equals(GMObjectIdentifiers.sms4_cbc)) {
            throw new IllegalStateException("not SM4-CBC");
        }
        Cipher cipher = Cipher.getInstance("SM4/CBC/PKCS7Padding", "BC");
        cipher.init(Cipher.DECRYPT_MODE, new SecretKeySpec(contentKey, "SM4"), new IvParameterSpec(vector));
        Files.write(Path.of(out), cipher.doFinal(encrypted.getEncryptedContent().getOctets()));
    }

    /** SM2Cipher is a sequence of two coordinates, hash and cipher text; the engine wants 04, C1, C3, C2. */
    private static byte[] unwrap(byte[] der, ECPrivateKey key) throws Exception {
        ASN1Sequence fields = ASN1Sequence.getInstance(der);
        ByteArrayOutputStream raw = new ByteArrayOutputStream();
        raw.write(4);
        for (int index = 0; index < 2; index++) {
            BigInteger coordinate = ASN1Integer.getInstance(fields.getObjectAt(index)).getPositiveValue();
            raw.write(BigIntegers.asUnsignedByteArray(32, coordinate));
        }
        raw.write(ASN1OctetString.getInstance(fields.getObjectAt(2)).getOctets());
        raw.write(ASN1OctetString.getInstance(fields.getObjectAt(3)).getOctets());
        X9ECParameters curve = GMNamedCurves.getByName("sm2p256v1");
        SM2Engine engine = new SM2Engine(SM2Engine.Mode.C1C3C2);
        engine.init(false, new ECPrivateKeyParameters(key.getS(), new ECDomainParameters(curve)));
        return engine.processBlock(raw.toByteArray(), 0, raw.size());
    }

    private static void ber(String message, String out) throws Exception {
        EnvelopedData enveloped = EnvelopedData.getInstance(ContentInfo.getInstance(read(message)).getContent());
        EncryptedContentInfo encrypted = enveloped.getEncryptedContentInfo();
        EncryptedContentInfo pieces = new EncryptedContentInfo(
            encrypted.getContentType(),
            encrypted.getContentEncryptionAlgorithm(),
            new BEROctetString(encrypted.getEncryptedContent().getOctets(), 1000));
        EnvelopedData rewritten = new EnvelopedData(null, enveloped.getRecipientInfos(), pieces, (ASN1Set) null);
        Files.write(Path.of(out),
            new ContentInfo(ContentInfo.getInstance(read(message)).getContentType(), rewritten).getEncoded());
    }

    private static byte[] read(String path) throws Exception {
        return Files.readAllBytes(Path.of(path));
    }

    private static X509Certificate certificate(String path) throws Exception {
        return (X509Certificate) CertificateFactory.getInstance("X.509", "BC")
            .generateCertificate(new ByteArrayInputStream(read(path)));
    }

    private static PrivateKey key(String path) throws Exception {
        return KeyFactory.getInstance("EC", "BC").generatePrivate(new PKCS8EncodedKeySpec(read(path)));
    }
}
