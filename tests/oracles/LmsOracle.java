// SPDX-License-Identifier: Apache-2.0
// Another implementation of LMS (HSS with one level): BouncyCastle. Run by signature_oracle_test with Java's source launcher.
//   java -cp bcprov.jar LmsOracle.java verify   standard input: cases; standard output: one byte a case, 1 = accepted.
//                                               A case: three times u32 little-endian length and bytes: key, message, signature.
//   java -cp bcprov.jar LmsOracle.java make     one vector of each parameter set that is quick to make, as text
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.security.SecureRandom;
import org.bouncycastle.crypto.AsymmetricCipherKeyPair;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.pqc.crypto.lms.*;
import org.bouncycastle.util.encoders.Hex;

public class LmsOracle {
  static byte[] part(DataInputStream in) throws Exception {
    byte[] size = new byte[4];
    in.readFully(size);
    byte[] bytes = new byte[(size[0] & 255) | (size[1] & 255) << 8 | (size[2] & 255) << 16 | (size[3] & 255) << 24];
    in.readFully(bytes);
    return bytes;
  }

  static int number(byte[] bytes, int at) {
    return (bytes[at] & 255) << 24 | (bytes[at + 1] & 255) << 16 | (bytes[at + 2] & 255) << 8 | (bytes[at + 3] & 255);
  }

  static boolean accepts(byte[] key, byte[] message, byte[] signature) {
    try {
      // BouncyCastle 1.72 takes the types from the signature and does not compare them with the key's, as RFC 8554 demands
      // (algorithm 6a, steps 2c and 2g): found by this test, and done here in its place.
      int type = number(signature, 8), chains = type == 1 ? 265 : type == 2 ? 133 : type == 3 ? 67 : 34;
      if (type != number(key, 8) || number(signature, 44 + 32 * chains) != number(key, 4)) return false;
      HSSSigner verifier = new HSSSigner();
      verifier.init(false, HSSPublicKeyParameters.getInstance(key));
      return verifier.verifySignature(message, signature);
    } catch (Exception refused) {
      return false;
    }
  }

  static void make(LMSigParameters tree, LMOtsParameters chain, String name) throws Exception {
    HSSKeyPairGenerator generator = new HSSKeyPairGenerator();
    generator.init(new HSSKeyGenerationParameters(new LMSParameters[] {new LMSParameters(tree, chain)}, new SecureRandom()));
    AsymmetricCipherKeyPair pair = generator.generateKeyPair();
    HSSSigner signer = new HSSSigner();
    signer.init(true, pair.getPrivate());
    byte[] key = ((HSSPublicKeyParameters) pair.getPublic()).getEncoded();
    for (int i = 0; i < 3; ++i) {
      byte[] message = new byte[i * 61];
      new SecureRandom().nextBytes(message);
      byte[] signature = signer.generateSignature(message);
      System.out.println("source BouncyCastle " + name + "\npublic " + Hex.toHexString(key) + "\nmessage " + Hex.toHexString(message)
          + "\nsignature " + Hex.toHexString(signature) + "\n");
    }
  }

  public static void main(String[] arguments) throws Exception {
    if (arguments[0].equals("verify")) {
      DataInputStream in = new DataInputStream(System.in);
      ByteArrayOutputStream verdicts = new ByteArrayOutputStream();
      try {
        while (true) verdicts.write(accepts(part(in), part(in), part(in)) ? 1 : 0);
      } catch (EOFException end) {
        System.out.write(verdicts.toByteArray());
        System.out.flush();
      }
      return;
    }
    System.out.println("# Made by tests/oracles/LmsOracle.java with " + new BouncyCastleProvider().getInfo() + "\n");
    make(LMSigParameters.lms_sha256_n32_h10, LMOtsParameters.sha256_n32_w4, "H10/W4");
    make(LMSigParameters.lms_sha256_n32_h10, LMOtsParameters.sha256_n32_w8, "H10/W8");
    if (arguments.length > 1) make(LMSigParameters.lms_sha256_n32_h15, LMOtsParameters.sha256_n32_w4, "H15/W4");
  }
}
