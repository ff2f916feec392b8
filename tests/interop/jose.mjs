// Our JOSE against two other implementations, both ways: npm's `jose` and libjose's command-line
// tool. Prints TAP. Usage: node jose.mjs TOOL CACHE_FOLDER [LIBJOSE_COMMAND]
//
// libjose writes no compact ECDH-ES+A256KW (it keeps epk out of the protected header), so for JWE
// it can only read what we write.

import { execFileSync, spawn } from 'node:child_process'
import { webcrypto } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { peer } from './peer.mjs'
import { finish, skip, test } from './tap.mjs'

const [tool, cache, libjose] = process.argv.slice(2)

// ---- Our side: one line of JSON each way --------------------------------------------------------

const ours = spawn(tool, { stdio: ['pipe', 'pipe', 'inherit'] })
const waiting = []
createInterface({ input: ours.stdout }).on('line', (line) => waiting.shift()(JSON.parse(line)))
ours.on('exit', () => waiting.splice(0).forEach((done) => done({ error: 'the tool ended' })))

function ask(request) {
  return new Promise((done) => {
    waiting.push(done)
    ours.stdin.write(JSON.stringify(request) + '\n')
  })
}

function same(got, want, what) {
  const [a, b] = [got, want].map((v) => (v instanceof Uint8Array ? Buffer.from(v).toString('hex') : v))
  if (a !== b) throw new Error(`${what}: wanted ${b}, got ${a}`)
}

// ---- What is exchanged --------------------------------------------------------------------------

const SIGNED = 'hallmark-license+jwt'
const SEALED = 'hallmark-unlock'
const DIGEST = 'n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg'
const SIZES = [0, 1, 2, 3, 15, 16, 17, 31, 32, 33, 100, 1000, 65536, 500000]

// The last major version that Debian's node 18 can run.
const jose = peer(cache, 'jose', '5')
const b64 = (bytes) => Buffer.from(bytes).toString('base64url')
const noise = (n) => {
  const bytes = new Uint8Array(n)
  for (let at = 0; at < n; at += 65536) webcrypto.getRandomValues(bytes.subarray(at, at + 65536))
  return bytes
}

async function person(alg) {
  const pair = await jose.generateKeyPair(alg, { extractable: true })
  const own = await jose.exportJWK(pair.privateKey)
  const { d, ...jwk } = own
  return { ...pair, own, d, jwk }
}

const signers = await Promise.all(Array.from({ length: 8 }, () => person('ES256')))
const receivers = await Promise.all(
  Array.from({ length: 8 }, () => person('ECDH-ES+A256KW')),
)
const signer = (i) => signers[i % signers.length]
const receiver = (i) => receivers[i % receivers.length]

async function sign(i, payload) {
  const r = await ask({ op: 'sign', d: signer(i).d, typ: SIGNED, kid: `k${i}`, payload: b64(payload) })
  if (r.error) throw new Error(`${r.error}: ${r.text}`)
  return r.token
}

async function encrypt(i, payload) {
  const r = await ask({
    op: 'encrypt', jwk: receiver(i).jwk, typ: SEALED, payload: b64(payload),
    license: `lic_${i}`, artifact: DIGEST,
  })
  if (r.error) throw new Error(`${r.error}: ${r.text}`)
  return r.token
}

async function refused(request, want) {
  const r = await ask(request)
  same(r.error, want, `error of ${request.op} (${r.text})`)
}

// ---- npm jose -----------------------------------------------------------------------------------

await test('thumbprints and public keys agree', async () => {
  for (const p of [...signers, ...receivers]) {
    const r = await ask({ op: 'public', d: p.d })
    same(r.thumbprint, await jose.calculateJwkThumbprint(p.jwk), 'thumbprint')
    same(r.jwk.x, p.jwk.x, 'x')
    same(r.jwk.y, p.jwk.y, 'y')
    same((await ask({ op: 'public', jwk: p.jwk })).thumbprint, r.thumbprint, 'from the public half')
  }
})

await test('what we sign, npm jose verifies', async () => {
  for (const [i, n] of SIZES.entries()) {
    const payload = noise(n)
    const got = await jose.compactVerify(await sign(i, payload), signer(i).publicKey, {
      algorithms: ['ES256'],
    })
    same(got.payload, payload, `payload of ${n}`)
    same(got.protectedHeader.typ, SIGNED, 'typ')
    same(got.protectedHeader.kid, `k${i}`, 'kid')
  }
})

await test('what npm jose signs, we verify', async () => {
  for (const [i, n] of SIZES.entries()) {
    const payload = noise(n)
    const token = await new jose.CompactSign(payload)
      .setProtectedHeader({ alg: 'ES256', typ: SIGNED, kid: `k${i}` })
      .sign(signer(i).privateKey)
    const r = await ask({ op: 'verify', jwk: signer(i).jwk, typ: SIGNED, token })
    same(r.payload, b64(payload), `payload of ${n} (${r.text})`)
    same(r.kid, `k${i}`, 'kid')
  }
})

await test('a license of ours is a JWT to npm jose', async () => {
  const claims = { iss: 'v', sub: 'c', aud: 'r', jti: 'l', exp: 4102444800 }
  const token = await sign(0, Buffer.from(JSON.stringify(claims)))
  const got = await jose.jwtVerify(token, signer(0).publicKey, { typ: SIGNED, audience: 'r' })
  same(JSON.stringify(got.payload), JSON.stringify(claims), 'claims')
})

await test('what we encrypt, npm jose decrypts', async () => {
  for (const [i, n] of SIZES.entries()) {
    const payload = noise(n)
    const got = await jose.compactDecrypt(await encrypt(i, payload), receiver(i).privateKey, {
      keyManagementAlgorithms: ['ECDH-ES+A256KW'],
      contentEncryptionAlgorithms: ['A256GCM'],
    })
    same(got.plaintext, payload, `payload of ${n}`)
    same(got.protectedHeader.typ, SEALED, 'typ')
    same(got.protectedHeader.license, `lic_${i}`, 'license')
    same(got.protectedHeader.artifact, DIGEST, 'artifact')
    same(got.protectedHeader.kid, await jose.calculateJwkThumbprint(receiver(i).jwk), 'kid')
  }
})

await test('tokens behind one head, npm jose decrypts', async () => {
  for (const [i, n] of SIZES.entries()) {
    const payload = noise(n)
    const r = await ask({
      op: 'behind', jwk: receiver(i).jwk, typ: SEALED, payload: b64(payload), license: `lic_${i}`,
      artifact: DIGEST,
    })
    const [one, two] = [r.token, r.second].map((token) => token.split('.'))
    same(one.slice(0, 2).join(), two.slice(0, 2).join(), 'head')
    if (one[2] === two[2]) throw new Error('two tokens with one nonce')
    for (const token of [r.token, r.second]) {
      const got = await jose.compactDecrypt(token, receiver(i).privateKey)
      same(got.plaintext, payload, `payload of ${n}`)
      same(got.protectedHeader.license, `lic_${i}`, 'license')
      same((await ask({ op: 'decrypt', d: receiver(i).d, typ: SEALED, token })).payload, b64(payload), 'by us')
    }
  }
})

await test('what npm jose encrypts, we decrypt', async () => {
  for (const [i, n] of SIZES.entries()) {
    const payload = noise(n)
    const parties = i % 2 === 0 ? {} : { apu: noise(i), apv: noise(3) }
    const token = await new jose.CompactEncrypt(payload)
      .setProtectedHeader({ alg: 'ECDH-ES+A256KW', enc: 'A256GCM', typ: SEALED, license: `lic_${i}` })
      .setKeyManagementParameters(parties)
      .encrypt(receiver(i).publicKey)
    const r = await ask({ op: 'decrypt', d: receiver(i).d, typ: SEALED, token })
    same(r.payload, b64(payload), `payload of ${n} (${r.text})`)
    same(r.header.license, `lic_${i}`, 'license')
  }
})

await test('changed tokens are refused on both sides', async () => {
  const change = (token, part) => {
    const parts = token.split('.')
    const at = Math.floor(parts[part].length / 2)
    const other = parts[part][at] === 'A' ? 'B' : 'A'
    parts[part] = parts[part].slice(0, at) + other + parts[part].slice(at + 1)
    return parts.join('.')
  }
  const rejects = async (call) => {
    try {
      await call()
    } catch {
      return
    }
    throw new Error('npm jose accepted a changed token')
  }
  const signed = await sign(1, noise(40))
  const sealed = await encrypt(1, noise(40))
  for (const part of [1, 2]) {
    await rejects(() => jose.compactVerify(change(signed, part), signer(1).publicKey))
    await refused(
      { op: 'verify', jwk: signer(1).jwk, typ: SIGNED, token: change(signed, part) },
      'INTEGRITY',
    )
  }
  for (const part of [1, 2, 3, 4]) {
    await rejects(() => jose.compactDecrypt(change(sealed, part), receiver(1).privateKey))
    await refused(
      { op: 'decrypt', d: receiver(1).d, typ: SEALED, token: change(sealed, part) },
      'INTEGRITY',
    )
  }
})

await test('other algorithms of npm jose are refused', async () => {
  for (const alg of ['ES384', 'ES512', 'RS256', 'PS256', 'EdDSA', 'HS256']) {
    const key = alg === 'HS256' ? noise(32) : (await jose.generateKeyPair(alg)).privateKey
    const token = await new jose.CompactSign(noise(10)).setProtectedHeader({ alg, typ: SIGNED }).sign(key)
    await refused({ op: 'verify', jwk: signer(0).jwk, typ: SIGNED, token }, 'INVALID_VALUE')
  }
  const forms = [
    ['ECDH-ES', 'A256GCM'], ['ECDH-ES+A128KW', 'A256GCM'], ['ECDH-ES+A256KW', 'A128GCM'],
    ['ECDH-ES+A256KW', 'A256CBC-HS512'],
  ]
  for (const [alg, enc] of forms) {
    const token = await new jose.CompactEncrypt(noise(10))
      .setProtectedHeader({ alg, enc, typ: SEALED })
      .encrypt(receiver(0).publicKey)
    await refused({ op: 'decrypt', d: receiver(0).d, typ: SEALED, token }, 'INVALID_VALUE')
  }
})

// ---- libjose ------------------------------------------------------------------------------------

const temporary = mkdtempSync(join(tmpdir(), 'hallmark-jose-'))
process.on('exit', () => rmSync(temporary, { recursive: true, force: true }))

function file(name, content) {
  const path = join(temporary, name)
  writeFileSync(path, typeof content === 'object' && !ArrayBuffer.isView(content) ? JSON.stringify(content) : content, { mode: 0o600 })
  return path
}

function run(...args) {
  return execFileSync(libjose, args, { maxBuffer: 1 << 24, stdio: ['ignore', 'pipe', 'pipe'] })
}

async function libjoseTest(name, body) {
  if (!libjose) return skip(name, 'no jose command')
  await test(name, body)
}

await libjoseTest('libjose agrees on thumbprints', async () => {
  for (const p of signers) {
    const r = await ask({ op: 'public', d: p.d })
    same(run('jwk', 'thp', '-a', 'S256', '-i', file('key', p.jwk)).toString().trim(), r.thumbprint, 'thumbprint')
  }
})

await libjoseTest('what we sign, libjose verifies', async () => {
  for (const [i, n] of SIZES.entries()) {
    const payload = noise(n)
    const token = file('token', await sign(i, payload))
    same(run('jws', 'ver', '-i', token, '-k', file('key', signer(i).jwk), '-O', '-'), payload, `payload of ${n}`)
  }
})

await libjoseTest('what libjose signs, we verify', async () => {
  for (const [i, n] of SIZES.entries()) {
    const payload = noise(n)
    const token = run(
      'jws', 'sig', '-c', '-I', file('payload', payload), '-k', file('key', signer(i).own),
      '-s', file('form', { protected: { alg: 'ES256', typ: SIGNED } }),
    ).toString().trim()
    const r = await ask({ op: 'verify', jwk: signer(i).jwk, typ: SIGNED, token })
    same(r.payload, b64(payload), `payload of ${n} (${r.text})`)
  }
})

await libjoseTest('what we encrypt, libjose decrypts', async () => {
  for (const [i, n] of SIZES.entries()) {
    const payload = noise(n)
    const token = file('token', await encrypt(i, payload))
    same(run('jwe', 'dec', '-i', token, '-k', file('key', receiver(i).own)), payload, `payload of ${n}`)
  }
})

ours.stdin.end()
finish()
