// What core/onnx writes, loaded and run by ONNX Runtime: the same numbers come out, to the last bit,
// and edits do what they say. Prints TAP. Usage: node onnx.mjs TOOL CACHE_FOLDER MODEL…

import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { onnxruntime } from './peer.mjs'
import { finish, must, test } from './tap.mjs'

const [tool, cache, ...models] = process.argv.slice(2)
const ort = onnxruntime(cache)
const folder = mkdtempSync(join(tmpdir(), 'hallmark-onnx-'))

// ---- Models -------------------------------------------------------------------------------------

const OPTIONS = { intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 3 }

function made(verb, model) {
  const path = join(folder, `${verb}-${basename(model)}`)
  execFileSync(tool, [verb, model, path], { stdio: ['ignore', 'inherit', 'inherit'] })
  return path
}

// Numbers from 0 to 1 that look random and are the same every time.
function images(n) {
  const data = new Float32Array(n * 28 * 28)
  let state = 12345
  for (let i = 0; i < data.length; i++) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0
    data[i] = (state >>> 8) / (1 << 24)
  }
  return new ort.Tensor('float32', data, [n, 1, 28, 28])
}

async function run(path) {
  const session = await ort.InferenceSession.create(path, OPTIONS)
  const outputs = await session.run({ [session.inputNames[0]]: images(3) })
  const found = session.outputNames.map((name) => [name, outputs[name].data])
  await session.release()
  return found
}

function same(a, b) {
  return a.length === b.length && a.every((v, i) => Object.is(v, b[i]))
}

for (const model of models) {
  const name = basename(model)
  const [[, original]] = await run(model)

  await test(`${name}: all numbers written anew`, async () => {
    const [[, got]] = await run(made('renew', model))
    must(same(got, original), 'other numbers come out')
  })
  await test(`${name}: a node in front of the first, which is replaced`, async () => {
    const [[, got]] = await run(made('place', model))
    must(same(got, original), 'other numbers come out')
  })
  await test(`${name}: another output, a tensor, metadata, an attachment`, async () => {
    const outputs = await run(made('extend', model))
    must(outputs.length === 2 && outputs[1][0] === 'hallmark.twice', 'the output is missing')
    must(same(outputs[0][1], original), 'other numbers come out')
    must(same(outputs[1][1], original.map((v) => 2 * v)), 'the new node computes something else')
  })
  await test(`${name}: weights halved by the writer and by the patch`, async () => {
    const [written, patched] = [made('halve', model), made('patch', model)]
    must(readFileSync(written).equals(readFileSync(patched)), 'the files differ')
    const [[, got]] = await run(patched)
    must(!same(got, original) && got.every(Number.isFinite), 'nothing has changed')
  })
}

rmSync(folder, { recursive: true })
finish()
