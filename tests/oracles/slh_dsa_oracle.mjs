// SPDX-License-Identifier: Apache-2.0
// Two other implementations of SLH-DSA-SHA2-128s: OpenSSL 3.5 (inside Node 24) and @noble/post-quantum.
// Run by signature_oracle_test with the node of build/npm.
//   node slh_dsa_oracle.mjs verify   standard input: cases; standard output: one byte a case (1 OpenSSL accepts, 2 noble
//                                    accepts, 4 noble was asked). A case: u8 ask noble, then three times u32 little-endian
//                                    length and bytes: public key, message, signature.
//   node slh_dsa_oracle.mjs make N   N vectors of each implementation, as text (tests/vectors/slh_dsa.txt)
import { createPublicKey, generateKeyPairSync, randomBytes, sign, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const require = createRequire(process.env.NODE_MODULES + '/');
const { slh_dsa_sha2_128s: noble } = await import(pathToFileURL(require.resolve('@noble/post-quantum/slh-dsa.js')));
const prefix = Buffer.from('3030300b0609608648016503040314032100', 'hex'); // SubjectPublicKeyInfo, RFC 9909

function openssl_accepts(key, message, signature) {
  try {
    const handle = createPublicKey({ key: Buffer.concat([prefix, key]), format: 'der', type: 'spki' });
    return verify(null, message, handle, signature);
  } catch {
    return false;
  }
}
function noble_accepts(key, message, signature) {
  try {
    return noble.verify(Uint8Array.from(signature), Uint8Array.from(message), Uint8Array.from(key));
  } catch {
    return false;
  }
}

if (process.argv[2] === 'verify') {
  const input = readFileSync(0);
  const verdicts = [];
  for (let at = 0; at < input.length;) {
    const ask = input[at++];
    const part = () => {
      const size = input.readUInt32LE(at);
      at += 4 + size;
      return input.subarray(at - size, at);
    };
    const [key, message, signature] = [part(), part(), part()];
    verdicts.push((openssl_accepts(key, message, signature) ? 1 : 0) | (ask ? 4 | (noble_accepts(key, message, signature) ? 2 : 0) : 0));
  }
  process.stdout.write(Buffer.from(verdicts));
} else {
  const show = (source, key, message, signature) =>
    console.log(`source ${source}\npublic ${key.toString('hex')}\nmessage ${message.toString('hex')}\nsignature ${Buffer.from(signature).toString('hex')}\n`);
  console.log(`# Made by tests/oracles/slh_dsa_oracle.mjs with Node ${process.version}, OpenSSL ${process.versions.openssl}, @noble/post-quantum ` +
    JSON.parse(readFileSync(process.env.NODE_MODULES + '/@noble/post-quantum/package.json')).version + '\n');
  for (let i = 0; i < Number(process.argv[3]); ++i) {
    const message = randomBytes(i * 37);
    const { publicKey, privateKey } = generateKeyPairSync('slh-dsa-sha2-128s');
    show(`OpenSSL ${process.versions.openssl}`, publicKey.export({ format: 'der', type: 'spki' }).subarray(prefix.length), message, sign(null, message, privateKey));
    const keys = noble.keygen(Uint8Array.from(randomBytes(48)));
    show('@noble/post-quantum', Buffer.from(keys.publicKey), message, noble.sign(Uint8Array.from(message), keys.secretKey));
  }
}
