// npm's `jose` at the service of a flow: one line of JSON for each question and each answer.
// Usage: node jose_peer.mjs CACHE_FOLDER
//
// {"open": JWE, "key": private JWK}   ->  {"header", "sha256", "bytes"} of what is inside
// {"verify": JWS, "key": public JWK}  ->  {"header", "payload"}
// whatever goes wrong                 ->  {"error"}

import { createHash } from 'node:crypto'
import { createInterface } from 'node:readline'
import { peer } from '../interop/peer.mjs'

const jose = peer(process.argv[2], 'jose', '5')

async function open({ open: jwe, key }) {
  const to = await jose.importJWK({ ...key, alg: 'ECDH-ES+A256KW' })
  const { plaintext, protectedHeader } = await jose.compactDecrypt(jwe, to)
  return { header: protectedHeader, sha256: createHash('sha256').update(plaintext).digest('hex'), bytes: plaintext.length }
}

async function verify({ verify: jws, key }) {
  const by = await jose.importJWK({ ...key, alg: 'ES256' })
  const { payload, protectedHeader } = await jose.compactVerify(jws, by, { algorithms: ['ES256'] })
  return { header: protectedHeader, payload: JSON.parse(new TextDecoder().decode(payload)) }
}

for await (const line of createInterface({ input: process.stdin })) {
  const question = JSON.parse(line)
  let answer
  try {
    answer = await ('open' in question ? open(question) : verify(question))
  } catch (error) {
    answer = { error: String(error.code ?? error) }
  }
  console.log(JSON.stringify(answer))
}
