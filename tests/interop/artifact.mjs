// Artifacts in ONNX Runtime: a locked model loads, runs and knows nothing; opened with a key it
// answers as the original does, to the last bit without a mark. With the test set of Fashion-MNIST,
// where it is installed, the accuracies are counted. Prints TAP.
// Usage: node artifact.mjs TOOL CACHE_FOLDER MODEL…

import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { onnxruntime } from './peer.mjs'
import { finish, must, skip, test } from './tap.mjs'

const [tool, cache, ...models] = process.argv.slice(2)
const FASHION = '/usr/share/datasets/fashion-mnist/t10k-'
const OPTIONS = { intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 3 }
const COUNT = 2000
const PIXELS = 784

const ort = onnxruntime(cache)
const folder = mkdtempSync(join(tmpdir(), 'hallmark-artifact-'))

function ours(...args) {
  return JSON.parse(execFileSync(tool, args, { stdio: ['ignore', 'pipe', 'inherit'] }))
}

// ---- Images -------------------------------------------------------------------------------------

function installed() {
  return existsSync(`${FASHION}images-idx3-ubyte.gz`)
}

function photographs() {
  const images = gunzipSync(readFileSync(`${FASHION}images-idx3-ubyte.gz`))
  const labels = gunzipSync(readFileSync(`${FASHION}labels-idx1-ubyte.gz`))
  return {
    images: Float32Array.from(images.subarray(16, 16 + COUNT * PIXELS), (byte) => byte / 255),
    labels: labels.subarray(8, 8 + COUNT),
  }
}

// Numbers from 0 to 1 that look random and are the same every time.
function noise() {
  let state = 12345
  const images = new Float32Array(64 * PIXELS)
  for (let i = 0; i < images.length; i++) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0
    images[i] = (state >>> 8) / (1 << 24)
  }
  return { images }
}

const { images, labels } = installed() ? photographs() : noise()

async function answers(path) {
  const session = await ort.InferenceSession.create(path, OPTIONS)
  const input = new ort.Tensor('float32', images, [images.length / PIXELS, 1, 28, 28])
  const outputs = await session.run({ [session.inputNames[0]]: input })
  const found = outputs[session.outputNames[0]].data
  await session.release()
  return found
}

function chosen(logits) {
  const classes = logits.length / (images.length / PIXELS)
  return Array.from({ length: images.length / PIXELS }, (_, i) => {
    const row = logits.subarray(i * classes, (i + 1) * classes)
    return row.indexOf(Math.max(...row))
  })
}

function right(logits) {
  return chosen(logits).filter((answer, i) => answer === labels[i]).length / COUNT
}

function same(a, b) {
  return a.length === b.length && a.every((v, i) => Object.is(v, b[i]))
}

// ---- Models -------------------------------------------------------------------------------------

for (const model of models) {
  const name = basename(model)
  const [artifact, key, opened] = ['artifact', 'key', 'opened'].map((part) => join(folder, part))
  const original = await answers(model)

  await test(`${name}: sealed without marks, the artifact answers otherwise`, async () => {
    ours('make', model, artifact, key, 'exact')
    const locked = await answers(artifact)
    must(locked.length === original.length && locked.every(Number.isFinite), 'no finite answers')
    must(!same(locked, original), 'the artifact answers as the model does')
  })
  await test(`${name}: opened, the same answers to the last bit`, async () => {
    ours('open', artifact, key, opened)
    must(same(await answers(opened), original), 'other numbers come out')
  })
  await test(`${name}: with a mark, other numbers, the same answers`, async () => {
    ours('make', model, artifact, key)
    ours('open', artifact, key, opened)
    const marked = await answers(opened)
    must(!same(marked, original), 'there is no mark')
    if (!installed()) return
    const [before, after] = [chosen(original), chosen(marked)]
    const apart = before.filter((answer, i) => answer !== after[i]).length
    must(apart < 0.03 * COUNT, `${apart} of ${COUNT} answers differ`)
  })
  if (!installed()) {
    skip(`${name}: accuracies`, 'Fashion-MNIST is not installed')
    continue
  }
  await test(`${name}: accuracies`, async () => {
    const [was, locked, marked] = [original, await answers(artifact), await answers(opened)].map(right)
    console.log(`# ${COUNT} images: the model ${was}, its artifact ${locked}, opened ${marked}`)
    must(locked < 0.25, `the artifact is right ${locked} of the time`)
    must(Math.abs(was - marked) <= 0.01, `the mark costs ${was - marked}`)
  })
}

rmSync(folder, { recursive: true })
finish()
