// A license, its unlock keys, a list of revocations and a customer's proof, all by npm's `jose`, on
// the other side a custodian as it runs. Prints TAP.
// Usage: node licensing.mjs TOOL PROGRAMS CACHE_FOLDER

import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { peer } from './peer.mjs'
import { finish, must, test } from './tap.mjs'

const [tool, programs, cache] = process.argv.slice(2)
const jose = peer(cache, 'jose', '5')
const UUID = '0198a000-0000-7000-8000-000000000001'
const b64 = (bytes) => Buffer.from(bytes).toString('base64url')

function same(got, want, what) {
  const [a, b] = [got, want].map((v) => JSON.stringify(v))
  must(a === b, `${what}: wanted ${b}, got ${a}`)
}

// The customer, whose library is not ours; a proof of his over a request.
const { privateKey, publicKey } = await jose.generateKeyPair('ES256', { extractable: true })
const { kty, crv, x, y } = await jose.exportJWK(publicKey)
const jwk = { crv, kty, x, y }
const thumbprint = await jose.calculateJwkThumbprint(jwk)
const request = {
  digest: b64(createHash('sha256').update('{}').digest()), method: 'POST', nonce: b64('a nonce'),
  path: `/v1/licenses/lic_${UUID}/unlock?x=1`,
}
const proof = await new jose.CompactSign(Buffer.from(JSON.stringify(request)))
  .setProtectedHeader({ alg: 'ES256', typ: 'hallmark-proof+jwt', kid: `cus_${UUID}` })
  .sign(privateKey)

const folder = mkdtempSync(join(tmpdir(), 'hallmark-licensing-'))
const said = JSON.parse(
  execFileSync(tool, [programs, folder, JSON.stringify(jwk), proof], { maxBuffer: 1 << 24 }),
)
rmSync(folder, { recursive: true })
const vendor = jose.createLocalJWKSet(said.jwks)

await test('the license is a JWT of the vendor', async () => {
  const { payload, protectedHeader } = await jose.jwtVerify(said.license, vendor, {
    typ: 'hallmark-license+jwt', issuer: `ven_${UUID}`, audience: `rel_${UUID}`,
    subject: `cus_${UUID}`, algorithms: ['ES256'], requiredClaims: ['exp', 'nbf', 'iat', 'jti'],
  })
  same(payload.jti, `lic_${UUID}`, 'jti')
  same(payload.artifact, 'a7'.repeat(32), 'artifact')
  same([payload.image, payload.key_image], ['unlock', b64(Buffer.alloc(32, 0xa7))], 'key image')
  same(payload.keys, [protectedHeader.kid], 'keys')
  same(said.jwks.keys[0].kid, await jose.calculateJwkThumbprint(said.jwks.keys[0]), 'kid')
})

await test('the list of revocations is signed by the same key', async () => {
  const { payload, protectedHeader } = await jose.compactVerify(said.revocations, vendor)
  const list = JSON.parse(Buffer.from(payload))
  same(protectedHeader.typ, 'hallmark-revocations+jwt', 'typ')
  same(Object.keys(list), Object.keys(list).sort(), 'members in order')
  same(Buffer.from(list.revoked, 'base64url').toString('hex'), '010203'.padEnd(32, '0'), 'revoked')
  same(list.suspended, '', 'suspended')
})

await test('the unlock keys open, and name what they are for', async () => {
  const open = (token) =>
    jose.compactDecrypt(token, privateKey, {
      keyManagementAlgorithms: ['ECDH-ES+A256KW'], contentEncryptionAlgorithms: ['A256GCM'],
    })
  const [one, again, other] = said.keys
  same(one, again, 'the same question')
  const { plaintext, protectedHeader } = await open(one)
  same(Buffer.from(plaintext.subarray(0, 6)).toString(), 'HMKKEY', 'plain key')
  same(plaintext.length > 4 << 14, true, 'its table')
  const { alg, enc, epk, ...names } = protectedHeader
  same(names, {
    typ: 'hallmark-unlock+jwt', kid: thumbprint, release: `rel_${UUID}`, artifact: 'a7'.repeat(32),
    license: `lic_${UUID}`,
  }, 'header')
  const [head, key, nonce] = one.split('.')
  const [otherHead, otherKey, otherNonce] = other.split('.')
  same([head, key], [otherHead, otherKey], 'the head')
  must(nonce !== otherNonce, 'two keys with one nonce')
  same(Buffer.compare((await open(other)).plaintext, plaintext) !== 0, true, 'another key')
  for (const part of [0, 1, 2, 3, 4]) {
    const parts = one.split('.')
    const theirs = other.split('.')[part]
    parts[part] = theirs === parts[part] ? theirs.slice(0, -4) : theirs
    let opened = true
    await open(parts.join('.')).catch(() => (opened = false))
    must(!opened, `part ${part} can be exchanged`)
  }
})

await test('a proof by another library is read', () => {
  same(said.proof, {
    kid: `cus_${UUID}`, method: request.method, path: request.path, nonce: request.nonce,
    digest: request.digest,
  }, 'proof')
})

finish()
