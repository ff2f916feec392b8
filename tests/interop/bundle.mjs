// What vouches for a release, judged by others: the manifest by npm's `jose`; the bundle by
// Sigstore's own libraries and, field by field, as the OpenSSF model signing format (v1.0) has it.
// Prints TAP. Usage: node bundle.mjs TOOL PROGRAMS CACHE_FOLDER

import { execFileSync } from 'node:child_process'
import { createHash, createPublicKey, verify } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { peer } from './peer.mjs'
import { finish, must, test } from './tap.mjs'

const [tool, programs, cache] = process.argv.slice(2)
const artifact = Buffer.from('the bytes of an artifact')
const sha256 = (bytes) => createHash('sha256').update(bytes).digest()
const NAME = 'net "of" ünusual / name'
const RELEASE = 'rel_0198a000-0000-7000-8000-000000000001'
const STATEMENT = 'application/vnd.in-toto+json'

const folder = mkdtempSync(join(tmpdir(), 'hallmark-bundle-'))
const said = JSON.parse(
  execFileSync(tool, [programs, folder, NAME, sha256(artifact).toString('hex'), String(artifact.length)]),
)
rmSync(folder, { recursive: true })
const { manifest, bundle, jwks } = said
const key = createPublicKey({ key: jwks.keys[0], format: 'jwk' })
const envelope = bundle.dsseEnvelope
const payload = Buffer.from(envelope.payload, 'base64')

function same(got, want, what) {
  const [a, b] = [got, want].map((v) => JSON.stringify(v))
  must(a === b, `${what}: wanted ${b}, got ${a}`)
}

await test("the manifest, by npm's jose", async () => {
  const jose = peer(cache, 'jose', '5')
  const got = await jose.compactVerify(manifest, await jose.importJWK(jwks.keys[0], 'ES256'))
  const claims = JSON.parse(Buffer.from(got.payload))
  same(got.protectedHeader.typ, 'hallmark-manifest+jwt', 'typ')
  same(claims.release, RELEASE, 'release')
  same(claims.name, NAME, 'name')
  same(claims.artifact, { sha256: sha256(artifact).toString('hex'), bytes: artifact.length }, 'artifact')
  must(Math.abs(claims.iat - Date.now() / 1000) < 60, 'iat')
})

await test('the envelope is signed over its pre-authentication encoding', () => {
  same(envelope.payloadType, STATEMENT, 'payloadType')
  same(envelope.signatures.length, 1, 'signatures')
  const pae = Buffer.concat([Buffer.from(`DSSEv1 ${STATEMENT.length} ${STATEMENT} ${payload.length} `), payload])
  const signature = Buffer.from(envelope.signatures[0].sig, 'base64')
  must(verify('sha256', pae, { key, dsaEncoding: 'der' }, signature), 'the signature does not match')
  pae[pae.length - 2] ^= 1
  must(!verify('sha256', pae, { key, dsaEncoding: 'der' }, signature), 'any other bytes match too')
})

await test('the key is named by the digest of its PEM form', () => {
  const pem = key.export({ type: 'spki', format: 'pem' })
  same(bundle.verificationMaterial.publicKey.hint, sha256(Buffer.from(pem)).toString('hex'), 'hint')
})

await test('the statement is a model signature of version 1.0', () => {
  const s = JSON.parse(payload)
  same(s._type, 'https://in-toto.io/Statement/v1', '_type')
  same(s.predicateType, 'https://model_signing/signature/v1.0', 'predicateType')
  same(s.subject.map((one) => one.name), [NAME], 'subject')
  const { serialization, resources } = s.predicate
  same([serialization.method, serialization.hash_type], ['files', 'sha256'], 'serialization')
  same(resources, [{ name: `${RELEASE}.onnx`, algorithm: 'sha256', digest: sha256(artifact).toString('hex') }], 'resources')
  const root = sha256(Buffer.concat(resources.map((r) => Buffer.from(r.digest, 'hex'))))
  same(s.subject[0].digest.sha256, root.toString('hex'), "the subject's digest")
})

await test("Sigstore's libraries read the bundle and accept its signature", () => {
  const { bundleFromJSON } = peer(cache, '@sigstore/bundle', '2')
  const { Verifier, toSignedEntity, toTrustMaterial } = peer(cache, '@sigstore/verify', '1')
  const read = bundleFromJSON(bundle)
  const none = { tlogs: [], ctlogs: [], certificateAuthorities: [], timestampAuthorities: [] }
  const trust = (k) => toTrustMaterial({ mediaType: '', ...none }, () => ({ publicKey: k, validFor: () => true }))
  const judge = (k) => new Verifier(trust(k), { tlogThreshold: 0, ctlogThreshold: 0, tsaThreshold: 0 })
  judge(key).verify(toSignedEntity(read))
  bundle.dsseEnvelope.payload = Buffer.from(payload.toString().replace('onnx', 'onnz')).toString('base64')
  let refused = false
  try {
    judge(key).verify(toSignedEntity(bundleFromJSON(bundle)))
  } catch {
    refused = true
  }
  must(refused, 'another statement is accepted too')
})

finish()
