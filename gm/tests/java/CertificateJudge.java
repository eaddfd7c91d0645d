import java.io.ByteArrayInputStream;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.Security;
import java.security.cert.CRL;
import java.security.cert.CertPathValidator;
import java.security.cert.CertStore;
import java.security.cert.CertificateFactory;
import java.security.cert.CollectionCertStoreParameters;
import java.security.cert.PKIXParameters;
import java.security.cert.TrustAnchor;
import java.security.cert.X509CRL;
import java.security.cert.X509CRLEntry;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Date;
import java.util.List;
import java.util.Set;
import org.bouncycastle.asn1.ASN1Integer;
import org.bouncycastle.asn1.ASN1OctetString;
import org.bouncycastle.asn1.x509.AuthorityKeyIdentifier;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.SubjectKeyIdentifier;
import org.bouncycastle.jce.provider.BouncyCastleProvider;

/**
 * Bouncy Castle as an independent judge of certificates and revocation lists.
 *
 * <pre>
 * list CRL ISSUER
 *     verifies the list's signature and prints what it says: its number, and each entry's serial number in
 *     hexadecimal, Unix seconds and reason
 * path LEAF ISSUING ROOT LIST ROOT_LIST SECONDS
 *     validates the path at a time, with revocation by these lists, and prints the leaf's key usage bits
 * </pre>
 *
 * Everything is DER. Prints ACCEPTED or REFUSED with the reason.
 */
public final class CertificateJudge {
    public static void main(String[] arguments) throws Exception {
        Security.addProvider(new BouncyCastleProvider());
        try {
            switch (arguments[0]) {
                case "list" -> list(list(arguments[1]), certificate(arguments[2]));
                case "path" -> path(arguments);
                default -> throw new IllegalArgumentException(arguments[0]);
            }
            System.out.println("ACCEPTED");
        } catch (Exception refused) {
            System.out.println("REFUSED " + refused + " " + refused.getCause());
        }
    }

    private static void list(X509CRL list, X509Certificate issuer) throws Exception {
        list.verify(issuer.getPublicKey(), "BC");
        require(list.getIssuerX500Principal().equals(issuer.getSubjectX500Principal()), "another issuer's name");
        require(issuer.getKeyUsage()[6], "the issuer may not sign lists");
        AuthorityKeyIdentifier named = AuthorityKeyIdentifier.getInstance(
            inner(list.getExtensionValue(Extension.authorityKeyIdentifier.getId())));
        SubjectKeyIdentifier identifier = SubjectKeyIdentifier.getInstance(
            inner(issuer.getExtensionValue(Extension.subjectKeyIdentifier.getId())));
        require(Arrays.equals(named.getKeyIdentifier(), identifier.getKeyIdentifier()), "another key's name");
        BigInteger number = ASN1Integer.getInstance(
            inner(list.getExtensionValue(Extension.cRLNumber.getId()))).getPositiveValue();
        System.out.println("number " + number);
        List<X509CRLEntry> entries = new ArrayList<>();
        if (list.getRevokedCertificates() != null) {
            entries.addAll(list.getRevokedCertificates());
        }
        entries.sort(Comparator.comparing(X509CRLEntry::getSerialNumber));
        for (X509CRLEntry entry : entries) {
            System.out.println("entry " + entry.getSerialNumber().toString(16)
                + " " + entry.getRevocationDate().getTime() / 1000 + " " + entry.getRevocationReason());
        }
    }

    private static void path(String[] arguments) throws Exception {
        X509Certificate leaf = certificate(arguments[1]);
        X509Certificate issuing = certificate(arguments[2]);
        X509Certificate root = certificate(arguments[3]);
        List<CRL> lists = List.of(list(arguments[4]), list(arguments[5]));
        root.verify(root.getPublicKey(), "BC");
        PKIXParameters parameters = new PKIXParameters(Set.of(new TrustAnchor(root, null)));
        parameters.setRevocationEnabled(true);
        parameters.addCertStore(CertStore.getInstance("Collection", new CollectionCertStoreParameters(lists), "BC"));
        parameters.setDate(new Date(Long.parseLong(arguments[6]) * 1000));
        CertPathValidator.getInstance("PKIX", "BC").validate(
            CertificateFactory.getInstance("X.509", "BC").generateCertPath(List.of(leaf, issuing)), parameters);
        require(leaf.getBasicConstraints() == -1, "the leaf is a CA");
        StringBuilder usage = new StringBuilder();
        for (boolean bit : leaf.getKeyUsage()) {
            usage.append(bit ? '1' : '0');
        }
        System.out.println("usage " + usage);
    }

    private static byte[] inner(byte[] extensionValue) {
        return ASN1OctetString.getInstance(extensionValue).getOctets();
    }

    private static void require(boolean holds, String otherwise) {
        if (!holds) {
            throw new IllegalStateException(otherwise);
        }
    }

    private static X509Certificate certificate(String path) throws Exception {
        return (X509Certificate) CertificateFactory.getInstance("X.509", "BC").generateCertificate(read(path));
    }

    private static X509CRL list(String path) throws Exception {
        return (X509CRL) CertificateFactory.getInstance("X.509", "BC").generateCRL(read(path));
    }

    private static ByteArrayInputStream read(String path) throws Exception {
        return new ByteArrayInputStream(Files.readAllBytes(Path.of(path)));
    }
}
