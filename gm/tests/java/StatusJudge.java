import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.Security;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Date;
import java.util.List;
import java.util.Set;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.gm.GMObjectIdentifiers;
import org.bouncycastle.asn1.ocsp.OCSPObjectIdentifiers;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.Extensions;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.jcajce.JcaCertStore;
import org.bouncycastle.cert.ocsp.BasicOCSPResp;
import org.bouncycastle.cert.ocsp.BasicOCSPRespBuilder;
import org.bouncycastle.cert.ocsp.CertificateID;
import org.bouncycastle.cert.ocsp.CertificateStatus;
import org.bouncycastle.cert.ocsp.OCSPReq;
import org.bouncycastle.cert.ocsp.OCSPResp;
import org.bouncycastle.cert.ocsp.OCSPRespBuilder;
import org.bouncycastle.cert.ocsp.Req;
import org.bouncycastle.cert.ocsp.RespID;
import org.bouncycastle.cert.ocsp.RevokedStatus;
import org.bouncycastle.cert.ocsp.SingleResp;
import org.bouncycastle.cms.jcajce.JcaSimpleSignerInfoGeneratorBuilder;
import org.bouncycastle.cms.jcajce.JcaSimpleSignerInfoVerifierBuilder;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.operator.DigestCalculator;
import org.bouncycastle.operator.DigestCalculatorProvider;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.bouncycastle.operator.jcajce.JcaContentVerifierProviderBuilder;
import org.bouncycastle.operator.jcajce.JcaDigestCalculatorProviderBuilder;
import org.bouncycastle.tsp.TimeStampRequest;
import org.bouncycastle.tsp.TimeStampResponse;
import org.bouncycastle.tsp.TimeStampResponseGenerator;
import org.bouncycastle.tsp.TimeStampToken;
import org.bouncycastle.tsp.TimeStampTokenGenerator;

/**
 * Bouncy Castle as an independent judge of OCSP responses and time stamps with SM2.
 *
 * <pre>
 * status REQUEST RESPONSE ISSUER RESPONDER    verifies the response and prints what it says of each certificate
 * answer REQUEST OUT ISSUER RESPONDER KEY     answers: even serial numbers are good, odd ones revoked (superseded)
 * stamped REQUEST RESPONSE AUTHORITY          verifies the token as the answer to the request, and prints its number
 * stamp REQUEST OUT AUTHORITY KEY             answers with the number 42
 * </pre>
 *
 * Everything is DER, keys PKCS #8. Prints ACCEPTED or REFUSED with the reason.
 */
public final class StatusJudge {
    public static void main(String[] arguments) throws Exception {
        Security.addProvider(new BouncyCastleProvider());
        try {
            switch (arguments[0]) {
                case "status" -> status(arguments);
                case "answer" -> answer(arguments);
                case "stamped" -> stamped(arguments);
                case "stamp" -> stamp(arguments);
                default -> throw new IllegalArgumentException(arguments[0]);
            }
            System.out.println("ACCEPTED");
        } catch (Exception refused) {
            System.out.println("REFUSED " + refused + " " + refused.getCause());
        }
    }

    private static void status(String[] arguments) throws Exception {
        OCSPReq request = new OCSPReq(read(arguments[1]));
        OCSPResp response = new OCSPResp(read(arguments[2]));
        X509CertificateHolder issuer = certificate(arguments[3]);
        X509CertificateHolder responder = certificate(arguments[4]);
        require(response.getStatus() == 0, "status " + response.getStatus());
        BasicOCSPResp basic = (BasicOCSPResp) response.getResponseObject();
        require(basic.isSignatureValid(new JcaContentVerifierProviderBuilder().setProvider("BC").build(responder)),
            "the signature");
        boolean named = basic.getResponderId().equals(new RespID(responder.getSubject()))
            || basic.getResponderId().equals(new RespID(responder.getSubjectPublicKeyInfo(), sha1()));
        require(named, "another responder");
        Extension sent = request.getExtension(OCSPObjectIdentifiers.id_pkix_ocsp_nonce);
        Extension found = basic.getExtension(OCSPObjectIdentifiers.id_pkix_ocsp_nonce);
        require(sent == null || sent.equals(found), "another nonce");
        for (Req asked : request.getRequestList()) {
            require(asked.getCertID().matchesIssuer(issuer, digests()), "another issuer");
            for (SingleResp single : basic.getResponses()) {
                if (single.getCertID().equals(asked.getCertID())) {
                    CertificateStatus status = single.getCertStatus();
                    String said = status == null ? "good" : status instanceof RevokedStatus revoked
                        ? "revoked " + (revoked.hasRevocationReason() ? revoked.getRevocationReason() : "")
                        : "unknown";
                    System.out.println(single.getCertID().getSerialNumber() + " " + said);
                }
            }
        }
    }

    private static void answer(String[] arguments) throws Exception {
        OCSPReq request = new OCSPReq(read(arguments[1]));
        X509CertificateHolder issuer = certificate(arguments[3]);
        X509CertificateHolder responder = certificate(arguments[4]);
        BasicOCSPRespBuilder builder = new BasicOCSPRespBuilder(new RespID(responder.getSubject()));
        for (Req asked : request.getRequestList()) {
            CertificateID id = asked.getCertID();
            require(id.matchesIssuer(issuer, digests()), "another issuer");
            Date now = new Date();
            CertificateStatus status =
                id.getSerialNumber().testBit(0) ? new RevokedStatus(now, 4) : CertificateStatus.GOOD;
            builder.addResponse(id, status, now, new Date(now.getTime() + 60_000));
        }
        Extension nonce = request.getExtension(OCSPObjectIdentifiers.id_pkix_ocsp_nonce);
        builder.setResponseExtensions(new Extensions(nonce));
        BasicOCSPResp basic = builder.build(
            new JcaContentSignerBuilder("SM3WITHSM2").setProvider("BC").build(key(arguments[5])),
            new X509CertificateHolder[] {responder}, new Date());
        Files.write(Path.of(arguments[2]), new OCSPRespBuilder().build(OCSPRespBuilder.SUCCESSFUL, basic).getEncoded());
    }

    private static void stamped(String[] arguments) throws Exception {
        TimeStampResponse response = new TimeStampResponse(read(arguments[2]));
        response.validate(new TimeStampRequest(read(arguments[1])));
        TimeStampToken token = response.getTimeStampToken();
        token.validate(
            new JcaSimpleSignerInfoVerifierBuilder().setProvider("BC").build(certificate(arguments[3])));
        System.out.println("number " + token.getTimeStampInfo().getSerialNumber());
    }

    private static void stamp(String[] arguments) throws Exception {
        TimeStampRequest request = new TimeStampRequest(read(arguments[1]));
        X509CertificateHolder authority = certificate(arguments[3]);
        AlgorithmIdentifier sm3 = new AlgorithmIdentifier(GMObjectIdentifiers.sm3);
        TimeStampTokenGenerator tokens = new TimeStampTokenGenerator(
            new JcaSimpleSignerInfoGeneratorBuilder().setProvider("BC").build("SM3WITHSM2", key(arguments[4]), authority),
            digests().get(sm3), new ASN1ObjectIdentifier("1.2.3.4"));
        tokens.setAccuracyMillis(30);
        tokens.addCertificates(new JcaCertStore(List.of(authority)));
        TimeStampResponse response = new TimeStampResponseGenerator(tokens, Set.of(GMObjectIdentifiers.sm3.getId()))
            .generate(request, BigInteger.valueOf(42), new Date());
        Files.write(Path.of(arguments[2]), response.getEncoded("DL"));
    }

    private static DigestCalculatorProvider digests() throws Exception {
        return new JcaDigestCalculatorProviderBuilder().setProvider("BC").build();
    }

    private static DigestCalculator sha1() throws Exception {
        return digests().get(CertificateID.HASH_SHA1);
    }

    private static PrivateKey key(String path) throws Exception {
        return KeyFactory.getInstance("EC", "BC").generatePrivate(new PKCS8EncodedKeySpec(read(path)));
    }

    private static X509CertificateHolder certificate(String path) throws Exception {
        return new X509CertificateHolder(read(path));
    }

    private static byte[] read(String path) throws Exception {
        return Files.readAllBytes(Path.of(path));
    }

    private static void require(boolean condition, String otherwise) {
        if (!condition) {
            throw new IllegalStateException(otherwise);
        }
    }
}
